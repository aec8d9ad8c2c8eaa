"""The newsroom's page of machine tokens: which programs may ask our APIs for what."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from chassis import tokens
from chassis.database import Database
from desk.domain.people import Actor
from desk.handlers import programs
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard

ENDS_SOON: Final = timedelta(days=14)


def make_router(database: Database, frame: AdminFrame, guard: Guard) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    FreshAdmin = Annotated[Actor, Depends(guard.fresh_admin)]  # noqa: N806 - a type

    def listed(request: Request, who: Actor, **said: Any) -> Response:  # noqa: ANN401 - templates take anything
        with database.connection() as connection:
            known = tokens.listed(connection)
        now = datetime.now(UTC)
        good = [one for one in known if not one.revoked_at and not (one.expires_at and one.expires_at <= now)]
        values = {
            "good": good,
            "over": [one for one in known if one not in good],
            "ends_soon": now + ENDS_SOON,
            "scopes": tuple(tokens.SCOPES),
        }
        said = {"token": "", "asked_name": "", "revoked": "", "problem": "", **said}
        return frame("admin_tokens.html", request, who, **values, **said)

    @router.get("/admin/tokens")
    def all_tokens(request: Request, who: FreshAdmin) -> Response:
        return listed(request, who)

    @router.post("/admin/tokens")
    def make_token(
        request: Request,
        who: FreshAdmin,
        name: Annotated[str, Form(min_length=1, max_length=200)],
        scope: Annotated[list[str] | None, Form()] = None,
        days: Annotated[int, Form(ge=1, le=3650)] = 365,
        per_minute: Annotated[int, Form(ge=1, le=1_000_000)] = 600,
    ) -> Response:
        """The answer shows the token, once."""
        try:
            token = programs.make_token(
                name, scope or [], who.name, database.unit_of_work(), days=days, per_minute=per_minute
            )
        except (tokens.WrongScope, tokens.WrongName) as refusal:
            return listed(request, who, problem=refusal.slug, asked_name=name)
        return listed(request, who, token=token, asked_name=name)

    @router.post("/admin/tokens/{token_id}/revoke")
    def revoke_token(request: Request, token_id: UUID, who: FreshAdmin) -> Response:
        return listed(request, who, revoked=programs.revoke_token(token_id, who.name, database.unit_of_work()))

    return router
