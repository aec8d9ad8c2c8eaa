"""The ops page: the road as a river, one consumer's events, a story's waterfall; replay and scale from there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from chassis import scaling
from chassis.database import Database
from chassis.errors import NotFound
from chassis.ledger import inspect
from chassis.waterfall import chapters
from desk.domain.people import Actor
from desk.domain.river import River
from desk.domain.river_shape import HEIGHT, WIDTH, shape
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.store.notices import Notices
from desk.store.ops import HOURS, Ops
from desk.store.work import Audit
from desk.watching import Sites, Watch

MOST_SHOWN = 50


def drawer(pages: Pages, scale_folder: str) -> Any:  # noqa: ANN401 - a `watching.Draw`
    """Draws the live part of the page."""

    def draw(river: River, sites: Sites, language: str) -> str:
        return pages.fragment("_ops.html", language, **live_values(river, sites, scale_folder))

    return draw


def live_values(river: River, sites: Sites, scale_folder: str) -> dict[str, Any]:
    """What `_ops.html` shows. `copies`: how many workers are wanted of each service; none where an engine scales."""
    folder = Path(scale_folder) if scale_folder else None
    known = scaling.known_processes(folder) if folder else []
    wanted = scaling.read_scale(folder) if folder else {}
    copies = {name.removesuffix("-worker"): wanted.get(name, 1) for name in known if name.endswith("-worker")}
    return {
        "river": river,
        "shape": shape(river),
        "verdict": river.verdict,
        "sites": sites,
        "copies": copies,
        "width": WIDTH,
        "height": HEIGHT,
        "hours": HOURS,
    }


def make_router(  # noqa: C901 - a list of routes
    database: Database, pages: Pages, guard: Guard, watching: Watch, scale_folder: str
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type

    def show(name: str, request: Request, who: Actor, **values: Any) -> Response:  # noqa: ANN401 - templates take anything
        with database.connection() as connection:
            news = Notices(connection).count_new(who.person_id)
        return pages.page(name, request, who, news=news, **values)

    @router.get("/ops")
    def ops(request: Request, who: Admin) -> Response:
        river, sites = watching.look()
        with database.connection() as connection:
            finished = Ops(connection).finished()
        return show("ops.html", request, who, finished=finished, **live_values(river, sites, scale_folder))

    @router.get("/ops/stream", response_class=EventSourceResponse)
    async def stream(who: Admin) -> AsyncIterator[ServerSentEvent]:
        async for event in watching.listen(who.language):
            yield event

    @router.get("/ops/stories/{story_id}")
    def story(request: Request, who: Admin, story_id: UUID) -> Response:
        with database.connection() as connection:
            steps = inspect.trace(connection, str(story_id))
        if not steps:
            raise NotFound(f"story {story_id}: the ledger knows nothing of it (it may have been pruned)")
        return show("ops_story.html", request, who, story_id=story_id, chapters=chapters(steps, datetime.now(UTC)))

    @router.post("/ops/find")
    def find(_who: Admin, story_id: Annotated[UUID, Form()]) -> Response:
        return RedirectResponse(f"/ops/stories/{story_id}", 303)

    @router.get("/ops/{consumer}")
    def one(request: Request, who: Admin, consumer: str) -> Response:
        river, _ = watching.look()
        station = next((found for found in river.stations if found.consumer == consumer), None)
        if station is None:
            raise NotFound(f"consumer {consumer!r}: there is none of this name")
        with database.connection() as connection:
            values = {
                "unhandled": inspect.unhandled(connection, consumer, MOST_SHOWN),
                "dead": inspect.dead(connection, consumer=consumer, limit=MOST_SHOWN),
                "now": datetime.now(UTC),
            }
        timers = [clock for clock in river.timers if clock.consumer == consumer]
        return show("ops_consumer.html", request, who, station=station, timers=timers, **values)

    @router.post("/ops/{consumer}/replay")
    def replay(who: Admin, consumer: str, delivery_id: Annotated[int | None, Form()] = None) -> Response:
        """Try dead events again: one, or all of the consumer."""
        ids = [delivery_id] if delivery_id is not None else None
        with database.connection() as connection:
            found = inspect.dead(connection, consumer=consumer, ids=ids, limit=1_000_000)
            inspect.revive(connection, [one.delivery_id for one in found])
        _note(database, who, "replay", consumer=consumer, events=len(found))
        return RedirectResponse(f"/ops/{consumer}", 303)

    @router.post("/ops/{consumer}/scale")
    def scale(who: Admin, consumer: str, count: Annotated[int, Form()]) -> Response:
        """Have so many workers of a service, where this stack scales itself."""
        if not scale_folder:
            raise scaling.NotScalable("the processes of this house are scaled by its engine: docs/runbook.md says how")
        full = scaling.scale(Path(scale_folder), f"{consumer}-worker", count)
        _note(database, who, "scale", process=full, count=count)
        return RedirectResponse("/ops", 303)

    return router


def _note(database: Database, who: Actor, action: str, **detail: Any) -> None:  # noqa: ANN401 - JSON
    with database.unit_of_work() as uow:
        Audit(uow.connection).write(who.name, action, detail=detail)
