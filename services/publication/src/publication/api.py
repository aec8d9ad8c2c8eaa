"""What stands on the site, and how a story would look."""

from typing import Literal
from uuid import UUID

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel

from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.web import create_app as create_chassis_app
from contracts.content import Snapshot
from publication import bootstrap
from publication.domain.story import Story
from publication.settings import Settings
from publication.store import Stories


class Preview(BaseModel):
    snapshot: Snapshot
    at: AwareDatetime


class StoryAnswer(BaseModel):
    story_id: UUID
    version: int
    state: Literal["live", "unpublished", "killed"]
    url: str
    data_url: str
    first_published_at: AwareDatetime
    changed_at: AwareDatetime


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    database, press = bootstrap.database(settings), bootstrap.press(settings)
    app = create_chassis_app(
        service="publication",
        title="Depesha publication",
        database=database,
        checks={"site": press.bucket.check},
        max_body_bytes=4 * 1024 * 1024,
    )

    @app.get("/stories/{story_id}")
    def story(story_id: UUID) -> StoryAnswer:
        """A story as it stands on the site."""
        with database.connection() as connection:
            found = Stories(connection).get(story_id)
        if found is None:
            raise NotFound(f"story {story_id}: never published")
        return StoryAnswer(
            story_id=found.story_id,
            version=found.version,
            state=found.state,
            url=press.url(f"{found.path}.html"),
            data_url=press.url(f"{found.path}.json"),
            first_published_at=found.first_published_at,
            changed_at=found.changed_at,
        )

    @app.post("/previews", response_class=HTMLResponse)
    def preview(order: Preview) -> HTMLResponse:
        """The page exactly as it would be published; nothing is kept."""
        shown = Story(new_id(), 1, "live", "preview", order.snapshot, order.at, order.at)
        return HTMLResponse(press.theme.article(shown, press.url("preview.html")))

    return app
