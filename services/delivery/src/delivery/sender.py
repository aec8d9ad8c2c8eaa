"""Sends webhooks on one event loop in a thread of its own: vetted addresses only, no redirects, no decompression, 16 KiB of an answer at most."""

import asyncio
import json
import queue
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from chassis import metrics
from chassis.addresses import Network, is_allowed
from chassis.vault import SecretUnreadableError, Vault
from delivery.domain.schedule import Answer
from delivery.domain.signing import headers
from delivery.store import Claimed

READ_BYTES = 16 * 1024
USER_AGENT = "Depesha-Webhooks/1"
CONNECTIONS = 1000


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


class Sender:
    """`submit` hands over what is to be sent, `collect` gives back what was answered; both from any thread."""

    def __init__(self, allowed: Sequence[Network], timeout_s: float, vault: Vault, at_once: int = 500) -> None:
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._vault = vault
        self._at_once = at_once
        self._answers: queue.SimpleQueue[Sent] = queue.SimpleQueue()
        self._flying = 0
        self._paces: dict[UUID, float] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: aiohttp.ClientSession | None = None
        self._tls = lru_cache(maxsize=1000)(self._make_tls)

    @property
    def in_flight(self) -> int:
        return self._flying

    @property
    def room(self) -> int:
        return max(self._at_once - self._flying, 0)

    def submit(self, batch: Sequence[Claimed]) -> None:
        if not batch:
            return
        loop = self._running_loop()
        with self._lock:
            self._flying += len(batch)
        loop.call_soon_threadsafe(self._start, list(batch))

    def collect(self, wait_s: float) -> list[Sent]:
        """All answers that are there; waits for the first."""
        found: list[Sent] = []
        try:
            found.append(self._answers.get(timeout=wait_s) if wait_s else self._answers.get_nowait())
            while True:
                found.append(self._answers.get_nowait())
        except queue.Empty:
            pass
        with self._lock:
            self._flying -= len(found)
        return found

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
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._run, args=(self._loop,), name="webhooks", daemon=True).start()
            return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
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
            limit=CONNECTIONS,
            limit_per_host=0,  # the claim bounds what is under way to each endpoint
            resolver=VettingResolver(self._allowed),
            socket_factory=vetting_socket_factory(self._allowed),
        )
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_timing()],
        )

    async def _send(self, session: aiohttp.ClientSession, one: Claimed) -> None:
        await self._keep_pace(one)
        at = datetime.now(UTC)
        answer = await self._attempt(session, one)
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
        timing = SimpleNamespace(dns_ms=None, connect_ms=None)

        def answer(status: int | None, **facts: Any) -> Answer:  # noqa: ANN401 - fields of Answer
            elapsed_ms = (time.perf_counter() - started) * 1000
            return Answer(status, elapsed_ms=elapsed_ms, dns_ms=timing.dns_ms, connect_ms=timing.connect_ms, **facts)

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
                    ssl=self._tls(one.certificate) if one.certificate else True,
                    trace_request_ctx=timing,
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
        return {**own, **signed, "content-type": "application/json", "user-agent": USER_AGENT}

    def _make_tls(self, sealed: str) -> ssl.SSLContext:
        """A client certificate: OpenSSL reads it from a file, which is gone at once."""
        context = ssl.create_default_context()
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(self._vault.open(sealed))
            file.flush()
            context.load_cert_chain(file.name)
        return context


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The answer's first bytes; what is beyond them is cut off with the connection."""
    body = b""
    while len(body) < READ_BYTES and (chunk := await response.content.read(READ_BYTES - len(body))):
        body += chunk
    return body


def _timing() -> aiohttp.TraceConfig:
    """Notes how long the name and the connection (TLS included) took, in the request's own context."""
    trace = aiohttp.TraceConfig()

    async def begin(_session: Any, context: SimpleNamespace, _: Any) -> None:  # noqa: ANN401 - aiohttp's signature
        context.begun = time.perf_counter()

    async def named(_session: Any, context: SimpleNamespace, _: Any) -> None:  # noqa: ANN401
        context.trace_request_ctx.dns_ms = (time.perf_counter() - context.named) * 1000

    async def asked(_session: Any, context: SimpleNamespace, _: Any) -> None:  # noqa: ANN401
        context.named = time.perf_counter()

    async def connected(_session: Any, context: SimpleNamespace, _: Any) -> None:  # noqa: ANN401
        took_ms = (time.perf_counter() - context.begun) * 1000
        context.trace_request_ctx.connect_ms = took_ms - (context.trace_request_ctx.dns_ms or 0.0)

    trace.on_connection_create_start.append(begin)
    trace.on_dns_resolvehost_start.append(asked)
    trace.on_dns_resolvehost_end.append(named)
    trace.on_connection_create_end.append(connected)
    return trace


def _note_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        raise task.exception() or RuntimeError
