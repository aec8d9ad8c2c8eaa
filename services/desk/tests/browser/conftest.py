"""A real browser against a real desk process: `make test-browser`."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from chassis.database import Database
from chassis.ids import new_id
from chassis.testing import recorded_events
from contracts.content import Source
from contracts.events import StoryKilled, StoryPublished
from desk.handlers import events, people
from desk.routes.sign_in import COOKIE
from desk.store.people import People, Sessions
from stack.processes import wait_until

from .. import desk_builders as make

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--font-render-hinting=none",  # letters as on a screen of today: hinted, the dot of an i runs into its stem
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@dataclass
class Desk:
    """A desk process on its own port, which a test may kill and start again."""

    environment: dict[str, str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            "desk.api:create_app",
            "--port",
            str(self.port),
            "--log-level",
            "error",
        ]
        self.process = subprocess.Popen(command, env={**os.environ, **self.environment})
        wait_until(self.answers, "the desk", timeout_s=60)

    def answers(self) -> bool:
        with socket.socket() as door:
            return door.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None


@pytest.fixture(scope="module")
def addresses() -> dict[str, str]:
    """Where the other services are; a module that needs them runs them."""
    return {}


@pytest.fixture
def desk(database: Database, stack: Any, addresses: dict[str, str]) -> Iterator[Desk]:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    urls = {f"DEPESHA_{service.upper()}_URL": url for service, url in addresses.items()}
    running = Desk({**stack.environment("desk"), **urls, "DEPESHA_DESK_API_TOKEN": "a-token-for-tests"}, port)
    running.start()
    yield running
    running.end(signal.SIGKILL)


@dataclass
class Person:
    """Somebody at a browser of their own. `clicks` are counted, complaints of the page kept."""

    page: Page
    context: BrowserContext
    clicks: int = 0
    complaints: list[str] = field(default_factory=list)

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.click(selector)

    def open(self, url: str) -> None:
        self.page.goto(url)
        self.page.wait_for_selector("html[data-ready=page]", state="attached")


@pytest.fixture
def person(browser: Browser, desk: Desk, database: Database) -> Iterator[Callable[..., Person]]:
    opened: list[Person] = []

    def sign_in(
        name: str = "Анна Ким", role: str = "chief", language: str = "ru", theme: str = "light", width: int = 1440
    ) -> Person:
        person_id = new_id()
        with database.unit_of_work() as uow:
            People(uow.connection).add(person_id, f"{person_id}@example.org", name, role, people.NOBODY)
            People(uow.connection).set_language(person_id, language)
            Sessions(uow.connection).add(f"session-{person_id}", person_id)
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme, locale=language)
        context.set_default_timeout(20_000)
        cookie = {
            "name": COOKIE,
            "value": f"session-{person_id}",
            "url": desk.url,
            "secure": True,
            "httpOnly": True,
            "sameSite": "Lax",
        }
        context.add_cookies([{**cookie, "url": desk.url.replace("http:", "https:")}])
        one = Person(context.new_page(), context)
        one.page.on("console", lambda message: one.complaints.append(message.text) if message.type == "error" else None)
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        opened.append(one)
        return one

    yield sign_in
    for one in opened:
        one.context.close()


@pytest.fixture
def house(database: Database, stack: Any) -> "House":
    return House(database, stack.settings("desk").get("public_url", "http://127.0.0.1:1/depesha-public"))


@dataclass
class House:
    """The rest of the house, as the desk hears it."""

    database: Database
    public_url: str = "http://127.0.0.1:1/depesha-public"
    source: ClassVar[Source] = Source(source_id="telegram:uprava", name="Управа Заречного района", kind="telegram")

    def send(self, number: int = 1, **changes: Any) -> Any:
        """A story that comes in from a Telegram channel, with its tags; the photo is there already where it has one."""
        story_id = new_id()
        values = {"images": (), "headline": f"Мост через Тую откроют {number} мая", **changes}
        told = make.received(
            story_id=story_id, external_id=str(number), source=self.source, content=make.content(**values)
        )
        told = told.model_copy(update={"received_at": datetime.now(UTC)})
        events.open_story(told, self.database.unit_of_work())
        events.take_tags(make.tagged(story_id=story_id), self.database.unit_of_work())
        return story_id

    def send_again(self, story_id: Any, revision: int, **changes: Any) -> None:
        """The source tells the story anew."""
        content = make.content(**{"images": (), **changes})
        told = make.received(story_id=story_id, revision=revision, source=self.source, content=content)
        events.open_story(told, self.database.unit_of_work())

    def publish_ordered(self, kind: type[Any] = StoryPublished) -> None:
        """Publication and one partner site do what was ordered last."""
        wait_until(lambda: bool(self.orders()), "an order", timeout_s=20)
        order = self.orders()[-1]
        fact = make.published(order["release_id"], order["story_id"], order["version"], kind)
        fact = fact.model_copy(update={"released_at": datetime.now(UTC)})
        events.note_release(fact, self.database.unit_of_work())

    def deliver(self, state: str, sequence: int, version: int = 1) -> None:
        story_id = self.orders()[-1]["story_id"]
        events.note_delivery(make.delivered(story_id, sequence, state, version=version), self.database.unit_of_work())

    def kill_ordered(self) -> None:
        self.publish_ordered(StoryKilled)

    def orders(self) -> list[dict[str, Any]]:
        return recorded_events(self.database, "release.ordered.v1")


@pytest.fixture
def axe() -> Callable[[Page, str], dict[str, Any]]:
    """`axe(page, "name")`: the barriers that axe-core finds in the page, under that name; nothing where there are none."""

    def run(page: Page, name: str) -> dict[str, Any]:
        page.wait_for_selector("html[data-ready]", state="attached")
        # Through the debugger: the page's own policy lets no foreign script in, and need not for this.
        script = {"expression": AXE.read_text(encoding="utf-8")}
        page.context.new_cdp_session(page).send("Runtime.evaluate", script)
        found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
        barriers = [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found]
        return {name: barriers} if barriers else {}

    return run
