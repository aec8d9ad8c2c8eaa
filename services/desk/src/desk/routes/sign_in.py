"""Who is at the door. The one place that decides it: everything else asks for a `Guard`'s answer."""

from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
from fastapi import Request
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.database import Database
from chassis.errors import Forbidden, Refusal
from chassis.problems import problem
from chassis.tokens import HOUSE_PER_MINUTE, Caller
from desk.domain.people import PROGRAM, PROGRAM_ID, Actor
from desk.handlers import people
from desk.store.people import Sessions

COOKIE = "__Host-desk"
"""Secure, for this host and the whole of it only; browsers take it from loopback without TLS too."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class NotSignedIn(Refusal):
    """Nobody has signed in here."""

    status = 401
    title = "Sign in first"
    slug = "not-signed-in"


def programs_of(desk_api_token: SecretStr) -> tuple[tuple[str, Caller], ...]:
    """Whoever shows the token of the desk's own settings; programs with tokens of their own are known to the chassis."""
    scopes = frozenset({"desk:read", "desk:write", "release:order", "people:admin"})
    token = desk_api_token.get_secret_value()
    return ((token, Caller(PROGRAM_ID, PROGRAM.name, scopes, HOUSE_PER_MINUTE)),) if token else ()


def address_of(request: Request) -> str:
    return request.client.host if request.client else "?"


class Guard:
    """Knows people by their sessions; programs were let in, or not, by the doors in front of the application."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def person(self, request: Request) -> Actor:
        """Whoever signed in.

        Raises:
            NotSignedIn: nobody, or the session has ended.

        """
        token = request.cookies.get(COOKIE, "")
        if token:
            with self._database.connection() as connection:
                person = Sessions(connection).person(token)
            if person is not None:
                return person.actor
        raise NotSignedIn("no session, or it has ended")

    def whoever(self, request: Request) -> Actor | None:
        """Whoever signed in, or nobody; for pages that speak to both."""
        try:
            return self.person(request)
        except (Refusal, psycopg.Error):
            return None

    def admin(self, request: Request) -> Actor:
        actor = self.person(request)
        if not actor.is_admin:
            raise Forbidden(f"the role {actor.role} may not change the newsroom's settings")
        return actor

    def fresh_admin(self, request: Request) -> Actor:
        """An admin who has just shown who they are.

        Raises:
            ConfirmFirst: it is a while ago.

        """
        actor = self.admin(request)
        self.confirm(request)
        return actor

    def is_fresh(self, request: Request) -> bool:
        with self._database.connection() as connection:
            return Sessions(connection).is_fresh(request.cookies.get(COOKIE, ""), people.CONFIRMED_MINUTES)

    def confirm(self, request: Request, password: str = "") -> None:
        """Let pass whoever has just shown who they are, or does so now with their password.

        Raises:
            ConfirmFirst, SignInRefused, TooManyFailures: they do not.

        """
        token = request.cookies.get(COOKIE, "")
        if not password:
            if not self.is_fresh(request):
                raise people.ConfirmFirst("type your password again, or sign in anew")
            return
        with self._database.connection() as connection:
            person = Sessions(connection).person(token)
        if person is None:
            raise NotSignedIn("no session, or it has ended")
        people.confirm(token, person, password, address_of(request), self._database.unit_of_work())

    def confirm_person(self, request: Request) -> None:
        """Let pass programs, and people who have just shown who they are.

        Raises:
            ConfirmFirst: it is a while ago.

        """
        if getattr(request.state, "caller", None) is None:
            self.confirm(request)

    def program_or_person(self, request: Request) -> Actor:
        """A program whose token the doors have checked, or a person who signed in."""
        caller: Caller | None = getattr(request.state, "caller", None)
        return replace(PROGRAM, name=caller.name) if caller else self.person(request)


class SameOrigin:
    """Refuses requests that change something and come from another site's page.

    Browsers say where a request comes from in Sec-Fetch-Site, older ones in Origin; programs with a bearer token have no
    cookies that could be abused. Source: OWASP, Cross-Site Request Forgery Prevention, "Fetch Metadata headers".
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and not _is_ours(Headers(scope=scope)):
            answer = problem(403, Forbidden.title, "this request comes from another site", slug="another-site")
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_ours(headers: Headers) -> bool:
    if "authorization" in headers and "cookie" not in headers:
        return True
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    if origin := headers.get("origin"):
        return urlsplit(origin).netloc == headers.get("host", "")
    return "cookie" not in headers
