"""A server on a free port of loopback, from a thread, for the time of a `with`."""

import threading
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Self


class Serving:
    """Its handlers find it as `self.server.home`."""

    def __init__(self, kind: type[ThreadingTCPServer], handler: type[BaseRequestHandler]) -> None:
        self._server = kind(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.home = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
