"""The way to the company's identity provider and back."""

from dataclasses import asdict
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from chassis.database import Database
from desk.handlers import identities
from desk.handlers.identities import NobodyInvited, Proof
from desk.identity import IdentityProvider, IdentityRefused
from desk.neighbours import NeighbourDown
from desk.routes.sign_in_pages import local_address, with_session

STATE_COOKIE: Final = "__Host-desk-oidc"
"""Binds the way back to the browser that set out: nobody can be signed in as somebody else by a link."""


def make_router(database: Database, provider: IdentityProvider, new_role: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in/oidc")
    def set_out(to: str = "/", again: bool = False) -> Response:  # noqa: FBT001, FBT002 - parts of an address
        try:
            beginning = provider.begin(again=again)
        except (NeighbourDown, IdentityRefused) as refusal:
            return _turned_away(refusal.slug)
        came_from = local_address(to)
        identities.begin(beginning.state, beginning.nonce, beginning.verifier, came_from, database.unit_of_work())
        answer = RedirectResponse(beginning.url, 303)
        answer.set_cookie(
            STATE_COOKIE, beginning.state, max_age=600, path="/", secure=True, httponly=True, samesite="lax"
        )
        return answer

    @router.get("/sign-in/oidc/back")
    def back(
        request: Request,
        state: Annotated[str, Query(max_length=200)] = "",
        code: Annotated[str, Query(max_length=4000)] = "",
    ) -> Response:
        if not state or not code or state != request.cookies.get(STATE_COOKIE):
            return _turned_away(IdentityRefused.slug)
        attempt = identities.use_attempt(state, database.unit_of_work())
        if attempt is None:
            return _turned_away(IdentityRefused.slug)
        try:
            proof = Proof(**asdict(provider.finish(code, attempt.nonce, attempt.verifier)))
            token = identities.sign_in(proof, new_role, database.unit_of_work())
        except (NeighbourDown, IdentityRefused, NobodyInvited) as refusal:
            return _turned_away(refusal.slug)
        answer = with_session(RedirectResponse(attempt.came_from, 303), token)
        answer.delete_cookie(STATE_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return answer

    return router


def _turned_away(slug: str) -> Response:
    return RedirectResponse(f"/sign-in?problem={quote(slug)}", 303)
