"""What comes to an open page by itself: changed rows and stories, and notices."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from chassis.database import Database
from chassis.errors import NotFound
from desk.domain.people import Actor
from desk.domain.query import parse_query
from desk.live import Hub
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.store.monitor import Row
from desk.store.notices import Notices


def make_router(database: Database, pages: Pages, guard: Guard, hub: Hub) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

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
        async for event in hub.listen(query, who.language, uuid_of(story) if story else None, last):
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


def uuid_of(text: str) -> UUID:
    """An id from an address.

    Raises:
        NotFound: it is none.

    """
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"{text[:40]!r} is not an id") from None
