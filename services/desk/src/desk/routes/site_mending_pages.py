"""What mends a partner site: a new secret or page, and sending again what it did not take."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from chassis.errors import NotFound
from desk.domain.people import Actor
from desk.neighbours import Neighbours
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard
from desk.routes.site_frame import SiteFrame


def make_router(sites: SiteFrame, frame: AdminFrame, guard: Guard, neighbours: Neighbours) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type
    FreshAdmin = Annotated[Actor, Depends(guard.fresh_admin)]  # noqa: N806 - a type

    @router.post("/admin/sites/{endpoint_id}/rotate")
    def rotate(
        request: Request,
        endpoint_id: UUID,
        who: FreshAdmin,
        what: Annotated[Literal["secret", "page"], Form()],
        revoke_now: Annotated[bool, Form()] = False,  # noqa: FBT002 - a form's field
    ) -> Response:
        """A new secret, or a new link to the partner's own page; both are shown once."""
        call = ("POST", "/page", None) if what == "page" else ("POST", "/keys", {"revoke_now": revoke_now})
        answer = sites.act(who, f"rotate_{what}", endpoint_id, call)
        body = answer.body if answer.is_good else {}
        fresh = {"secret": body.get("secret", ""), "page_url": body.get("page_url", "")}
        return sites.shown(request, who, endpoint_id, answer=answer, **fresh)

    @router.post("/admin/sites/{endpoint_id}/recoveries")
    def recover(request: Request, who: Admin, endpoint_id: UUID, since: Annotated[datetime, Form()]) -> Response:
        """Send all again that failed for the site since a time, which is the newsroom's."""
        began = (since if since.tzinfo else since.replace(tzinfo=frame.zone)).isoformat()
        call = ("POST", "/recoveries", {"since": began})
        answer = sites.act(who, "recover_site", endpoint_id, call, since=began)
        recovery = answer.body if answer.is_good else None
        return sites.shown(request, who, endpoint_id, answer=answer, recovery=recovery)

    @router.get("/admin/sites/{endpoint_id}/recoveries/{recovery_id}")
    def recovery(request: Request, who: Admin, endpoint_id: UUID, recovery_id: UUID) -> Response:
        """How far it has come; a fragment that asks again while it runs."""
        answer = neighbours.ask("delivery", "GET", f"/recoveries/{recovery_id}")
        if not answer.is_good or answer.body["endpoint_id"] != str(endpoint_id):
            raise NotFound(f"recovery {recovery_id}: not known of this site")
        return frame("_recovery.html", request, who, recovery=answer.body)

    return router
