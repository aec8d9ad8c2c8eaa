"""The newsroom's page of partner sites: delivery's endpoints."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from chassis.errors import NotFound
from desk.domain.people import Actor
from desk.neighbours import Neighbours
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard

ACTS: Final = {"ping": "ping", "enable": "enable", "disable": "disable"}
ONE_DAY: Final = timedelta(days=1)


def make_router(frame: AdminFrame, guard: Guard, neighbours: Neighbours) -> APIRouter:  # noqa: C901 - a list of routes
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type
    FreshAdmin = Annotated[Actor, Depends(guard.fresh_admin)]  # noqa: N806 - a type

    def listed(request: Request, who: Actor, **said: Any) -> Response:  # noqa: ANN401 - templates take anything
        statistics = neighbours.list_or_nothing("delivery", "/statistics?hours=24") or []
        values = {
            "sites": neighbours.list_or_nothing("delivery", "/endpoints"),
            "statistics": {one["endpoint_id"]: one for one in statistics},
        }
        return frame(
            "admin_sites.html", request, who, **values, **{"secret": "", "page_url": "", "problem": "", **said}
        )

    def shown(request: Request, who: Actor, endpoint_id: UUID, **said: Any) -> Response:  # noqa: ANN401 - templates take anything
        path = f"/endpoints/{endpoint_id}"
        site = neighbours.ask("delivery", "GET", path)
        if not site.is_good:
            return listed(request, who, problem=site.problem)
        sent = neighbours.list_or_nothing("delivery", f"{path}/deliveries?limit=50")
        said = {"secret": "", "page_url": "", "problem": "", "done": "", "recovery": None, **said}
        return frame(
            "admin_site.html",
            request,
            who,
            site=site.body,
            deliveries=sent or [],
            now=datetime.now(UTC),
            one_day=ONE_DAY,
            **said,
        )

    @router.get("/admin/sites")
    def sites(request: Request, who: Admin) -> Response:
        return listed(request, who)

    @router.post("/admin/sites")
    def add_site(
        request: Request,
        who: FreshAdmin,
        name: Annotated[str, Form(min_length=1, max_length=200)],
        url: Annotated[str, Form(min_length=1, max_length=2000)],
    ) -> Response:
        answer = neighbours.ask("delivery", "POST", "/endpoints", {"name": name, "url": url})
        frame.note(who, "add_site", {"name": name, "url": url, "status": answer.status})
        if not answer.is_good:
            return listed(request, who, problem=answer.problem)
        return listed(request, who, secret=answer.body["secret"], page_url=answer.body["page_url"])

    @router.get("/admin/sites/{endpoint_id}")
    def site(request: Request, who: Admin, endpoint_id: UUID) -> Response:
        return shown(request, who, endpoint_id)

    @router.post("/admin/sites/{endpoint_id}")
    def act_on_site(
        request: Request, endpoint_id: UUID, who: Admin, act: Annotated[Literal["ping", "enable", "disable"], Form()]
    ) -> Response:
        answer = neighbours.ask("delivery", "POST", f"/endpoints/{endpoint_id}/{ACTS[act]}")
        frame.note(who, f"{act}_site", {"endpoint_id": str(endpoint_id), "status": answer.status})
        return shown(request, who, endpoint_id, problem=answer.problem, done=act if answer.is_good else "")

    @router.post("/admin/sites/{endpoint_id}/rotate")
    def rotate(
        request: Request,
        endpoint_id: UUID,
        who: FreshAdmin,
        what: Annotated[Literal["secret", "page"], Form()],
        revoke_now: Annotated[bool, Form()] = False,  # noqa: FBT002 - a form's field
    ) -> Response:
        """A new secret, or a new link to the partner's own page; both are shown once."""
        if what == "page":
            answer = neighbours.ask("delivery", "POST", f"/endpoints/{endpoint_id}/page")
        else:
            answer = neighbours.ask("delivery", "POST", f"/endpoints/{endpoint_id}/keys", {"revoke_now": revoke_now})
        frame.note(who, f"rotate_{what}", {"endpoint_id": str(endpoint_id), "status": answer.status})
        body = answer.body if answer.is_good else {}
        fresh = {"secret": body.get("secret", ""), "page_url": body.get("page_url", "")}
        return shown(request, who, endpoint_id, problem=answer.problem, **fresh)

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
        answer = neighbours.ask("delivery", "PATCH", f"/endpoints/{endpoint_id}", change)
        frame.note(who, "change_site", {"endpoint_id": str(endpoint_id), **change, "status": answer.status})
        return shown(request, who, endpoint_id, problem=answer.problem, done="filter" if answer.is_good else "")

    @router.post("/admin/sites/{endpoint_id}/recoveries")
    def recover(request: Request, who: Admin, endpoint_id: UUID, since: Annotated[datetime, Form()]) -> Response:
        """Send all again that failed for the site since a time, which is the newsroom's."""
        began = since if since.tzinfo else since.replace(tzinfo=frame.zone)
        answer = neighbours.ask(
            "delivery", "POST", f"/endpoints/{endpoint_id}/recoveries", {"since": began.isoformat()}
        )
        detail = {"endpoint_id": str(endpoint_id), "since": began.isoformat(), "status": answer.status}
        frame.note(who, "recover_site", detail)
        return shown(
            request, who, endpoint_id, problem=answer.problem, recovery=answer.body if answer.is_good else None
        )

    @router.get("/admin/sites/{endpoint_id}/recoveries/{recovery_id}")
    def recovery(request: Request, who: Admin, endpoint_id: UUID, recovery_id: UUID) -> Response:
        """How far it has come; a fragment that asks again while it runs."""
        answer = neighbours.ask("delivery", "GET", f"/recoveries/{recovery_id}")
        if not answer.is_good or answer.body["endpoint_id"] != str(endpoint_id):
            raise NotFound(f"recovery {recovery_id}: not known of this site")
        return frame("_recovery.html", request, who, recovery=answer.body)

    @router.post("/admin/sites/{endpoint_id}/remove")
    def remove(endpoint_id: UUID, who: FreshAdmin) -> Response:
        answer = neighbours.ask("delivery", "DELETE", f"/endpoints/{endpoint_id}")
        frame.note(who, "remove_site", {"endpoint_id": str(endpoint_id), "status": answer.status})
        return RedirectResponse("/admin/sites", 303)

    return router


def _words(text: str) -> list[str]:
    return [word for one in text.split(",") if (word := " ".join(one.split()))]
