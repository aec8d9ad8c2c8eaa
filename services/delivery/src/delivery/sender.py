"""Sends a batch of webhooks on one event loop: no redirects, no decompression, at most 16 KiB of the answer, only to vetted addresses."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from chassis import metrics
from chassis.addresses import Network, is_allowed
from delivery.domain.schedule import Answer
from delivery.domain.signing import headers
from delivery.store import Claimed

READ_BYTES = 16 * 1024
USER_AGENT = "Depesha-Webhooks/1"


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


class Sender:
    """`send_all` may be called from any thread; each call runs a loop of its own."""

    def __init__(self, allowed: Sequence[Network], timeout_s: float, at_once: int = 100) -> None:
        self._allowed = allowed
        self._timeout_s = timeout_s
        self._at_once = at_once

    def send_all(self, batch: Sequence[Claimed], done: Callable[[Claimed, Answer], None]) -> None:
        """Send; `done` is called with each answer as it comes, from the same thread."""
        asyncio.run(self._send_all(batch, done))

    async def _send_all(self, batch: Sequence[Claimed], done: Callable[[Claimed, Answer], None]) -> None:
        connector = aiohttp.TCPConnector(
            limit=self._at_once,
            limit_per_host=10,
            resolver=VettingResolver(self._allowed),
            socket_factory=vetting_socket_factory(self._allowed),
        )
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:

            async def one(claimed: Claimed) -> None:
                answer = await self._attempt(session, claimed)
                metrics.webhook.observe(
                    answer.elapsed_ms / 1000, f"{answer.status // 100}xx" if answer.status else "silent"
                )
                done(claimed, answer)

            await asyncio.gather(*(one(claimed) for claimed in batch))

    async def _attempt(self, session: aiohttp.ClientSession, claimed: Claimed) -> Answer:
        started = time.perf_counter()
        signed = headers([claimed.secret], claimed.message_id, int(time.time()), claimed.body)
        try:
            async with session.post(
                claimed.url,
                data=claimed.body,
                headers={**signed, "content-type": "application/json", "user-agent": USER_AGENT},
                allow_redirects=False,
            ) as response:
                body = await response.content.read(READ_BYTES)
                return Answer(
                    response.status,
                    body.decode(errors="replace"),
                    response.headers.get("retry-after", ""),
                    elapsed_ms=(time.perf_counter() - started) * 1000,
                )
        except TimeoutError:
            error = f"no whole answer within {self._timeout_s:g} s"
        except aiohttp.ClientConnectorError as problem:
            error = str(problem.os_error) or str(problem)
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            error = str(problem) or type(problem).__name__
        return Answer(None, error=error, elapsed_ms=(time.perf_counter() - started) * 1000)
