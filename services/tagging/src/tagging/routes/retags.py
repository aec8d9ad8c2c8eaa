"""An archive is tagged again: order it, see how far it is, stop it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from chassis.database import Database
from chassis.errors import NotFound
from tagging.forms import RetagAnswer, RetagOrder
from tagging.handlers import retagging
from tagging.store.retags import Retag, Retags


def router(database: Database) -> APIRouter:
    routes = APIRouter()

    @routes.post("/retags", status_code=202)
    def order(request: Request, form: RetagOrder) -> RetagAnswer:
        """Look again at all stories of some days, behind all news. What editors chose stays."""
        by = str(request.state.caller.name)
        return _answer(retagging.order_retag(form.since, form.until, by, database.unit_of_work()))

    @routes.get("/retags")
    def newest(limit: Annotated[int, Query(ge=1, le=100)] = 20) -> list[RetagAnswer]:
        with database.connection() as connection:
            return list(map(_answer, Retags(connection).newest(limit)))

    @routes.get("/retags/{retag_id}")
    def progress(retag_id: UUID) -> RetagAnswer:
        with database.connection() as connection:
            found = Retags(connection).get(retag_id)
        if found is None:
            raise NotFound(f"retag {retag_id}: there is no such order")
        return _answer(found)

    @routes.post("/retags/{retag_id}/stop")
    def stop(retag_id: UUID) -> RetagAnswer:
        """What is done stays; the rest is left as it was."""
        return _answer(retagging.stop_retag(retag_id, database.unit_of_work()))

    return routes


def _answer(one: Retag) -> RetagAnswer:
    state = "finished" if one.finished_at else "stopped" if one.stopped_at else "running"
    return RetagAnswer.model_validate({**one._asdict(), "state": state})
