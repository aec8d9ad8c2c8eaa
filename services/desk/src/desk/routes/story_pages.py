"""A story's page: the text, and beside it everything that decides whether it goes out."""
# ruff: noqa: PLR0913, PLR0917, FBT002 - a route's arguments are the form's fields, and whoever asks is named though not used

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Depends, Form, Query, Request
from fastapi.responses import JSONResponse, Response

from chassis.database import Database
from contracts.content import Tag
from desk.domain.choice import key_of
from desk.domain.people import Actor
from desk.handlers import editing, labels, releasing
from desk.handlers.refusals import StepRefused
from desk.handlers.releasing import Order
from desk.neighbours import Neighbours
from desk.pages import Pages
from desk.routes.json_api import parse_patch
from desk.routes.sign_in import Guard
from desk.routes.story_panel import StoryPanel, document_of, find_story, panel_values
from desk.store.facts import Facts
from desk.store.monitor import Monitor
from desk.store.notices import Notices
from desk.store.people import Presence
from desk.store.rules import Preferences
from desk.store.work import Changes


def make_router(  # noqa: C901, PLR0915 - a list of routes
    database: Database, pages: Pages, guard: Guard, panel: StoryPanel, neighbours: Neighbours, provider_name: str
) -> APIRouter:
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
    def assign(request: Request, story_id: UUID, who: Who, person_id: Annotated[str, Form()] = "") -> Response:
        editing.assign(story_id, UUID(person_id) if person_id else None, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.get("/stories/{story_id}/kill")
    def kill_form(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            story = find_story(story_id, connection)
        return pages.page(
            "_kill.html", request, who, story=story, is_fresh=guard.is_fresh(request), provider_name=provider_name
        )

    @router.post("/stories/{story_id}/release")
    def release(
        request: Request,
        story_id: UUID,
        who: Who,
        action: Annotated[Literal["publish", "correct", "unpublish", "kill", "revive"], Form()],
        reason: Annotated[str, Form(max_length=2000)] = "",
        note: Annotated[str, Form(max_length=2000)] = "",
        confirmation: Annotated[str, Form(max_length=500)] = "",
        password: Annotated[str, Form(max_length=1000)] = "",
    ) -> Response:
        if action == "kill" and confirmation.strip().casefold() not in ("kill", "аннулировать"):
            raise StepRefused(
                f"story {story_id}: the kill was not confirmed", fields=(("/confirmation", "type the word"),)
            )
        if action == "kill":
            guard.confirm(request, password)
        order = Order(
            "publish" if action == "revive" else action, reason=reason, note=note, revives_killed=action == "revive"
        )
        releasing.order_release(story_id, order, who, database.unit_of_work())
        return panel(request, story_id, who, said=action)

    @router.post("/stories/{story_id}/schedule")
    def schedule(
        request: Request,
        story_id: UUID,
        who: Who,
        at: Annotated[datetime, Form()],
        note: Annotated[str, Form(max_length=2000)] = "",
        embargo: Annotated[bool, Form()] = False,
    ) -> Response:
        """`at` is a wall clock's time in the newsroom's zone."""
        with database.connection() as connection:
            zone = ZoneInfo(Preferences(connection).time_zone(pages.time_zone))
            action: Literal["publish", "correct"] = (
                "correct" if find_story(story_id, connection).state == "published" else "publish"
            )
        due_at = at if at.tzinfo else at.replace(tzinfo=zone)
        order = Order(action, note=note, embargo_until=due_at if embargo else None)
        releasing.schedule_release(story_id, due_at.astimezone(UTC), order, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/unschedule")
    def unschedule(request: Request, story_id: UUID, who: Who) -> Response:
        releasing.cancel_schedule(story_id, who, database.unit_of_work())
        return panel(request, story_id, who)

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
