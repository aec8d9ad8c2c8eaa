"""How the whole house stands: what is on its way, what has been taken, where it is stuck."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from chassis.database import Database
from desk.domain.people import Actor
from desk.neighbours import Neighbours
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.store.board import Board
from desk.store.notices import Notices
from desk.store.stories import Stories
from desk.store.work import Audit, Changes


def make_router(database: Database, pages: Pages, guard: Guard, neighbours: Neighbours) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    def values() -> dict[str, Any]:
        with database.connection() as connection:
            board = Board(connection)
            return {
                "figures": board.figures(),
                "kills": board.kills(),
                "passages": board.passages(),
                "sites": board.sites(),
                "channels": board.channels(),
                "trouble": board.trouble(),
            }

    @router.get("/delivery")
    def delivery(request: Request, who: Who) -> Response:
        with database.connection() as connection:
            since, news = Changes(connection).newest(), Notices(connection).count_new(who.person_id)
        return pages.page("delivery.html", request, who, since=since, news=news, **values())

    @router.get("/delivery/board")
    def board(request: Request, who: Who) -> Response:
        return pages.page("_board.html", request, who, **values())

    @router.post("/delivery/resend")
    def resend(
        request: Request,
        who: Who,
        story_id: Annotated[UUID, Form()],
        endpoint_id: Annotated[UUID | None, Form()] = None,
    ) -> Response:
        """Send a story's newest version again: to one site, or to all that have it not."""
        with database.connection() as connection:
            story = Stories(connection).get(story_id)
        count = neighbours.resend(story_id, story.version, endpoint_id) if story else 0
        with database.unit_of_work() as uow:
            detail = {"count": count, "endpoint_id": str(endpoint_id) if endpoint_id else None}
            Audit(uow.connection).write(who.name, "resend", story_id, detail)
        return board(request, who)

    return router
