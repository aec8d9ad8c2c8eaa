"""A database, an API and a partner's site."""

import pytest
from fastapi.testclient import TestClient

from delivery.api import create_app

from .webhooks import Site, desk_settings


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
