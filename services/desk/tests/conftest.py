"""What the desk's tests share: an empty desk on real engines, its application, people who sign in."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from chassis.database import Database
from chassis.ids import new_id
from desk.api import create_app
from desk.handlers import events, people
from desk.routes.sign_in import COOKIE
from desk.settings import Settings
from desk.store.people import People, Sessions

from . import desk_builders as make

ORIGIN = "https://testserver"


@pytest.fixture
def database(database_for: Callable[[str], Database]) -> Database:
    return database_for("desk")


@pytest.fixture
def app(database: Database, settings_for: Callable[[str], dict[str, Any]]) -> FastAPI:
    return create_app(Settings(**settings_for("desk"), desk_api_token="a-token-for-tests"))


@pytest.fixture
def api(app: FastAPI) -> Iterator[TestClient]:
    """A program with the desk's token."""
    with TestClient(app, headers={"authorization": "Bearer a-token-for-tests"}) as client:
        yield client


@pytest.fixture
def person(app: FastAPI, database: Database) -> Iterator[Callable[..., TestClient]]:
    """`person("chief", "Анна")`: a browser in which that person has signed in."""
    with TestClient(app) as running:

        def sign_in(role: str = "chief", name: str = "Анна Ким", language: str = "ru") -> TestClient:
            person_id = new_id()
            token = f"session-{person_id}"
            with database.unit_of_work() as uow:
                People(uow.connection).add(person_id, f"{person_id}@example.org", name, role, people.NOBODY)
                People(uow.connection).set_language(person_id, language)
                Sessions(uow.connection).add(token, person_id)
            headers = {"origin": ORIGIN, "accept": "text/html"}
            client = TestClient(app, base_url=ORIGIN, cookies={COOKIE: token}, headers=headers, follow_redirects=False)
            client.person_id = person_id
            return client

        assert running
        yield sign_in


@pytest.fixture
def story(database: Database) -> None:
    events.open_story(make.received(), database.unit_of_work())
    events.take_image(make.processed(), database.unit_of_work())
    events.take_tags(make.tagged(), database.unit_of_work())


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """A browser is driven only where one is asked for: `make test-browser`."""
    is_asked_for = bool(os.environ.get("DEPESHA_BROWSER"))
    return True if "browser" in collection_path.parts and not is_asked_for else None
