"""A story's tags, rubrics and details."""
# ruff: noqa: FBT002 - a route's arguments are the form's fields, and whoever asks is named though not used

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response

from chassis.database import Database
from contracts.content import Tag
from desk.domain.choice import key_of
from desk.domain.people import Actor
from desk.handlers import labels
from desk.neighbours import Neighbours
from desk.pages import Pages
from desk.routes.json_api import parse_patch
from desk.routes.sign_in import Guard
from desk.routes.story_panel import StoryPanel
from desk.store.monitor import Monitor


def make_router(database: Database, pages: Pages, guard: Guard, panel: StoryPanel, neighbours: Neighbours) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.post("/stories/{story_id}/tags")
    def tags(
        request: Request,
        story_id: UUID,
        who: Who,
        label: Annotated[str, Form(min_length=1, max_length=200)],
        drop: Annotated[bool, Form()] = False,
        dismiss: Annotated[bool, Form()] = False,
    ) -> Response:
        if drop or dismiss:
            (labels.dismiss_tag if dismiss else labels.drop_tag)(story_id, label, who, database.unit_of_work())
            return panel(request, story_id, who)
        known = next((one for one in neighbours.concepts(label) if key_of(one) == key_of(Tag(label=label))), None)
        labels.add_tag(story_id, known or Tag(label=label), who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.get("/known-tags")
    def known_tags(request: Request, who: Who, label: Annotated[str, Query(max_length=200)] = "") -> Response:
        """Completion: concepts of the vocabulary that begin like this, and tags of the last stories."""
        beginning = label.strip()
        with database.connection() as connection:
            used = Monitor(connection).tags(beginning) if beginning else []
        concepts = [one.label for one in neighbours.concepts(beginning)] if beginning else []
        return pages.page("_known_tags.html", request, who, labels=list(dict.fromkeys([*concepts, *used]))[:12])

    @router.post("/stories/{story_id}/rubrics")
    def rubrics(
        request: Request,
        story_id: UUID,
        who: Who,
        label: Annotated[str, Form(min_length=1, max_length=200)],
        drop: Annotated[bool, Form()] = False,
    ) -> Response:
        (labels.drop_rubric if drop else labels.add_rubric)(story_id, label, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/details")
    def details(
        request: Request,
        story_id: UUID,
        who: Who,
        urgency: Annotated[int | None, Form(ge=1, le=9)] = None,
        age_mark: Annotated[str | None, Form(max_length=3)] = None,
        slug: Annotated[str | None, Form(max_length=200)] = None,
        authors: Annotated[str | None, Form(max_length=2000)] = None,
    ) -> Response:
        """Fields that are left out stay as they are."""
        names = [name for one in (authors or "").split(",") if (name := " ".join(one.split()))]
        given = {
            "urgency": urgency,
            "age_mark": age_mark,
            "slug": slug.strip() if slug is not None else None,
            "authors": names if authors is not None else None,
        }
        patch = parse_patch({name: value for name, value in given.items() if value is not None})
        labels.change(story_id, lambda _draft: patch, who, database.unit_of_work())
        return panel(request, story_id, who)

    return router
