"""Sends webhooks on one event loop in a thread of its own: vetted addresses only, no redirects, no decompression, 16 KiB of an answer at most."""

import asyncio
import asyncio.sslproto
import json
import queue
import resource
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import takewhile
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from chassis import metrics, tracing
from chassis.addresses import Network, is_allowed
from chassis.vault import SecretUnreadableError, Vault
from delivery.domain.messages import HARD_LIMIT_BYTES
from delivery.domain.schedule import Answer
from delivery.domain.signing import headers
from delivery.store import Claimed

READ_BYTES = 16 * 1024
OURS = {
    "content-type": "application/json",
    "user-agent": "Depesha-Webhooks/1",
    "accept": "*/*",
    "accept-encoding": "identity",
}
AT_ONCE = 500
MOST_SOCKETS = 4000
OPEN_FILES = 16_384
KEEP_ALIVE_S = 5.0
"""A connection is kept for so long for the next message: a story's correction rarely comes sooner than its sockets cost."""
SLOW_S = 1.0
GATHER_S = 0.015
"""Answers that come together are written down in one transaction."""
NAMES_AT_ONCE = 64
"""Name servers that hang for some sites hold so many threads before they keep others from theirs."""
TLS_BUFFER_BYTES = 16 * 1024


class AddressRefusedError(OSError):
    """The endpoint's address is not public and not allowed by the operator."""


class VettingResolver(AbstractResolver):
    """Refuses a host if any of its addresses may not be connected to."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            if not is_allowed(one["host"], self._allowed):
                raise AddressRefusedError(f"{host}: {one['host']} is not a public address")
        return found

    async def close(self) -> None:
        await self._resolver.close()


def vetting_socket_factory(allowed: Sequence[Network]) -> Callable[[Any], socket.socket]:
    """The last gate: addresses written as numbers never pass a resolver."""

    def make(info: Any) -> socket.socket:  # noqa: ANN401 - an address info tuple of the socket module
        family, kind, protocol, _, address = info
        if timing := TIMING.get(None):
            timing.note("dialled")
        if not is_allowed(str(address[0]), allowed):
            raise AddressRefusedError(f"{address[0]} is not a public address")
        return socket.socket(family, kind, protocol)

    return make


@dataclass(frozen=True)
class Sent:
    """An attempt that is over."""

    one: Claimed
    answer: Answer
    at: datetime


@dataclass(frozen=True)
class _Flight:
    endpoint_id: UUID
    since: float


class Sender:
    """`submit` hands over what is to be sent, `collect` gives back what was answered; both from any thread.

    `at_once` bounds the attempts that keep us busy. One that has waited for `SLOW_S` costs a socket and no work, so that it
    takes no other's place; its endpoint is in `slow_sites` until it answers.
    """

    def __init__(self, allowed: Sequence[Network], timeout_s: float, vault: Vault, at_once: int = AT_ONCE) -> None:
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._vault = vault
        self._at_once = at_once
        self._answers: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
        self._flights: dict[int, _Flight] = {}
        self._paces: dict[UUID, float] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: aiohttp.ClientSession | None = None
        self._tls = lru_cache(maxsize=100)(self._make_tls)

    @property
    def in_flight(self) -> int:
        return len(self._flights)

    @property
    def room(self) -> int:
        fresh = len(self._flights) - len(self._slow())
        return max(min(self._at_once - fresh, MOST_SOCKETS - len(self._flights)), 0)

    @property
    def slow_sites(self) -> set[UUID]:
        return {flight.endpoint_id for flight in self._slow()}

    def _slow(self) -> list[_Flight]:
        """Flights stand in the order of their start."""
        before = time.monotonic() - SLOW_S
        with self._lock:
            return list(takewhile(lambda flight: flight.since < before, self._flights.values()))

    def submit(self, batch: Sequence[Claimed]) -> None:
        loop, now = self._running_loop(), time.monotonic()
        with self._lock:
            self._flights.update({id(one): _Flight(one.endpoint_id, now) for one in batch})
        loop.call_soon_threadsafe(self._start, list(batch))

    def nudge(self) -> None:
        """End a `collect` that waits."""
        self._answers.put(None)

    def collect(self, wait_s: float) -> list[Sent]:
        """All answers that are there; waits for the first, and a moment for those that come with it."""
        found: list[Sent | None] = []
        try:
            found.append(self._answers.get(timeout=wait_s) if wait_s else self._answers.get_nowait())
            if wait_s and found[0] is not None and self.in_flight > 1:
                time.sleep(GATHER_S)
            while True:
                found.append(self._answers.get_nowait())
        except queue.Empty:
            pass
        sent = [one for one in found if one is not None]
        with self._lock:
            for one in sent:
                self._flights.pop(id(one.one), None)
        return sent

    def close(self) -> None:
        """Cut what is under way; its lease ends, and it is sent again under the same id."""
        loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._close(), loop).result(5)
            loop.call_soon_threadsafe(loop.stop)

    async def _close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                _allow_many_sockets()
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._run, args=(self._loop,), name="webhooks", daemon=True).start()
            return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.set_default_executor(ThreadPoolExecutor(NAMES_AT_ONCE, "names"))
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    def _start(self, batch: list[Claimed]) -> None:
        session = self._session = self._session or self._make_session()
        for one in batch:
            task = asyncio.get_running_loop().create_task(self._send(session, one))
            task.add_done_callback(_note_crash)

    def _make_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # the claim bounds what is under way, in all and to each endpoint
            keepalive_timeout=KEEP_ALIVE_S,
            resolver=VettingResolver(self._allowed),
            socket_factory=vetting_socket_factory(self._allowed),
        )
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_traced()],
        )

    async def _send(self, session: aiohttp.ClientSession, one: Claimed) -> None:
        await self._keep_pace(one)
        at = datetime.now(UTC)
        with tracing.span(f"webhook {one.message_type}", "client", one.traceparent, _told_of(one)):
            answer = await self._attempt(session, one)
            if answer.status:
                tracing.note("http.response.status_code", answer.status)
            else:
                tracing.note("error.type", answer.error)
        metrics.webhook.observe(answer.elapsed_ms / 1000, f"{answer.status // 100}xx" if answer.status else "silent")
        self._answers.put(Sent(one, answer, at))

    async def _keep_pace(self, one: Claimed) -> None:
        """No more than `rate_per_s` starts a second to an endpoint; removals wait for nothing."""
        if one.rank == 0:
            return
        now = time.monotonic()
        start = max(self._paces.get(one.endpoint_id, 0.0), now)
        self._paces[one.endpoint_id] = start + 1 / one.rate_per_s
        if start > now:
            await asyncio.sleep(start - now)

    async def _attempt(self, session: aiohttp.ClientSession, one: Claimed) -> Answer:
        started = time.perf_counter()
        timing = Timing()
        TIMING.set(timing)

        def answer(status: int | None, **facts: Any) -> Answer:  # noqa: ANN401 - fields of Answer
            elapsed_ms = (time.perf_counter() - started) * 1000
            dns_ms, connect_ms, tls_ms = timing.split()
            return Answer(status, elapsed_ms=elapsed_ms, dns_ms=dns_ms, connect_ms=connect_ms, tls_ms=tls_ms, **facts)

        if len(one.body) > HARD_LIMIT_BYTES:
            return answer(None, error=f"the message has {len(one.body)} bytes; at most {HARD_LIMIT_BYTES} are sent")
        timeout_s = min(one.timeout_s, self._timeout_s)
        try:
            async with (
                asyncio.timeout(timeout_s),
                session.post(
                    one.url,
                    data=one.body,
                    headers=self._headers(one),
                    allow_redirects=False,
                    timeout=None,
                    ssl=self._tls(one.certificate),
                ) as response,
            ):
                first_byte_ms = (time.perf_counter() - started) * 1000
                body = await _read(response)
                return answer(
                    response.status,
                    body=body.decode(errors="replace"),
                    retry_after=response.headers.get("retry-after", ""),
                    first_byte_ms=first_byte_ms,
                )
        except TimeoutError:
            error = f"no whole answer within {timeout_s:g} s"
        except aiohttp.ClientConnectorError as problem:
            error = str(problem.os_error) or str(problem)
        except SecretUnreadableError as problem:
            error = f"a secret of this site: {problem}"
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            error = str(problem) or type(problem).__name__
        return answer(None, error=error)

    def _headers(self, one: Claimed) -> dict[str, str]:
        own = json.loads(self._vault.open(one.headers)) if one.headers else {}
        keys = [self._vault.open(sealed) for sealed in one.keys]
        signed = headers(keys, one.message_id, int(time.time()), one.body)
        return {**own, **signed, **OURS, **tracing.handed_on()}

    def _make_tls(self, sealed: str) -> ssl.SSLContext:
        """With a client certificate, if there is one: OpenSSL reads it from a file, which is gone at once."""
        context = TimedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        context.set_alpn_protocols(["http/1.1"])
        if sealed:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(self._vault.open(sealed))
                file.flush()
                context.load_cert_chain(file.name)
        return context


def _told_of(one: Claimed) -> dict[str, str | int]:
    """What a trace says of an attempt; of the address only the host, since sites put keys into the rest."""
    return {
        "server.address": urlsplit(one.url).hostname or "",
        "messaging.message.id": one.message_id,
        "http.request.method": "POST",
        "http.request.resend_count": one.attempts - 1,
    }


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The answer's first bytes; what is beyond them is cut off with the connection."""
    body = b""
    while len(body) < READ_BYTES and (chunk := await response.content.read(READ_BYTES - len(body))):
        body += chunk
    return body


class Timing:
    """How long each part of making a connection took, in ms; nothing where an open one was used."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def note(self, what: str) -> None:
        self._at[what] = time.perf_counter()

    def split(self) -> tuple[float | None, float | None, float | None]:
        """For DNS, TCP and TLS."""
        secured = self._between("tls", "connected")
        connected = self._between("dialled", "connected" if secured is None else "tls")
        return self._between("asked", "named"), connected, secured

    def _between(self, begin: str, end: str) -> float | None:
        if begin not in self._at or end not in self._at:
            return None
        return (self._at[end] - self._at[begin]) * 1000


TIMING: ContextVar[Timing] = ContextVar("timing")


class TimedContext(ssl.SSLContext):
    """Notes when the handshake begins: asyncio asks for its TLS object as soon as the connection stands."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # noqa: ANN401 - as ssl has it
        TIMING.get().note("tls")
        return super().wrap_bio(*args, **kwargs)


def _traced() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()
    for signal, what in (
        (trace.on_dns_resolvehost_start, "asked"),
        (trace.on_dns_resolvehost_end, "named"),
        (trace.on_connection_create_end, "connected"),
    ):
        signal.append(_noting(what))
    return trace


def _noting(what: str) -> Callable[..., Coroutine[Any, Any, None]]:
    async def note(*_: object) -> None:
        TIMING.get().note(what)

    return note


def _allow_many_sockets() -> None:
    """As many as the system lets us have; and asyncio's 256 KiB for each TLS connection are far more than we read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    asyncio.sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES


def _note_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        raise task.exception() or RuntimeError
