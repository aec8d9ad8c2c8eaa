"""The newsroom's page of sources: ingestion's, with their numbers, troubles and trials."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from chassis.database import Database
from desk.domain.people import Actor
from desk.domain.settings_form import Line, lines_of, values_of
from desk.neighbours import Neighbours, Reply
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard
from desk.store.board import Board

TRIAL_S: Final = 45.0
"""A trial fetches the place itself."""

PREFIX: Final = "settings."


def make_router(  # noqa: C901 - a list of routes
    database: Database, frame: AdminFrame, guard: Guard, neighbours: Neighbours
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type

    def kinds() -> dict[str, dict[str, Any]]:
        return {one["kind"]: one for one in neighbours.ask("ingestion", "GET", "/source-kinds").body or []}

    def form_page(
        request: Request,
        who: Actor,
        kind: str,
        form: Mapping[str, str],
        *,
        trial: Reply | None = None,
        problem: str = "",
    ) -> Response:
        known = kinds()
        chosen = known.get(kind)
        lines = lines_of(chosen["settings"], {}) if chosen else []
        return frame(
            "admin_source_new.html",
            request,
            who,
            kinds=known,
            chosen=chosen,
            lines=lines,
            form=form,
            trial=trial.body if trial and trial.is_good else None,
            problem=problem or (trial.problem if trial else ""),
        )

    def shown(
        request: Request, who: Actor, source_id: str, *, trial: Reply | None = None, problem: str = "", done: str = ""
    ) -> Response:
        path = f"/sources/{quote(source_id, safe='')}"
        source = neighbours.ask("ingestion", "GET", path)
        if not source.is_good:
            return frame("refused.html", request, who, is_missing=True, is_down=False, status=404)
        schema = kinds().get(source.body["kind"], {}).get("settings", {})
        return frame(
            "admin_source.html",
            request,
            who,
            source=source.body,
            lines=lines_of(schema, source.body["settings"]),
            items=neighbours.list_or_nothing("ingestion", f"{path}/items?limit=30") or [],
            troubles=neighbours.list_or_nothing("ingestion", f"{path}/troubles?limit=30") or [],
            trial=trial.body if trial and trial.is_good else None,
            problem=problem or (trial.problem if trial else ""),
            done=done,
        )

    @router.get("/admin/sources")
    def sources(request: Request, who: Admin) -> Response:
        with database.connection() as connection:
            heard = Board(connection).sources()
        set_up = neighbours.list_or_nothing("ingestion", "/sources")
        return frame("admin_sources.html", request, who, heard=heard, sources=set_up)

    @router.get("/admin/sources/new")
    def new_source(request: Request, who: Admin, kind: str = "") -> Response:
        return form_page(request, who, kind, {})

    @router.post("/admin/sources")
    async def add_source(request: Request, who: Admin) -> Response:
        """Add a source, or look what would come from it."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        return await run_in_threadpool(add, request, who, form)

    def add(request: Request, who: Actor, form: dict[str, str]) -> Response:
        kind = form.get("kind", "")
        wish = wish_of(form, lines_of(kinds().get(kind, {}).get("settings", {}), {}))
        if form.get("act") == "try":
            trial = neighbours.ask("ingestion", "POST", "/sources/try", wish, wait_s=TRIAL_S)
            return form_page(request, who, kind, form, trial=trial)
        answer = neighbours.ask("ingestion", "POST", "/sources", wish)
        frame.note(who, "add_source", {"source_id": wish["source_id"], "kind": kind, "status": answer.status})
        if not answer.is_good:
            return form_page(request, who, kind, form, problem=answer.problem)
        return RedirectResponse(f"/admin/sources/{quote(wish['source_id'], safe='')}", 303)

    @router.get("/admin/sources/{source_id}")
    def source(request: Request, who: Admin, source_id: str) -> Response:
        return shown(request, who, source_id)

    @router.post("/admin/sources/{source_id}")
    async def change_source(request: Request, who: Admin, source_id: str) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        return await run_in_threadpool(change, request, who, source_id, form)

    def change(request: Request, who: Actor, source_id: str, form: dict[str, str]) -> Response:
        path = f"/sources/{quote(source_id, safe='')}"
        known = neighbours.ask("ingestion", "GET", path)
        if not known.is_good:
            return shown(request, who, source_id)
        lines = lines_of(kinds().get(known.body["kind"], {}).get("settings", {}), known.body["settings"])
        wish = wish_of(form, lines)
        changes = {name: wish[name] for name in ("name", "settings", "every_s", "quiet_after_s") if name in wish}
        answer = neighbours.ask("ingestion", "PATCH", path, changes)
        frame.note(who, "change_source", {"source_id": source_id, "status": answer.status})
        return shown(request, who, source_id, problem=answer.problem, done="kept" if answer.is_good else "")

    @router.post("/admin/sources/{source_id}/act")
    def act_on_source(
        request: Request,
        who: Admin,
        source_id: str,
        act: Annotated[Literal["pause", "resume", "visit", "try", "subscribe", "delete"], Form()],
    ) -> Response:
        path = f"/sources/{quote(source_id, safe='')}"
        if act == "try":
            trial = neighbours.ask("ingestion", "POST", f"{path}/try", wait_s=TRIAL_S)
            return shown(request, who, source_id, trial=trial)
        answer = _act(act, path, neighbours)
        frame.note(who, f"{act}_source", {"source_id": source_id, "status": answer.status})
        if act == "delete" and answer.is_good:
            return RedirectResponse("/admin/sources", 303)
        return shown(request, who, source_id, problem=answer.problem, done=act if answer.is_good else "")

    return router


def _act(act: str, path: str, neighbours: Neighbours) -> Reply:
    if act in ("pause", "resume"):
        return neighbours.ask("ingestion", "PUT", f"{path}/state", {"state": "paused" if act == "pause" else "active"})
    if act == "subscribe":
        return neighbours.ask("ingestion", "PUT", f"{path}/subscription", {}, wait_s=TRIAL_S)
    if act == "visit":
        return neighbours.ask("ingestion", "POST", f"{path}/visit")
    return neighbours.ask("ingestion", "DELETE", path)


def wish_of(form: Mapping[str, str], lines: list[Line]) -> dict[str, Any]:
    """What ingestion is asked for; an empty interval is left to the kind of the source."""
    typed = {name.removeprefix(PREFIX): value for name, value in form.items() if name.startswith(PREFIX)}
    wish: dict[str, Any] = {name: form.get(name, "").strip() for name in ("source_id", "kind", "name", "url")}
    wish["settings"] = values_of(lines, typed)
    for name in ("every_s", "quiet_after_s"):
        if (text := form.get(name, "").strip()).isdigit():
            wish[name] = int(text)
    return wish
