"""A database, an API and a partner's site."""

import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent))

from webhooks import Site, desk_settings

from delivery.api import create_app


@pytest.fixture
def database(database_for):
    return database_for("delivery")


@pytest.fixture
def client(database, settings_for, bearer):
    return TestClient(create_app(desk_settings(settings_for)), headers=bearer)


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()
