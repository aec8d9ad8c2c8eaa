"""The whole house for tests: the embedded one, or a composed one named by DEPESHA_E2E (see docs/compose.md)."""

import json
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from stack.demo import web
from stack.demo.photos import make_photo
from stack.demo.stories import STORIES, Photo
from stack.engines import SERVICES, Engines, start_engines
from stack.house import build
from stack.processes import wait_until
from stack.supervisor import Supervisor
from stack.telegram.server import TOKEN


@dataclass(frozen=True)
class Doors:
    """Where the services answer, and how the site under test reaches a receiver of ours."""

    urls: dict[str, str]
    token: str
    receiver_host: str
    root: Path | None = None
    """Where the embedded house keeps its data and logs; None for a composed one."""
    secrets: set[str] = field(default_factory=set)
    """All that must not stand in a log."""

    def call(self, service: str, method: str, path: str, body: Any = None) -> Any:
        return web.call(method, f"{self.urls[service]}{path}", body, token=self.token)


@dataclass
class Partner:
    """A downstream site: verifies with `standardwebhooks`, keeps what it got."""

    secret: str = ""
    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def versions_of(self, story_url: str) -> list[tuple[str, str]]:
        return [(one["type"], one["data"]["version"]) for one in self.received if one["data"].get("uri") == story_url]


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    if composed := os.environ.get("DEPESHA_E2E"):
        known = json.loads(composed)
        yield Doors(known["urls"], known["token"], known["receiver_host"])
        return
    root = tmp_path_factory.mktemp("house")
    engines = start_engines(root)
    engines.migrate()
    house = build(root, engines)
    keeper = Supervisor(house.processes(), root, lambda *_: None)
    keeper.start()
    try:
        for name in SERVICES:
            wait_until(lambda name=name: web.is_ok(house.url(name) + "/readyz"), f"{name}-api", timeout_s=60)
        urls = {name: house.url(name) for name in (*SERVICES, "telegram")}
        yield Doors(urls, engines.operator_token, "127.0.0.1", root, secrets_of(engines))
    finally:
        keeper.stop()
        engines.stop()


def secrets_of(engines: Engines) -> set[str]:
    return {
        engines.postgres.password,
        engines.s3.secret_key,
        engines.secret_keys,
        *engines.passwords.values(),
        *engines.tokens.values(),
        *engines.s3.service_secrets.values(),
    }


@pytest.fixture
def partner(doors: Doors) -> Iterator[Partner]:
    """Subscribed to everything for the time of a test."""
    site = Partner()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if "challenge" in (asked := json.loads(body))["data"]:  # may come before we know our secret
                self.send_response(200)
                self.end_headers()
                self.wfile.write(asked["data"]["challenge"].encode())
                return
            try:
                site.received.append(Webhook(site.secret).verify(body, dict(self.headers.items())))
                self.send_response(204)
            except WebhookVerificationError as error:
                site.refused.append(str(error))
                self.send_response(401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    host = "127.0.0.1" if doors.receiver_host == "127.0.0.1" else "0.0.0.0"
    server = ThreadingHTTPServer((host, 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.url = f"http://{doors.receiver_host}:{server.server_port}/hook"
    answer = doors.call("delivery", "POST", "/endpoints", {"name": "Тестовый сайт", "url": site.url})
    site.secret = answer["secret"]
    doors.secrets.add(site.secret)
    yield site
    doors.call("delivery", "DELETE", f"/endpoints/{answer['endpoint_id']}")
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The demo's photographs of 12 megapixels, by name."""
    folder = tmp_path_factory.mktemp("photos")
    wanted: list[Photo] = [photo for story in STORIES[:1] for photo in story.photos]
    return {
        photo.name: make_photo(
            folder / photo.name, photo.scene, photo.seed, "Подпись из файла", "Автор из файла", photo.orientation
        )
        for photo in wanted
    }


@pytest.fixture
def channel(doors):
    """A channel of its own for the test, with its source subscribed. `act(what, …)` is what somebody does in the app."""
    if "telegram" not in doors.urls:
        pytest.skip("the composed system has no Telegram of ours")
    name = f"solntsev_{uuid.uuid4().hex[:8]}"
    source_id = f"telegram:{name}"
    settings = {
        "channel": name,
        "credit": "telegram-канал Евгения Солнцева",
        "bot_token": TOKEN,
        "webhook_secret": "for-trying-out-at-home",
        "api_url": doors.urls["telegram"],
        "preview_url": doors.urls["telegram"],
    }
    source = {"source_id": source_id, "kind": "telegram", "name": "Telegram Солнцева", "settings": settings}
    doors.call("ingestion", "POST", "/sources", source)
    outside = {"outside_url": doors.urls["ingestion"]}
    doors.call("ingestion", "PUT", f"/sources/{quote(source_id)}/subscription", outside)

    def act(what, **more):
        given = {"channel": name, "title": "Евгений Солнцев", **more}
        return web.call("POST", f"{doors.urls['telegram']}/app/{what}", given)

    act.name, act.source_id = name, source_id
    return act
