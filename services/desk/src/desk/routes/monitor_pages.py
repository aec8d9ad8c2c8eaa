"""The monitor: what has come in."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl

import psycopg
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from chassis.database import Database
from chassis.errors import Refusal
from desk.domain.people import Actor
from desk.domain.query import Query, parse_query, to_address
from desk.domain.workflow import State
from desk.handlers import editing
from desk.pages import Pages
from desk.routes.live_pages import uuid_of
from desk.routes.sign_in import Guard
from desk.store.monitor import Monitor
from desk.store.notices import Notices
from desk.store.people import People
from desk.store.views import SavedViews
from desk.store.work import Changes

COLUMNS: Final[tuple[tuple[State, ...], ...]] = (
    ("received",),
    ("in_work",),
    ("ready", "publishing"),
    ("published", "unpublished"),
    ("spiked",),
    ("killed",),
)
"""The columns of the board; a query has those that it can fill."""

COLUMN_LONGEST: Final = 40

STICKY: Final = "desk-view"


def make_router(database: Database, pages: Pages, guard: Guard) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.get("/")
    def monitor(request: Request, who: Who) -> Response:
        if not request.query_params and (kept := request.cookies.get(STICKY, "")):
            address = to_address(parse_query(dict(parse_qsl(kept))))
            if address:
                return RedirectResponse(f"/?{address}", 303)
        query = parse_query(request.query_params)
        with database.connection() as connection:
            values = _values(query, who, connection)
        answer = pages.page("monitor.html", request, who, **values)
        answer.set_cookie(STICKY, to_address(query), samesite="lax", httponly=True, max_age=86400 * 90)
        return answer

    @router.get("/rows")
    def more(request: Request, who: Who, after: str) -> Response:
        """The next page of rows."""
        query = parse_query(request.query_params)
        with database.connection() as connection:
            rows = Monitor(connection).rows(query, after=after)
        return pages.page(
            "_rows.html", request, who, rows=rows, query=query, to_address=to_address, is_last=len(rows) < 60
        )

    @router.get("/counts")
    def counts(request: Request, who: Who) -> Response:
        query = parse_query(request.query_params)
        with database.connection() as connection:
            counted = Monitor(connection).counts()
        return pages.page("_tabs.html", request, who, query=query, counts=counted, to_address=to_address)

    @router.post("/batch")
    def batch(
        request: Request,
        who: Who,
        step: Annotated[Literal["take", "ready", "back", "spike", "unspike"], Form()],
        ids: Annotated[str, Form(max_length=8000)],
    ) -> Response:
        """One step for several stories; those for which it is not possible are counted and left as they are."""
        refused, asked = 0, ids.split(",")
        for story_id in asked:
            try:
                editing.take_step(uuid_of(story_id), step, who, database.unit_of_work())
            except Refusal:
                refused += 1
        return pages.page("_toast.html", request, who, refused=refused, done=len(asked) - refused)

    return router


def _values(query: Query, who: Actor, connection: psycopg.Connection) -> dict[str, Any]:
    """Everything that the monitor shows."""
    store = Monitor(connection)
    since = Changes(connection).newest()
    columns = [states for states in COLUMNS if query.shows(states[0])] if query.layout == "board" else []
    board = [(states, store.rows(query, within=states, limit=COLUMN_LONGEST)) for states in columns]
    rows = [] if board else store.rows(query)
    return {
        "query": query,
        "rows": rows,
        "since": since,
        "counts": store.counts(),
        "sources": store.sources(),
        "rubrics": store.rubrics(),
        "people": People(connection).all(),
        "views": SavedViews(connection).of(who.person_id),
        "news": Notices(connection).count_new(who.person_id),
        "board": board,
        "column_longest": COLUMN_LONGEST,
        "to_address": to_address,
        "is_last": len(rows) < 60,
    }
