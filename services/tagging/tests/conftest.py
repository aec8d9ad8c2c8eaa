"""What the tagger's tests share: the net, the shipped vocabulary, an empty database, the API."""

import pytest
from fastapi.testclient import TestClient

from tagging import ner
from tagging.api import create_app
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.propose import Tools, propose
from tagging.settings import Settings
from tagging.shipped import shipped


@pytest.fixture(scope="session")
def find_names():
    return ner.load()


@pytest.fixture(scope="session")
def gazetteer():
    return Gazetteer(shipped())


@pytest.fixture(scope="session")
def tagged(gazetteer, find_names):
    tools = Tools(gazetteer, find_names)
    return lambda content: propose(content, tools)


@pytest.fixture
def database(database_for):
    return database_for("tagging")


@pytest.fixture
def api(database, settings_for, bearer):
    with TestClient(create_app(Settings(**settings_for("tagging"))), headers=bearer) as client:
        yield client
