"""The newsroom's pages of sources: ingestion's, with their numbers, troubles and trials."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from chassis.database import Database
from desk.domain.people import Actor
from desk.neighbours import Neighbours, Reply
from desk.routes.admin_frame import AdminFrame
from desk.routes.new_source_pages import TRIAL_S
from desk.routes.sign_in import Guard
from desk.routes.source_frame import SourceFrame, path_of, wish_of
from desk.store.board import Board


def make_router(
    database: Database, frame: AdminFrame, sources: SourceFrame, guard: Guard, neighbours: Neighbours
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type

    @router.get("/admin/sources")
    def all_sources(request: Request, who: Admin) -> Response:
        with database.connection() as connection:
            heard = Board(connection).sources()
        set_up = neighbours.list_or_nothing("ingestion", "/sources")
        return frame("admin_sources.html", request, who, heard=heard, sources=set_up)

    @router.get("/admin/sources/{source_id}")
    def source(request: Request, who: Admin, source_id: str) -> Response:
        return sources.shown(request, who, source_id)

    @router.post("/admin/sources/{source_id}")
    async def change_source(request: Request, who: Admin, source_id: str) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        return await run_in_threadpool(change, request, who, source_id, form)

    def change(request: Request, who: Actor, source_id: str, form: dict[str, str]) -> Response:
        known = neighbours.ask("ingestion", "GET", path_of(source_id))
        if not known.is_good:
            return sources.shown(request, who, source_id)
        wish = wish_of(form, sources.lines(known.body["kind"], known.body["settings"]))
        changes = {name: wish[name] for name in ("name", "settings", "every_s", "quiet_after_s") if name in wish}
        answer = neighbours.ask("ingestion", "PATCH", path_of(source_id), changes)
        sources.note(who, "change_source", source_id, wish["name"], answer)
        return sources.shown(request, who, source_id, answer=answer, done="kept" if answer.is_good else "")

    @router.post("/admin/sources/{source_id}/act")
    def act_on_source(
        request: Request,
        who: Admin,
        source_id: str,
        act: Annotated[Literal["pause", "resume", "visit", "try", "subscribe", "delete"], Form()],
    ) -> Response:
        path = path_of(source_id)
        if act == "try":
            trial = neighbours.ask("ingestion", "POST", f"{path}/try", wait_s=TRIAL_S)
            return sources.shown(request, who, source_id, trial=trial)
        known = neighbours.ask("ingestion", "GET", path)
        answer = _act(act, path, neighbours)
        sources.note(who, f"{act}_source", source_id, known.body["name"] if known.is_good else "", answer)
        if act == "delete" and answer.is_good:
            return RedirectResponse("/admin/sources", 303)
        return sources.shown(request, who, source_id, answer=answer, done=act if answer.is_good else "")

    return router


def _act(act: str, path: str, neighbours: Neighbours) -> Reply:
    if act in ("pause", "resume"):
        return neighbours.ask("ingestion", "PUT", f"{path}/state", {"state": "paused" if act == "pause" else "active"})
    if act == "subscribe":
        return neighbours.ask("ingestion", "PUT", f"{path}/subscription", {}, wait_s=TRIAL_S)
    if act == "visit":
        return neighbours.ask("ingestion", "POST", f"{path}/visit")
    return neighbours.ask("ingestion", "DELETE", path)
