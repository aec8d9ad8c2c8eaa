"""What the desk's tests share: an empty desk on real engines, and its application."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from chassis.database import Database
from desk.api import create_app
from desk.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def database(database_for: Callable[[str], Database]) -> Database:
    return database_for("desk")


@pytest.fixture
def api(database: Database, settings_for: Callable[[str], dict[str, Any]]) -> Iterator[TestClient]:
    """A program with the desk's token."""
    settings = Settings(**settings_for("desk"), desk_api_token="a-token-for-tests")
    with TestClient(create_app(settings), headers={"authorization": "Bearer a-token-for-tests"}) as client:
        yield client
