"""Drives the whole house from outside, through HTTP doors only: a house to start, a partner that verifies, stories to push."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyvips
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from stack.demo import web
from stack.engines import SERVICES, Engines, start_engines
from stack.house import House, Process, build
from stack.processes import wait_until
from stack.supervisor import Supervisor


@dataclass
class Arrival:
    """A verified webhook."""

    at: float
    webhook_id: str
    type: str
    uri: str
    version: int
    status: str


@dataclass
class Partner:
    """A downstream site. While `is_down` it answers 503."""

    secret: str = ""
    url: str = ""
    is_down: bool = False
    arrivals: list[Arrival] = field(default_factory=list)
    refused: int = 0

    def last_of(self, uri: str) -> Arrival | None:
        return next((one for one in reversed(self.arrivals) if one.uri == uri), None)


@dataclass
class Running:
    """A house that runs."""

    house: House
    engines: Engines
    keeper: Supervisor

    def call(self, service: str, method: str, path: str, body: Any = None) -> Any:
        return web.call(
            method, f"{self.house.url(service)}{path}", body, token=self.engines.operator_token, timeout_s=20
        )


@contextmanager
def running_house(root: Path, more: Callable[[Engines], list[Process]] = lambda _: []) -> Iterator[Running]:
    """All of it, and `more` processes."""
    engines = start_engines(root)
    try:
        engines.migrate()
        house = build(root, engines)
        keeper = Supervisor([*house.processes(), *more(engines)], root, lambda *_: None)
        keeper.start()
        try:
            for name in SERVICES:
                wait_until(lambda name=name: web.is_ok(house.url(name) + "/readyz"), f"{name}-api", timeout_s=90)
            yield Running(house, engines, keeper)
        finally:
            keeper.stop()
    finally:
        engines.stop()


@contextmanager
def partner_of(running: Running, name: str = "Наблюдатель") -> Iterator[Partner]:
    """Subscribed to everything."""
    partner = Partner()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer = _take(partner, dict(self.headers.items()), body)
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    partner.url = f"http://127.0.0.1:{server.server_port}/hook"
    partner.secret = running.call("delivery", "POST", "/endpoints", {"name": name, "url": partner.url})["secret"]
    try:
        yield partner
    finally:
        server.shutdown()
        server.server_close()


def _take(partner: Partner, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    at = time.perf_counter()
    if partner.is_down:
        return 503, b""
    if "challenge" in (asked := json.loads(body))["data"]:  # may come before we know our secret
        return 200, asked["data"]["challenge"].encode()
    try:
        message = Webhook(partner.secret).verify(body, headers)
    except WebhookVerificationError:
        partner.refused += 1
        return 401, b""
    item = message["data"]
    if "uri" in item:
        lowered = {name.lower(): value for name, value in headers.items()}
        partner.arrivals.append(
            Arrival(at, lowered["webhook-id"], message["type"], item["uri"], int(item["version"]), item["pubStatus"])
        )
    return 204, b""


def noisy_jpeg(width: int, height: int, seed: int, blur: float = 8) -> bytes:
    """A photo with as much to compress as a real one has, another for each seed."""
    noise = pyvips.Image.gaussnoise(width, height, sigma=20, mean=120, seed=seed).gaussblur(blur).cast("uchar")
    body: bytes = noise.bandjoin([noise, noise]).copy(interpretation="srgb").jpegsave_buffer()
    return body


def until(ask: Callable[[], Any], is_good: Callable[[Any], bool], what: str, timeout_s: float = 60) -> Any:
    """Ask again and again, over any failure, until the answer is good; returns it."""
    answer: Any = None

    def look() -> bool:
        nonlocal answer
        try:
            answer = ask()
        except (web.WebError, OSError):
            return False
        return is_good(answer)

    wait_until(look, what, timeout_s=timeout_s)
    return answer


def is_whole(story: dict[str, Any]) -> bool:
    """Tags proposed and every photo rendered or refused."""
    answered = {image["image_id"] for image in story["images"] if image["manifest"] or image["rejected"]}
    return story["tagged_revision"] > 0 and answered >= {image["image_id"] for image in story["draft"]["images"]}
