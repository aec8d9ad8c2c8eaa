"""A story's page: the text, who is in it, its steps."""
# ruff: noqa: FBT002 - a route's arguments are the form's fields, and whoever asks is named though not used

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Form, Request
from fastapi.responses import JSONResponse, Response

from chassis.database import Database
from desk.domain.people import Actor
from desk.handlers import editing
from desk.handlers.refusals import StepRefused
from desk.pages import Pages
from desk.routes.json_api import parse_patch
from desk.routes.sign_in import Guard
from desk.routes.story_panel import StoryPanel, document_of, find_story, panel_values
from desk.store.facts import Facts
from desk.store.notices import Notices
from desk.store.people import Presence
from desk.store.work import Changes


def make_router(database: Database, pages: Pages, guard: Guard, panel: StoryPanel) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.get("/stories/{story_id}")
    def page(request: Request, story_id: UUID, who: Who) -> Response:
        with database.unit_of_work() as uow:
            Presence(uow.connection).touch(story_id, who.person_id)
        with database.connection() as connection:
            since = Changes(connection).newest()
            story = find_story(story_id, connection)
            values = panel_values(story, who, connection)
            others = Presence(connection).others(story_id, who.person_id)
            news = Notices(connection).count_new(who.person_id)
        document = document_of(story, values["images"])
        return pages.page(
            "story.html", request, who, document=document, others=others, since=since, news=news, said="", **values
        )

    @router.get("/stories/{story_id}/document")
    def document(story_id: UUID, _who: Who) -> Response:
        """The text as it lies on the desk now, for a page that is open."""
        with database.connection() as connection:
            story = find_story(story_id, connection)
            return JSONResponse(document_of(story, Facts(connection).images(story_id)))

    @router.get("/stories/{story_id}/panel")
    def fresh_panel(request: Request, story_id: UUID, who: Who) -> Response:
        return panel(request, story_id, who)

    @router.patch("/stories/{story_id}")
    def save(story_id: UUID, who: Who, patch: Annotated[dict[str, Any], Body()]) -> Response:
        """The editor's autosave: {"seen": {"headline": 3}, "headline": "…"}, with the revision seen of each field."""
        seen = patch.pop("seen", None)
        if not isinstance(seen, dict) or any(type(seen.get(name)) is not int for name in patch):
            raise StepRefused(
                f"story {story_id}: seen must name a revision for each of {', '.join(sorted(patch))}",
                fields=(("/seen", "must name a revision for each field"),),
            )
        saved = editing.save_draft(story_id, parse_patch(patch), seen, who, database.unit_of_work())
        return JSONResponse({"revision": saved.revision, "saved_at": saved.saved_at.isoformat()})

    @router.post("/stories/{story_id}/presence")
    def presence(request: Request, story_id: UUID, who: Who, leaving: Annotated[bool, Form()] = False) -> Response:
        with database.unit_of_work() as uow:
            store = Presence(uow.connection)
            if leaving:
                store.leave(story_id, who.person_id)
            else:
                store.touch(story_id, who.person_id)
            others = store.others(story_id, who.person_id)
        return pages.page("_presence.html", request, who, others=others)

    @router.post("/stories/{story_id}/step")
    def step(
        request: Request,
        story_id: UUID,
        who: Who,
        step: Annotated[Literal["take", "ready", "back", "spike", "unspike"], Form()],
    ) -> Response:
        editing.take_step(story_id, step, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/assign")
    def assign(
        request: Request, story_id: UUID, who: Who, person_id: Annotated[UUID | Literal[""], Form()] = ""
    ) -> Response:
        editing.assign(story_id, person_id or None, who, database.unit_of_work())
        return panel(request, story_id, who)

    return router
