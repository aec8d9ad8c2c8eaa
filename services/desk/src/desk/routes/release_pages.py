"""A story goes out: now, at a time, again; corrections, take-downs, kills; and how far it has got."""
# ruff: noqa: PLR0913, PLR0917, FBT002 - a route's arguments are the form's fields, and whoever asks is named though not used

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from chassis.database import Database
from desk.domain.people import Actor
from desk.handlers import releasing
from desk.handlers.refusals import StepRefused
from desk.handlers.releasing import Order
from desk.neighbours import Neighbours
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.routes.story_panel import StoryPanel, find_story
from desk.store.rules import Preferences
from desk.store.work import Audit


def make_router(
    database: Database, pages: Pages, guard: Guard, panel: StoryPanel, neighbours: Neighbours, provider_name: str
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

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
