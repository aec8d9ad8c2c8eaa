"""The newsroom's pages of partner sites: connect one, choose what it gets, switch it off, remove it."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from desk.domain.people import Actor
from desk.routes.sign_in import Guard
from desk.routes.site_frame import SiteFrame


def make_router(sites: SiteFrame, guard: Guard) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type
    FreshAdmin = Annotated[Actor, Depends(guard.fresh_admin)]  # noqa: N806 - a type

    @router.get("/admin/sites")
    def all_sites(request: Request, who: Admin) -> Response:
        return sites.listed(request, who)

    @router.post("/admin/sites")
    def add_site(
        request: Request,
        who: FreshAdmin,
        name: Annotated[str, Form(min_length=1, max_length=200)],
        url: Annotated[str, Form(min_length=1, max_length=2000)],
    ) -> Response:
        answer = sites.add(who, {"name": name, "url": url})
        if not answer.is_good:
            return sites.listed(request, who, answer=answer)
        return sites.listed(request, who, secret=answer.body["secret"], page_url=answer.body["page_url"])

    @router.get("/admin/sites/{endpoint_id}")
    def site(request: Request, who: Admin, endpoint_id: UUID) -> Response:
        return sites.shown(request, who, endpoint_id)

    @router.post("/admin/sites/{endpoint_id}")
    def act_on_site(
        request: Request, endpoint_id: UUID, who: Admin, act: Annotated[Literal["ping", "enable", "disable"], Form()]
    ) -> Response:
        answer = sites.act(who, f"{act}_site", endpoint_id, ("POST", f"/{act}", None))
        return sites.shown(request, who, endpoint_id, answer=answer, done=act if answer.is_good else "")

    @router.post("/admin/sites/{endpoint_id}/filter")
    def change_filter(
        request: Request,
        endpoint_id: UUID,
        who: Admin,
        name: Annotated[str, Form(min_length=1, max_length=200)],
        rubrics: Annotated[str, Form(max_length=4000)] = "",
        tags: Annotated[str, Form(max_length=4000)] = "",
        least_urgent: Annotated[int, Form(ge=1, le=9)] = 9,
    ) -> Response:
        """Which stories the site gets; empty lists let all through."""
        change = {"name": name, "rubrics": _words(rubrics), "tags": _words(tags), "least_urgent": least_urgent}
        answer = sites.act(who, "change_site", endpoint_id, ("PATCH", "", change), **change)
        return sites.shown(request, who, endpoint_id, answer=answer, done="filter" if answer.is_good else "")

    @router.post("/admin/sites/{endpoint_id}/remove")
    def remove(endpoint_id: UUID, who: FreshAdmin) -> Response:
        sites.act(who, "remove_site", endpoint_id, ("DELETE", "", None))
        return RedirectResponse("/admin/sites", 303)

    return router


def _words(text: str) -> list[str]:
    return [word for one in text.split(",") if (word := " ".join(one.split()))]
