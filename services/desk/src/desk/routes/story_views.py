"""What stands beside a story's text on request: its source, versions, notes, log, a preview, one site's attempts."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from chassis.database import Database
from contracts.content import StoryContent
from desk.domain.cards import card_of
from desk.domain.diff import diff_drafts
from desk.domain.draft import Draft, draft_of
from desk.domain.history import fold_versions
from desk.domain.people import Actor
from desk.domain.release import build_snapshot
from desk.handlers import editing
from desk.handlers import notes as note_handlers
from desk.handlers.refusals import StoryUnknown
from desk.neighbours import NeighbourDown, Neighbours
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.routes.story_panel import StoryPanel, find_story
from desk.store.facts import Facts
from desk.store.notes import Notes
from desk.store.people import People
from desk.store.stories import Story
from desk.store.work import Audit, Versions

PREVIEW_POLICY: Final = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline' *; font-src * data:; frame-ancestors 'self'"
)
"""A preview is somebody's words: it may show itself, and nothing of it may run. It stands in a sandboxed frame besides."""


def told_by_source(story: Story, content: StoryContent) -> Draft:
    """The source's words, with the desk's own marks, so that only words differ."""
    own = {name: getattr(story.draft, name) for name in ("tags", "rubrics", "images")}
    return draft_of(content, story.draft.urgency).model_copy(update=own)


def make_router(  # noqa: C901, PLR0915 - a list of routes
    database: Database, pages: Pages, guard: Guard, panel: StoryPanel, neighbours: Neighbours
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.get("/stories/{story_id}/source")
    def source(request: Request, story_id: UUID, who: Who) -> Response:
        """What the source changed since the desk last looked, and how its text differs from the desk's."""
        with database.connection() as connection:
            story = find_story(story_id, connection)
        told = told_by_source(story, story.source_content)
        before = told_by_source(story, story.source_before) if story.source_before else None
        return pages.page(
            "_source.html",
            request,
            who,
            story=story,
            told=told,
            changes=diff_drafts(before, told) if before else [],
            differences=diff_drafts(story.draft, told),
        )

    @router.post("/stories/{story_id}/source")
    def decide_source(story_id: UUID, who: Who, take: Annotated[bool, Form()] = False) -> Response:  # noqa: FBT002 - a form's field
        """Take the source's newer words, or keep ours; then the page is loaded again, the text with it."""
        if take:
            editing.take_source(story_id, who, database.unit_of_work())
        else:
            editing.keep_ours(story_id, who, database.unit_of_work())
        return Response(status_code=204, headers={"hx-redirect": f"/stories/{story_id}"})

    @router.get("/stories/{story_id}/versions")
    def versions(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            story = find_story(story_id, connection)
            folds = fold_versions(Versions(connection).of(story_id))
        return pages.page("_versions.html", request, who, story=story, folds=folds)

    @router.get("/stories/{story_id}/versions/{revision}")
    def version(request: Request, story_id: UUID, revision: int, who: Who) -> Response:
        """What that version had that the desk has not now."""
        with database.connection() as connection:
            story = find_story(story_id, connection)
            draft = Versions(connection).draft(story_id, revision)
        if draft is None:
            raise StoryUnknown(story_id)
        return pages.page(
            "_diff.html", request, who, story=story, revision=revision, differences=diff_drafts(draft, story.draft)
        )

    @router.post("/stories/{story_id}/versions/{revision}/restore")
    def restore(story_id: UUID, revision: int, who: Who) -> Response:
        editing.restore(story_id, revision, who, database.unit_of_work())
        return Response(status_code=204, headers={"hx-redirect": f"/stories/{story_id}"})

    @router.get("/stories/{story_id}/notes")
    def notes(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            listed, people = Notes(connection).of(story_id), People(connection).all()
        return pages.page("_notes.html", request, who, story_id=story_id, notes=listed, people=people)

    @router.post("/stories/{story_id}/notes")
    def write_note(
        request: Request, story_id: UUID, who: Who, text: Annotated[str, Form(max_length=note_handlers.NOTE_LONGEST)]
    ) -> Response:
        note_handlers.write_note(story_id, text, who, database.unit_of_work())
        return notes(request, story_id, who)

    @router.get("/stories/{story_id}/log")
    def log(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            lines = Audit(connection).lines(story_id)
        return pages.page("_log.html", request, who, lines=lines, with_story=False)

    @router.get("/stories/{story_id}/preview")
    def preview(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            story = find_story(story_id, connection)
        return pages.page("_preview.html", request, who, story=story)

    def page_of(story_id: UUID) -> str:
        with database.connection() as connection:
            story = find_story(story_id, connection)
            facts = Facts(connection).images(story_id)
        manifests = {image_id: fact.manifest for image_id, fact in facts.items() if fact.manifest}
        snapshot = build_snapshot(story.draft, manifests, story.source)
        return neighbours.preview(story_id, snapshot, datetime.now(UTC).isoformat())

    @router.get("/stories/{story_id}/preview/page")
    def preview_page(story_id: UUID, _who: Who) -> Response:
        """The page exactly as publication would make it now."""
        headers = {"content-security-policy": PREVIEW_POLICY, "cache-control": "no-store"}
        return HTMLResponse(page_of(story_id), headers=headers)

    @router.get("/stories/{story_id}/preview/cards")
    def preview_cards(request: Request, story_id: UUID, who: Who) -> Response:
        """How Telegram, VK, Dzen and Google would show the page, by what its head says."""
        try:
            card = card_of(page_of(story_id))
        except NeighbourDown:
            card = None
        return pages.page("_cards.html", request, who, card=card)

    @router.get("/stories/{story_id}/sites/{endpoint_id}")
    def attempts(request: Request, story_id: UUID, endpoint_id: UUID, who: Who) -> Response:
        """Every attempt to bring the story to one site, with what the site answered."""
        sent = [one for one in neighbours.deliveries(story_id) if one["endpoint_id"] == str(endpoint_id)]
        newest = max(sent, key=lambda one: int(one["version"]), default=None)
        tried = neighbours.attempts(newest["delivery_id"]) if newest else []
        return pages.page("_attempts.html", request, who, story_id=story_id, delivery=newest, attempts=tried)

    @router.post("/stories/{story_id}/resend")
    def resend(
        request: Request, story_id: UUID, who: Who, endpoint_id: Annotated[UUID | None, Form()] = None
    ) -> Response:
        """Send the newest version again: to one site, or to all that have it not."""
        with database.connection() as connection:
            version = find_story(story_id, connection).version
        count = neighbours.resend(story_id, version, endpoint_id)
        with database.unit_of_work() as uow:
            detail = {"version": version, "count": count, "endpoint_id": str(endpoint_id) if endpoint_id else None}
            Audit(uow.connection).write(who.name, "resend", story_id, detail)
        return panel(request, story_id, who, said="resend")

    return router
