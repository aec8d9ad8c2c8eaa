"""The FastAPI factory: health, metrics, limits, and every error as a problem (RFC 9457)."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import psycopg
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import logs, tracing
from chassis.bucket import StorageDown
from chassis.database import Database
from chassis.doors import Doors, Policy, describe, methods_at, public
from chassis.errors import Refusal, TooLarge, Unavailable
from chassis.metrics import Check, Gauge, GaugeCollector, why_down
from chassis.problems import Problem, problem, problem_of

__all__ = ["MIB", "Check", "Problem", "create_app", "problem"]

MIB = 1024 * 1024


REQUESTS = Counter("depesha_http_requests_total", "HTTP requests answered", ["service", "method", "route", "status"])
SECONDS = Histogram("depesha_http_request_seconds", "Seconds until the answer's last byte", ["service", "route"])

HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""What every answer says unless the route says something else; pages bring policies of their own."""
STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")
"""Only where the caller, or the proxy that speaks for it, came by TLS."""

UPLOAD_S: Final = 120.0
"""A body must be here by then, however slowly it is sent."""

log = logs.get()


def create_app(
    *,
    service: str,
    title: str,
    database: Database | None = None,
    checks: Mapping[str, Check] | None = None,
    gauges: Sequence[Gauge] = (),
    max_body_bytes: int = MIB,
    doors: Policy | None = None,
    **fastapi: Any,  # noqa: ANN401 - FastAPI's own arguments
) -> FastAPI:
    """An application with /healthz, /readyz and /metrics. `checks` are asked by /readyz; each raises if its thing is down.

    They are what the application can do some of its work without; `database` is what it can do nothing without (docs/decisions/0007).
    `gauges` are read from `database` at each scrape.
    """
    needed: dict[str, Check] = {"database": database.check} if database else {}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> Any:  # noqa: ANN401 - FastAPI's signature
        yield
        if database:
            database.close()

    # Without FastAPI's own pages: they load scripts from strangers. /openapi.json is for everybody.
    app = FastAPI(title=title, lifespan=fastapi.pop("lifespan", lifespan), docs_url=None, redoc_url=None, **fastapi)
    own = CollectorRegistry()  # an application's, so that two in one process do not speak twice
    if database and gauges:
        own.register(GaugeCollector(database, gauges))
    _add_probes(app, needed, {**needed, **(checks or {})}, own)
    _add_problems(app)
    if doors:
        app.add_middleware(Doors, policy=doors, home=app)
        describe(app, doors)
    app.add_middleware(Edge, service=service, max_body_bytes=max_body_bytes)
    return app


def _add_probes(app: FastAPI, needed: Mapping[str, Check], checks: Mapping[str, Check], own: CollectorRegistry) -> None:
    @app.get("/healthz", tags=["probes"], response_class=PlainTextResponse)
    @public
    def healthz() -> str:
        """The process lives. It says nothing about what it needs."""
        return "ok"

    @app.get("/readyz", tags=["probes"])
    @public
    def readyz(only: Annotated[Literal["traffic"] | None, Query()] = None) -> Response:
        """503 with the reason where anything that this process needs does not answer.

        `?only=traffic`: 503 only where it can serve nobody, for whatever decides who gets requests.
        """
        asked = needed if only else checks
        down = {name: reason for name, check in asked.items() if (reason := why_down(check))}
        return JSONResponse({"ready": not down, "down": down}, status_code=503 if down else 200)

    @app.get("/metrics", tags=["probes"], response_class=PlainTextResponse)
    @public
    def metrics() -> Response:
        """Prometheus text format."""
        return Response(generate_latest() + generate_latest(own), media_type=CONTENT_TYPE_LATEST)


def _add_problems(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(psycopg.OperationalError, _database_down)
    app.add_exception_handler(psycopg.DataError, _cannot_be)
    app.add_exception_handler(OverflowError, _cannot_be)
    app.add_exception_handler(StorageDown, _storage_down)
    app.add_exception_handler(Exception, _unexpected)


def _refusal(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return problem_of(error)


def _invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [
        {"pointer": "/" + "/".join(map(str, one["loc"])), "detail": one["msg"], "got": _shorten(one.get("input"))}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in errors[:5])
    return problem(422, "The request is not valid", detail, slug="invalid-request", errors=errors[:50])


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:97] + "…"


def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    answer = problem(error.status_code, HTTPStatus(error.status_code).phrase, str(error.detail))
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["allow"] = ", ".join(methods_at(request.app, request.url.path))
    return answer


def _cannot_be(request: Request, error: Exception) -> Response:
    """A value of the right type that no table or calendar holds: a sign of nothing (NUL), a number or a date out of all range."""
    reason = str(error).partition("\n")[0].strip()
    log.info("a request holds what cannot be", path=request.url.path, reason=reason)
    return problem(422, "The request is not valid", f"it holds what cannot be: {reason}", slug="invalid-request")


def _database_down(_request: Request, error: Exception) -> Response:
    log.warning("the database does not answer", reason=str(error).strip())
    return problem(
        503,
        Unavailable.title,
        "the database does not answer; nothing was changed, please try again",
        slug=Unavailable.slug,
    )


def _storage_down(_request: Request, error: Exception) -> Response:
    log.warning("the storage does not answer", reason=str(error))
    return problem(503, Unavailable.title, "the storage does not answer; please try again", slug=Unavailable.slug)


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected error", path=request.url.path, exc_info=error)
    return problem(500, "Unexpected error", "something went wrong on our side; it is in our log", slug="unexpected")


class Edge:
    """The outermost layer: limits the body, counts requests, adds the headers that every answer has."""

    def __init__(self, app: ASGIApp, service: str, max_body_bytes: int) -> None:
        self.app = app
        self.service = service
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = _Exchange(scope, receive, send, self.max_body_bytes)
        try:
            if _declared_length(scope) > self.max_body_bytes:
                await exchange.refuse()
            else:
                await self._answer(scope, exchange)
        finally:
            route = _route(scope)
            REQUESTS.labels(self.service, scope["method"], route, exchange.status).inc()
            SECONDS.labels(self.service, route).observe(time.perf_counter() - started)

    async def _answer(self, scope: Scope, exchange: "_Exchange") -> None:
        """Under the caller's trace, where there is one."""
        parent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
        with tracing.span(scope["method"], "server", parent, {"url.path": scope["path"]}):
            await self.app(scope, exchange.receive, exchange.send)
            tracing.rename(f"{scope['method']} {_route(scope)}")


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unmatched")


class _Exchange:
    """One request and its answer. Once the body is over the limit the answer is 413, whatever the application says."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, max_body_bytes: int) -> None:
        self.status = 500
        self._scope, self._receive, self._send = scope, receive, send
        self._limit = max_body_bytes
        self._received = 0
        self._answered = False
        self._upload_ends_at = asyncio.get_running_loop().time() + UPLOAD_S
        self._is_whole = self._is_late = False

    async def receive(self) -> Message:
        try:
            async with asyncio.timeout_at(None if self._is_whole else self._upload_ends_at):
                message = await self._receive()
        except TimeoutError:
            self._is_late = True
            return {"type": "http.disconnect"}
        self._is_whole = self._is_whole or not message.get("more_body", False)
        self._received += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self._received > self._limit else message

    async def send(self, message: Message) -> None:
        if self._received > self._limit or self._is_late:
            if not self._answered:
                await (self._refuse_late() if self._is_late else self.refuse())
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = list(message.get("headers", []))
            message["headers"] = [*given, *self._missing(given)]
        self._answered = True
        await self._send(message)

    async def refuse(self) -> None:
        detail = f"the body has more than {self._limit} bytes, the most that is taken here"
        await self._answer(
            problem(TooLarge.status, TooLarge.title, detail, slug=TooLarge.slug, limit_bytes=self._limit)
        )

    async def _refuse_late(self) -> None:
        detail = f"the body was not here after {UPLOAD_S:.0f} s"
        answer = problem(HTTPStatus.REQUEST_TIMEOUT, "Too slow", detail, slug="too-slow")
        answer.headers["connection"] = "close"
        await self._answer(answer)

    async def _answer(self, answer: Problem) -> None:
        self._answered = True
        self.status = answer.status_code
        answer.raw_headers += self._missing(answer.raw_headers)
        await answer(self._scope, self._receive, self._send)

    def _missing(self, given: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Of the headers that every answer has those that this one does not say itself."""
        named = {name.lower() for name, _ in given}
        wanted = (*HEADERS, *((STRICT_TRANSPORT,) if self._scope.get("scheme") == "https" else ()))
        return [header for header in wanted if header[0] not in named]


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
