"""What stands on the sites, how a story would look, and the content API for sites that prefer pulling."""

import base64
import binascii
import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Header, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import AwareDatetime, BaseModel, Field

from chassis.database import Database
from chassis.doors import Policy, needs
from chassis.errors import NotFound, Refusal
from chassis.ids import new_id
from chassis.web import create_app as create_chassis_app
from contracts.content import Moment, Snapshot
from publication import bootstrap
from publication.domain.cleaning import clean_snapshot
from publication.domain.faults import find_faults, in_words
from publication.domain.ninjs import make_item
from publication.domain.outputs import OutputKind, OutputState, outputs_of
from publication.domain.slugs import story_path
from publication.domain.story import Story
from publication.press import Press
from publication.settings import Settings
from publication.store.lists import Lists
from publication.store.posts import Posts
from publication.store.releases import Releases
from publication.store.stories import Stories

ITEMS = 50


class Gone(Refusal):
    """The story was killed or taken down."""

    status = 410
    title = "Gone"
    slug = "gone"


class BadCursor(Refusal):
    """The cursor was not made by this API."""

    status = 422
    title = "The cursor is not valid"
    slug = "bad-cursor"


class Faulty(Refusal):
    """The snapshot would make a broken page; the message says what to mend."""

    title = "The story cannot be shown"
    slug = "faulty-snapshot"


class Preview(BaseModel):
    snapshot: Snapshot
    at: Moment
    site: str = ""
    story_id: UUID | None = Field(default=None, description="whose address the page says; left out: none in particular")


class Place(BaseModel):
    """A story on one site."""

    site: str
    url: str
    data_url: str


class StoryAnswer(BaseModel):
    story_id: UUID
    version: int
    state: Literal["live", "unpublished", "killed"]
    url: str
    data_url: str
    places: list[Place]
    first_published_at: AwareDatetime
    changed_at: AwareDatetime


class ReleaseAnswer(BaseModel):
    """One order and what came of it: released, stale, refused, or delayed (the storage is down, it is tried again)."""

    release_id: UUID
    story_id: UUID
    version: int
    action: str
    ordered_by: str
    ordered_at: AwareDatetime
    outcome: Literal["released", "stale", "refused", "delayed"]
    released_at: AwareDatetime


class ChannelAnswer(BaseModel):
    channel: str
    state: Literal["waiting", "posted", "edited", "deleted", "failed"]
    version: int
    url: str
    detail: str
    attempts: int
    next_attempt_at: AwareDatetime | None
    changed_at: AwareDatetime


class Wanted(BaseModel):
    """Which items a site pulls."""

    site: str = Field(default="", description="a site's key; empty: the first")
    cursor: str = Field(default="", description="`next` of the page before")
    limit: int = Field(default=ITEMS, ge=1, le=200)
    since: Moment | None = Field(default=None, description="changed at or after this")
    language: str = Field(default="", max_length=20)
    rubric: str = Field(default="", max_length=200)
    tag: str = Field(default="", max_length=200)


class OutputAnswer(BaseModel):
    """A file of a site that shows the story. `waiting`: it is about to be written again; `gone`: only a notice is left there."""

    kind: OutputKind
    site: str
    url: str
    state: OutputState
    version: int


class ReleasesAnswer(BaseModel):
    releases: list[ReleaseAnswer]
    outputs: list[OutputAnswer]
    channels: list[ChannelAnswer]


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    database, press = bootstrap.database(settings), bootstrap.press(settings)
    app = create_chassis_app(
        service="publication",
        title="Depesha publication",
        database=database,
        checks={"site": press.bucket.check},
        max_body_bytes=4 * 1024 * 1024,
        doors=Policy(settings, database, reads="release:read", writes="release:order"),
    )
    _add_desk_routes(app, database, press)
    _add_content_routes(app, database, press)
    return app


def _add_desk_routes(app: FastAPI, database: Database, press: Press) -> None:
    @app.get("/stories/{story_id}")
    def story(story_id: UUID) -> StoryAnswer:
        """A story as it stands on the sites."""
        return _answer(_find(story_id, database), press)

    @app.get("/stories/{story_id}/releases")
    def releases(story_id: UUID) -> ReleasesAnswer:
        """Every order for a story with its outcome, newest first; every file that shows it, and every channel, with its state."""
        with database.connection() as connection:
            found, posts = Releases(connection).of_story(story_id), Posts(connection).of_story(story_id)
            standing, lists = Stories(connection).get(story_id), Lists(connection).of_story(story_id)
        outputs = []
        if standing is not None:
            places = [edition.site for edition in press.of(standing)]
            outputs = [asdict(one) for site in places for one in outputs_of(standing, site, lists)]
        return ReleasesAnswer.model_validate({"releases": found, "outputs": outputs, "channels": posts})

    @app.post("/previews", response_class=HTMLResponse)
    @needs("release:read")
    def preview(order: Preview) -> HTMLResponse:
        """The page exactly as it would be published; nothing is kept."""
        snapshot = clean_snapshot(order.snapshot)
        if faults := find_faults(snapshot):
            raise Faulty(in_words(faults))
        edition = press.edition(order.site) or (press.for_snapshot(snapshot) or list(press.editions))[0]
        story_id = order.story_id or new_id()
        path = _path(story_id, order, database, edition.site.zone) if order.story_id else "preview"
        shown = Story(story_id, 1, "live", path, snapshot, order.at, order.at)
        return HTMLResponse(edition.theme.article(shown))


def _add_content_routes(app: FastAPI, database: Database, press: Press) -> None:
    @app.get("/items")
    @needs("content:read")
    def items(wanted: Annotated[Wanted, Query()], if_none_match: Annotated[str, Header()] = "") -> Response:
        """Stories as ninjs 3.1 items, newest change first; those taken down or killed are among them, without text."""
        edition = press.edition(wanted.site) or press.editions[0]
        before, before_id = _open_cursor(wanted.cursor)
        with database.connection() as connection:
            found = Stories(connection).page(
                site=edition.site.key,
                before=before,
                before_id=before_id,
                since=wanted.since,
                language=_clean(wanted.language),
                rubric=_clean(wanted.rubric),
                tag=_clean(wanted.tag),
                limit=wanted.limit + 1,
            )
        shown = found[: wanted.limit]
        following = _make_cursor(shown[-1]) if len(found) > wanted.limit else None
        return _cached({"items": [make_item(one, edition.site) for one in shown], "next": following}, if_none_match)

    @app.get("/items/{story_id}")
    @needs("content:read")
    def item(story_id: UUID, if_none_match: Annotated[str, Header()] = "") -> Response:
        """One story as a ninjs 3.1 item; 410 once it is taken down or killed."""
        found = _find(story_id, database)
        if found.state != "live":
            raise Gone(f"story {story_id}: {found.state} since {found.changed_at.isoformat()}")
        return _cached(make_item(found, press.home_of(found).site), if_none_match)


def _path(story_id: UUID, order: Preview, database: Database, zone: ZoneInfo) -> str:
    """Where the story is, or would be."""
    with database.connection() as connection:
        known = Stories(connection).get(story_id)
    snapshot = order.snapshot
    return known.path if known else story_path(snapshot.slug, snapshot.headline, story_id, order.at, zone)


def _find(story_id: UUID, database: Database) -> Story:
    with database.connection() as connection:
        found = Stories(connection).get(story_id)
    if found is None:
        raise NotFound(f"story {story_id}: never published")
    return found


def _answer(story: Story, press: Press) -> StoryAnswer:
    places = [
        Place(
            site=edition.site.key,
            url=edition.site.address(f"{story.path}.html"),
            data_url=edition.site.address(f"{story.identity}.json"),
        )
        for edition in press.of(story)
    ]
    return StoryAnswer(
        story_id=story.story_id,
        version=story.version,
        state=story.state,
        url=places[0].url if places else "",
        data_url=places[0].data_url if places else "",
        places=places,
        first_published_at=story.first_published_at,
        changed_at=story.changed_at,
    )


def _cached(value: dict[str, Any], if_none_match: str) -> Response:
    """The answer with a strong ETag, or 304."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    asked = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    if etag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=JSONResponse.media_type, headers=headers)


def _clean(text: str) -> str:
    """PostgreSQL takes no NUL."""
    return text.replace("\0", "")


def _make_cursor(last: Story) -> str:
    text = f"{last.changed_at.isoformat()} {last.story_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _open_cursor(cursor: str) -> tuple[datetime | None, UUID | None]:
    """Raises BadCursor."""
    if not cursor:
        return None, None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        moment, story_id = text.split(" ")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise BadCursor("the cursor was not made here; begin again without one")
        return at, UUID(story_id)
    except (binascii.Error, UnicodeError, ValueError):
        raise BadCursor("the cursor was not made here; begin again without one") from None
