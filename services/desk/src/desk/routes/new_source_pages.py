"""A new source: choose its kind, look what would come from it, add it."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from desk.domain.people import Actor
from desk.neighbours import Neighbours
from desk.routes.sign_in import Guard
from desk.routes.source_frame import SourceFrame, path_of, wish_of

TRIAL_S: Final = 45.0
"""A trial fetches the place itself."""


def make_router(sources: SourceFrame, guard: Guard, neighbours: Neighbours) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type

    @router.get("/admin/sources/new")
    def new_source(request: Request, who: Admin, kind: str = "") -> Response:
        return sources.form_page(request, who, kind, {})

    @router.post("/admin/sources")
    async def add_source(request: Request, who: Admin) -> Response:
        """Add a source, or look what would come from it."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        return await run_in_threadpool(add, request, who, form)

    def add(request: Request, who: Actor, form: dict[str, str]) -> Response:
        kind = form.get("kind", "")
        wish = wish_of(form, sources.lines(kind, {}))
        if form.get("act") == "try":
            trial = neighbours.ask("ingestion", "POST", "/sources/try", wish, wait_s=TRIAL_S)
            return sources.form_page(request, who, kind, form, trial=trial)
        answer = neighbours.ask("ingestion", "POST", "/sources", wish)
        sources.note(who, "add_source", wish["source_id"], wish["name"], answer)
        if not answer.is_good:
            return sources.form_page(request, who, kind, form, answer=answer)
        return RedirectResponse(f"/admin{path_of(wish['source_id'])}", 303)

    return router
