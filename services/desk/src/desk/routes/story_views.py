"""What stands beside a story's text on request: its source, versions, notes, log."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from chassis.database import Database
from contracts.content import StoryContent
from desk.domain.diff import diff_drafts
from desk.domain.draft import Draft, draft_of
from desk.domain.history import fold_versions
from desk.domain.people import Actor
from desk.handlers import editing
from desk.handlers import notes as note_handlers
from desk.handlers.refusals import StoryUnknown
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.routes.story_panel import find_story
from desk.store.notes import Notes
from desk.store.people import People
from desk.store.stories import Story
from desk.store.work import Audit, Versions


def told_by_source(story: Story, content: StoryContent) -> Draft:
    """The source's words, with the desk's own marks, so that only words differ."""
    own = {name: getattr(story.draft, name) for name in ("tags", "rubrics", "images")}
    return draft_of(content, story.draft.urgency).model_copy(update=own)


def make_router(database: Database, pages: Pages, guard: Guard) -> APIRouter:  # noqa: C901 - a list of routes
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

    return router
