"""The monitor: what has come in, live."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Header, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from chassis.database import Database
from chassis.errors import NotFound, Refusal
from chassis.ids import new_id
from desk.domain.people import Actor
from desk.domain.query import parse_query, to_address
from desk.domain.workflow import State
from desk.handlers import editing
from desk.live import Hub
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.store.monitor import Monitor, Row
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


def make_router(database: Database, pages: Pages, guard: Guard, hub: Hub) -> APIRouter:  # noqa: C901, PLR0915 - a list of routes
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.get("/")
    def monitor(request: Request, who: Who) -> Response:
        if not request.query_params and (kept := request.cookies.get(STICKY, "")):
            address = to_address(parse_query(_parameters(kept)))
            if address:
                return RedirectResponse(f"/?{address}", 303)
        query = parse_query(request.query_params)
        with database.connection() as connection:
            store = Monitor(connection)
            since = Changes(connection).newest()
            columns = [states for states in COLUMNS if query.shows(states[0])] if query.layout == "board" else []
            board = [(states, store.rows(query, within=states, limit=COLUMN_LONGEST)) for states in columns]
            rows = [] if board else store.rows(query)
            values: dict[str, Any] = {
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
                editing.take_step(_uuid(story_id), step, who, database.unit_of_work())
            except Refusal:
                refused += 1
        return pages.page("_toast.html", request, who, refused=refused, done=len(asked) - refused)

    @router.post("/views")
    def save_view(
        who: Who, name: Annotated[str, Form(min_length=1, max_length=60)], query: Annotated[str, Form(max_length=1000)]
    ) -> Response:
        address = to_address(parse_query(_parameters(query)))
        with database.unit_of_work() as uow:
            SavedViews(uow.connection).add(new_id(), who.person_id, name, address)
        return RedirectResponse(f"/?{address}", 303)

    @router.post("/views/{view_id}/delete")
    def delete_view(who: Who, view_id: str) -> Response:
        with database.unit_of_work() as uow:
            SavedViews(uow.connection).delete(_uuid(view_id), who.person_id)
        return RedirectResponse("/", 303)

    @router.get("/stream", response_class=EventSourceResponse)
    async def stream(
        request: Request,
        who: Who,
        story: str = "",
        since: int | None = None,
        last_event_id: Annotated[int | None, Header()] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """What changes in the rows of a query, or in one story. Replays what was missed since the last event's id."""
        query = parse_query(request.query_params)
        last = last_event_id if last_event_id is not None else since
        async for event in hub.listen(query, who.language, _uuid(story) if story else None, last):
            yield event

    @router.get("/notices/count")
    def new_notices(request: Request, who: Who) -> Response:
        with database.connection() as connection:
            news = Notices(connection).count_new(who.person_id)
        return pages.page("_bell_count.html", request, who, news=news)

    @router.get("/notices")
    def notices(request: Request, who: Who) -> Response:
        with database.unit_of_work() as uow:
            store = Notices(uow.connection)
            listed = store.of(who.person_id)
            store.mark_seen(who.person_id)
        return pages.page("_notices.html", request, who, notices=listed)

    return router


def draw_row(pages: Pages, row: Row, language: str) -> str:
    return pages.fragment("_row.html", language, row=row)


def _parameters(address: str) -> dict[str, str]:
    return dict(parse_qsl(address))


def _uuid(text: str) -> UUID:
    """An id from an address.

    Raises:
        NotFound: it is none.

    """
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"{text[:40]!r} is not an id") from None
