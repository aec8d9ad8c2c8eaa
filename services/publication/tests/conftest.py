"""The press on the real engines: an own prefix in the bucket for each test, tables empty."""

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from lxml import html

from chassis.database import Database
from chassis.testing import recorded_events
from publication import bootstrap
from publication.handlers.lists import ListWriter
from publication.handlers.releases import carry_out
from publication.press import Press
from publication.settings import Settings

from .building import order


@dataclass
class Newsroom:
    """Orders go in; pages, lists and facts come out."""

    database: Database
    press: Press
    settings: Settings
    writer: ListWriter

    def handle(self, *orders: Any) -> None:
        for one in orders:
            carry_out(one, self.database.unit_of_work(), self.press)

    def publish(self, *args: Any, **changes: Any) -> str:
        """One order, lists and all; the story's address."""
        given = order(*args, **changes)
        self.handle(given)
        self.writer.run()
        return self.facts()[-1]["url"]

    def facts(self, event_type: str | None = None) -> list[dict[str, Any]]:
        return recorded_events(self.database, event_type)

    def url(self, path: str) -> str:
        return self.press.editions[0].site.address(path)

    def get(self, path: str) -> tuple[int, str, str]:
        """Status, content type and text, as anybody reads them; `path` may be a whole address."""
        try:
            with urlopen(path if path.startswith("http") else self.url(path), timeout=10) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except HTTPError as error:
            error.close()
            return error.code, "", ""

    def page(self, path: str) -> Any:
        return html.fromstring(self.get(path)[2])


@pytest.fixture
def build(database_for, settings_for):
    """`build(**settings)`: a newsroom with settings of its own."""
    database = database_for("publication")

    def make(**changes: Any) -> Newsroom:
        prefix = f"t{uuid.uuid4().hex[:12]}"
        settings = Settings(**{**settings_for("publication"), "site_prefix": prefix, "write_threads": 8, **changes})
        press = bootstrap.press(settings)
        return Newsroom(database, press, settings, ListWriter(database, press))

    return make


@pytest.fixture
def newsroom(build):
    return build()
