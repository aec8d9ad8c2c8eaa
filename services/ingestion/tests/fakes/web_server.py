"""A web server on loopback that answers as real ones do: ETag, Last-Modified, 304, gzip, redirects, and what goes wrong."""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .serving import Serving


@dataclass
class Page:
    """What an address answers. `write`, if given, speaks to the socket itself."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    last_modified: str = ""
    has_etag: bool = True
    write: Callable[[BaseHTTPRequestHandler], None] | None = None

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"' if self.has_etag else ""


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]
    status: int


class FakeWeb(Serving):
    """`with FakeWeb() as web: web.pages["/rss"] = Page(b"…"); web.url("/rss")`."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []
        super().__init__(ThreadingHTTPServer, _Handler)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def statuses(self, path: str) -> list[int]:
        return [one.status for one in self.asked if one.path == path]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        web: FakeWeb = self.server.home
        page = web.pages.get(self.path, Page(b"nothing here", 404))
        status = 304 if page.status == 200 and self._is_known(page) else page.status
        web.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, status))
        if page.write:
            page.write(self)
            return
        body = page.body if status != 304 else b""
        headers = dict(page.headers)
        if headers.get("content-encoding") == "gzip-me":
            body, headers["content-encoding"] = gzip.compress(body), "gzip"
        self.send_response(status)
        for name, value in {"etag": page.etag, "last-modified": page.last_modified, **headers}.items():
            if value:
                self.send_header(name, value)
        if status != 304:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _is_known(self, page: Page) -> bool:
        if asked := self.headers.get("if-none-match"):
            return asked == page.etag
        return bool(page.last_modified) and self.headers.get("if-modified-since") == page.last_modified

    def log_message(self, *_: object) -> None:
        """Quiet."""
