"""The doors of an API: which token a route wants, and how often somebody may ask.

Nothing is open by default: a route that says nothing wants the service's own scope, `reads` for GET and HEAD, `writes`
for all other methods. `@needs("ingest:write")` names another one, `@public` opens a route to anybody.
The check stands before the application: of a request that is turned away no byte of the body is read.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from re import Pattern
from typing import Any, Final, TypeVar

import psycopg
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import logs
from chassis.database import Database
from chassis.errors import Forbidden, Unavailable
from chassis.limits import Bucket, Limiter
from chassis.problems import Problem, problem
from chassis.settings import Settings
from chassis.tokens import SCOPES, Caller, Tokens

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC: Final = ""
MARK: Final = "__door__"
STRANGER_PER_MINUTE: Final = 120
"""Requests without a good token that one address may make; each costs us a question to the database."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

log = logs.get()


def needs(scope: str) -> Callable[[Endpoint], Endpoint]:
    """A route's own scope; stands between the route's decorator and the function.

    Raises:
        ValueError: there is no such scope.

    """
    if scope not in SCOPES:
        raise ValueError(f"there is no scope {scope!r}; there are {', '.join(SCOPES)}")
    return _mark(scope)


def public(endpoint: Endpoint) -> Endpoint:
    """Anybody may ask, without a token."""
    return _mark(PUBLIC)(endpoint)


def _mark(scope: str) -> Callable[[Endpoint], Endpoint]:
    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, MARK, scope)
        return endpoint

    return mark


@dataclass(frozen=True)
class Policy:
    """What the routes of one service want. `knows_people`: it asks callers without a token for a session itself."""

    settings: Settings
    database: Database
    reads: str
    writes: str
    knows_people: bool = False
    fixed: tuple[tuple[str, Caller], ...] = ()

    def scope_of(self, endpoint: object, method: str) -> str:
        """The scope that a route wants; `PUBLIC` for none."""
        marked = getattr(endpoint, MARK, None)
        if isinstance(marked, str):
            return marked
        return self.reads if method in READING else self.writes


@dataclass(frozen=True)
class _Route:
    pattern: Pattern[str]
    methods: frozenset[str]
    endpoint: object


class Doors:
    """Middleware. What the application may know of the caller lies in `request.state.caller`."""

    def __init__(self, app: ASGIApp, policy: Policy, home: FastAPI) -> None:
        self.app = app
        self._policy = policy
        self._home = home
        self._tokens = Tokens(policy.database, dict(policy.fixed))
        self._limiter = Limiter(policy.settings.redis_url.get_secret_value())
        self._routes: list[_Route] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        wanted = self._wanted(scope)
        if wanted is None or (scope["method"] in READING and self._is_open(scope, wanted)):
            await self.app(scope, receive, send)
            return
        refused = await run_in_threadpool(self._judge, scope, wanted)
        await (refused or self.app)(scope, receive, send)

    def _wanted(self, scope: Scope) -> str | None:
        """None: no route of ours; the application says 404 or 405, or serves a file."""
        if self._routes is None:
            self._routes = _routes_of(self._home)
        path, method = scope["path"], scope["method"]
        for route in self._routes:
            if method in route.methods and route.pattern.match(path):
                return self._policy.scope_of(route.endpoint, method)
        return None

    def _is_open(self, scope: Scope, wanted: str) -> bool:
        """Whether the doors ask nothing: the route is public, or the application asks for a session itself."""
        return wanted == PUBLIC or (self._policy.knows_people and not _bearer(scope)[1])

    def _judge(self, scope: Scope, wanted: str) -> Problem | None:
        """None, or the answer that turns the caller away. May wait for the database and Redis: runs in a thread."""
        token, is_named = _bearer(scope)
        try:
            if wanted == PUBLIC or (not is_named and self._policy.knows_people):
                return self._count(scope, None)
            caller = self._tokens.caller(token) if token else None
        except psycopg.OperationalError as error:
            log.warning("the database does not answer", reason=str(error).strip())
            detail = "the database does not answer, so nobody can be let in; please try again"
            return problem(503, Unavailable.title, detail, slug=Unavailable.slug)
        if caller is None:
            return self._unknown(scope, is_named=is_named)
        scope.setdefault("state", {})["caller"] = caller
        if wanted not in caller.scopes:
            return _wrong_scope(caller, wanted)
        return self._count(scope, caller)

    def _count(self, scope: Scope, caller: Caller | None) -> Problem | None:
        per_minute = self._policy.settings.address_per_minute
        buckets = [Bucket(f"token:{caller.token_id}", caller.per_minute, _burst(caller.per_minute))] if caller else []
        if per_minute and scope["method"] not in READING:
            buckets.append(Bucket(f"address:{_address(scope)}", per_minute, _burst(per_minute)))
        return _slow_down(self._limiter.take(buckets))

    def _unknown(self, scope: Scope, *, is_named: bool) -> Problem:
        bucket = Bucket(f"stranger:{_address(scope)}", STRANGER_PER_MINUTE, STRANGER_PER_MINUTE)
        if refused := _slow_down(self._limiter.take([bucket])):
            return refused
        detail = (
            "this bearer token is unknown, was revoked or has expired"
            if is_named
            else "this door wants `Authorization: Bearer TOKEN`; `depesha token create` makes one"
        )
        answer = problem(401, "Who is there?", detail, slug="not-signed-in")
        answer.headers["www-authenticate"] = 'Bearer error="invalid_token"' if is_named else "Bearer"
        return answer


def _routes_of(app: FastAPI) -> list[_Route]:
    found = []
    for context in iter_route_contexts(app.routes):
        methods, endpoint = context.methods, context.endpoint
        if methods and endpoint is not None and getattr(context.original_route, "dependant", None) is not None:
            found.append(_Route(context.path_regex, frozenset(methods), endpoint))
    return found


def methods_at(app: FastAPI, path: str) -> list[str]:
    """All methods of the path's most special pattern; Starlette's own Allow header names those of one route only."""
    matching = [route for route in _routes_of(app) if route.pattern.match(path)]
    special = min((route.pattern.groups for route in matching), default=0)
    return sorted({method for route in matching if route.pattern.groups == special for method in route.methods})


def _bearer(scope: Scope) -> tuple[str, bool]:
    """(the bearer token or "", whether there is an Authorization header at all)."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return (token.strip() if scheme.lower() == "bearer" else "", True)
    return "", False


def _address(scope: Scope) -> str:
    """Whose address this is: of IPv6 the /64, which is one customer's."""
    host = scope["client"][0] if scope.get("client") else "?"
    return ":".join(host.split(":")[:4]) if ":" in host else host


def _burst(per_minute: int) -> int:
    """A quarter of a minute's worth at once."""
    return max(per_minute // 4, 1)


def _wrong_scope(caller: Caller, wanted: str) -> Problem:
    detail = f"the token {caller.name!r} has {', '.join(sorted(caller.scopes))}; this door wants {wanted}"
    answer = problem(Forbidden.status, Forbidden.title, detail, slug=Forbidden.slug, needs=wanted)
    answer.headers["www-authenticate"] = f'Bearer error="insufficient_scope", scope="{wanted}"'
    return answer


def _slow_down(wait_s: float) -> Problem | None:
    if wait_s <= 0:
        return None
    seconds = max(math.ceil(wait_s), 1)
    status = HTTPStatus.TOO_MANY_REQUESTS
    answer = problem(status, status.phrase, f"too many requests: ask again in {seconds} s", slug="too-many-requests")
    answer.headers["retry-after"] = str(seconds)
    return answer


def describe(app: FastAPI, policy: Policy) -> None:
    """Say in the OpenAPI document which token each operation wants, and what it answers without."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
            schemes["token"] = {"type": "http", "scheme": "bearer", "description": "a machine token"}
            if policy.knows_people:
                schemes["session"] = {"type": "apiKey", "in": "cookie", "name": "__Host-desk"}
            _describe_operations(document, policy, _endpoints_of(app))
            _lift_definitions(document)
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]


def _endpoints_of(app: FastAPI) -> dict[tuple[str, str], object]:
    return {
        (context.path_format or "", method): context.endpoint
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
    }


def _describe_operations(document: dict[str, Any], policy: Policy, endpoints: dict[tuple[str, str], object]) -> None:
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            wanted = policy.scope_of(endpoints.get((path, method.upper())), method.upper())
            answers: Sequence[tuple[str, str]] = (("429", "too many requests; Retry-After tells when to ask again"),)
            operation["security"] = []
            if wanted != PUBLIC:
                operation["security"] = [{"token": [wanted]}, *([{"session": []}] if policy.knows_people else [])]
                answers = (("401", "no good token"), ("403", f"the token lacks {wanted}"), *answers)
            for status, description in (*answers, ANY_OTHER):
                operation["responses"].setdefault(status, {"description": description, "content": PROBLEM_CONTENT})
            if "422" in operation["responses"]:  # FastAPI describes its own form of it, which nobody gets here
                operation["responses"]["422"] = {"description": "the request is not valid", "content": PROBLEM_CONTENT}


def _lift_definitions(document: dict[str, Any]) -> None:
    """Schemas that routes describe by hand bring their `$defs` along; the document keeps all of them in one place."""
    shared = document["components"].setdefault("schemas", {})
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                shared |= media["schema"].pop("$defs", {})


ANY_OTHER: Final = ("default", "any other answer is a problem (RFC 9457) that says what is wrong")
PROBLEM_CONTENT: Final = {
    "application/problem+json": {
        "schema": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
            },
        }
    }
}
