"""An API process that leaves without losing a request: others listen on its socket before it closes it, and no open connection is cut."""

import asyncio
import socket
from typing import Any, Final

import uvicorn

from chassis import handover
from chassis.heads import TimedHeads

MOST_CONNECTIONS: Final = 2_000
"""Open at once to one API process, streams among them; further ones are told 503."""
FAREWELL_S: Final = 2.0
"""So long an open connection may still bring a request, whose answer then says that the connection closes.

Without it a client that sends its next request just then gets no answer, and may not send it again where it changes something.
"""
FINISH_S: Final = 5
"""For requests that are being answered, and for streams, which never end by themselves."""
ASK_AGAIN_S: Final = 0.1


def serve(application: str, host: str, port: int) -> None:
    """Serve an application factory (`module:function`) until SIGTERM, at the socket that was handed over or at host:port."""
    handed = handover.listening_socket()
    config = uvicorn.Config(
        application,
        factory=True,
        http=TimedHeads,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=FINISH_S,
    )
    Server(config).run([handed] if handed else None)


class Server(uvicorn.Server):
    """uvicorn's, with a farewell."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._telling = asyncio.create_task(self._tell_when_ready())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._telling.cancel()
        for server in self.servers:
            server.close()
        await self._say_farewell()
        await super().shutdown(sockets)

    async def _tell_when_ready(self) -> None:
        while not await is_ready(self.config.loaded_app):  # noqa: ASYNC110 - nobody tells when a database is back
            await asyncio.sleep(ASK_AGAIN_S)
        handover.tell_ready()

    async def _say_farewell(self) -> None:
        """Each connection's next answer, or the one that has not begun yet, is its last; who does not ask is waited for a moment."""
        state = self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        for connection in state.connections:
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_started:
                cycle.default_headers = state.default_headers
        deadline = asyncio.get_running_loop().time() + FAREWELL_S
        while state.connections and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(ASK_AGAIN_S / 2)


async def is_ready(application: Any) -> bool:  # noqa: ANN401 - an ASGI application as uvicorn types it
    """Whether its own /readyz would let traffic in."""
    status = 0

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/readyz",
        "raw_path": b"/readyz",
        "query_string": b"only=traffic",
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }
    await application(scope, receive, send)
    return status == 200
