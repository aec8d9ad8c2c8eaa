"""Views of the monitor that a person keeps under a name."""

from typing import Annotated
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from chassis.database import Database
from chassis.ids import new_id
from desk.domain.people import Actor
from desk.domain.query import parse_query, to_address
from desk.routes.sign_in import Guard
from desk.store.views import SavedViews


def make_router(database: Database, guard: Guard) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.post("/views")
    def save_view(
        who: Who, name: Annotated[str, Form(min_length=1, max_length=60)], query: Annotated[str, Form(max_length=1000)]
    ) -> Response:
        address = to_address(parse_query(dict(parse_qsl(query))))
        with database.unit_of_work() as uow:
            SavedViews(uow.connection).add(new_id(), who.person_id, name, address)
        return RedirectResponse(f"/?{address}", 303)

    @router.post("/views/{view_id}/delete")
    def delete_view(who: Who, view_id: UUID) -> Response:
        with database.unit_of_work() as uow:
            SavedViews(uow.connection).delete(view_id, who.person_id)
        return RedirectResponse("/", 303)

    return router
