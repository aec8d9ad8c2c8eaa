"""The service with its database, its bucket, and a small web around it."""

import pytest
from fastapi.testclient import TestClient

from ingestion import bootstrap
from ingestion.api import create_app
from ingestion.handlers.visiting import visit_source
from ingestion.settings import Settings
from ingestion.sources import PLUGINS
from ingestion.store.sources import Sources
from stack.telegram.server import Server

from .fakes.web_server import FakeWeb


@pytest.fixture
def database(database_for):
    return database_for("ingestion")


@pytest.fixture
def our_settings(settings_for):
    return Settings(
        **settings_for("ingestion"), allowed_networks="127.0.0.0/8", max_original_bytes=2_000_000, fetch_timeout_s=2
    )


@pytest.fixture
def intake(database, our_settings):
    intake = bootstrap.intake(our_settings)
    yield intake
    intake.database.close()


@pytest.fixture
def client(database, our_settings, bearer):
    with TestClient(create_app(our_settings), headers=bearer) as client:
        yield client


@pytest.fixture
def web():
    with FakeWeb() as web:
        yield web


@pytest.fixture
def visit(database, intake, our_settings):
    """`visit(source_id)`: make it due, lease it, visit it, as the worker does. Gives the source's row after that."""

    def go(source_id):
        with database.connection() as connection:
            connection.execute("UPDATE source SET due_at = now() - interval '1 day' WHERE source_id = %s", (source_id,))
            [lease] = [
                one for one in Sources(connection).lease_due(list(PLUGINS), 1, 60) if one.source.source_id == source_id
            ]
        visit_source(lease, intake, bootstrap.originals_client(our_settings), our_settings.vault)
        with database.connection() as connection:
            return Sources(connection).get(source_id)

    return go


@pytest.fixture
def telegram():
    server = Server().start()
    server.telegram.open_channel("solntsev_official", "Евгений Солнцев")
    yield server
    server.stop()


@pytest.fixture
def channel(telegram):
    return telegram.telegram.channels["solntsev_official"]
