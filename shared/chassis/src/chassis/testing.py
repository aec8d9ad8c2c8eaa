"""pytest fixtures on real engines: one embedded PostgreSQL, Valkey and S3 server a test run."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from chassis.bucket import Bucket
from chassis.database import Database
from chassis.settings import Settings
from chassis.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from pathlib import Path

    from stack.engines import Engines


def pytest_configure() -> None:
    """Hypothesis judges what a test shows, never how busy the machine is."""
    from hypothesis import HealthCheck, settings  # noqa: PLC0415 - for those who have it

    settings.register_profile("depesha", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("depesha")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Engines]":
    """The engines, migrated. Tests that use it, or anything below, bear the mark `stack`."""
    from stack.engines import start_engines  # noqa: PLC0415 - unit tests need no engines

    root: Path = tmp_path_factory.mktemp("stack")
    engines = start_engines(root)
    try:
        with psycopg.connect(engines.admin_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # no test pulls the plug
            connection.execute("SELECT pg_reload_conf()")
        engines.migrate()
        yield engines
    finally:
        engines.stop()


@pytest.fixture(scope="session")
def settings(stack: "Engines") -> Settings:
    """Settings that point to the engines; for a service's own: `ServiceSettings(**environment)`."""
    return Settings(**stack.settings("desk"))


@pytest.fixture
def settings_for(stack: "Engines") -> Callable[[str], dict[str, Any]]:
    """The constructor arguments of a service's Settings, with its own database role."""
    return stack.settings


@pytest.fixture
def database_for(stack: "Engines") -> Iterator[Callable[[str], Database]]:
    """`database_for("tagging")`: that service's database, its tables and the ledger empty, connected as its own role."""
    opened: list[Database] = []

    def open_database(service: str) -> Database:
        _empty(stack.admin_url, service)
        database = Database(stack.settings(service)["database_url"], service, size=8)
        opened.append(database)
        return database

    yield open_database
    for database in opened:
        database.close()


@pytest.fixture(scope="session")
def bearer(stack: "Engines") -> dict[str, str]:
    """The header of a caller who may do everything: `TestClient(create_app(…), headers=bearer)`."""
    return {"authorization": f"Bearer {stack.operator_token}"}


@pytest.fixture(scope="session")
def private_bucket(stack: "Engines") -> Bucket:
    """With the stack's own key, which may do everything."""
    return Bucket.private(_storekeeper(stack))


@pytest.fixture(scope="session")
def public_bucket(stack: "Engines") -> Bucket:
    return Bucket.public(_storekeeper(stack))


def _storekeeper(stack: "Engines") -> Settings:
    key = {"s3_access_key": stack.s3.access_key, "s3_secret_key": stack.s3.secret_key}
    return Settings(**{**stack.settings("desk"), **key})


def recorded_events(database: Database, event_type: str | None = None) -> list[dict[str, Any]]:
    """The data of all events in the ledger, oldest first; of one type if one is named."""
    query = (
        "SELECT envelope->'data' FROM ledger.event WHERE %(type)s::text IS NULL OR type = %(type)s ORDER BY event_id"
    )
    with database.connection() as connection:
        return [row[0] for row in connection.execute(query, {"type": event_type}).fetchall()]


class Crash(Exception):  # noqa: N818 - not an error of ours
    """The worker died before its commit."""


class CrashingUnitOfWork(UnitOfWork):
    """Everything is done, and nothing is committed."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind or Crash, error or Crash(), trace)
        if kind is None:
            raise Crash


def assert_any_order_ends_alike(
    told: Sequence[Any],
    world: Callable[[], tuple[Database, Any]],
    hear: Callable[[Any, UnitOfWork, Any], None],
    state: Callable[[Any], Any],
    *,
    examples: int = 10,
) -> Any:  # noqa: ANN401 - whatever `state` gives
    """Hear a story's events in any order, any number of times, some handled up to the commit and lost: one state at the end.

    `world()` gives an empty database and what `hear(event, uow, world)` and `state(world)` need. At the end of each try
    every event has been heard at least once. Returns the state that hearing them in order, once, ends in.
    """
    from hypothesis import HealthCheck, settings  # noqa: PLC0415 - for those who have it
    from hypothesis import strategies as st  # noqa: PLC0415
    from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test  # noqa: PLC0415

    database, first = world()
    for event in told:
        hear(event, database.unit_of_work(), first)
    expected = state(first)
    database.close()
    places = st.integers(0, len(told) - 1)

    class AnyOrder(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.database, self.world = world()
            self.unheard = set(range(len(told)))

        @rule(place=places)
        def one_is_heard(self, place: int) -> None:
            hear(told[place], self.database.unit_of_work(), self.world)
            self.unheard.discard(place)

        @rule(place=places)
        def one_is_heard_by_a_worker_that_dies_before_its_commit(self, place: int) -> None:
            with contextlib.suppress(Crash):
                hear(told[place], CrashingUnitOfWork(self.database), self.world)

        def teardown(self) -> None:
            for place in sorted(self.unheard):
                hear(told[place], self.database.unit_of_work(), self.world)
            end = state(self.world)
            self.database.close()
            assert end == expected  # noqa: S101 - a test

    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=examples,
            stateful_step_count=2 * len(told),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    return expected


EMPTY = r"""
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT schemaname, tablename FROM pg_tables
        WHERE schemaname IN ('{service}', 'ledger') AND tablename <> 'alembic_version'
        AND NOT (schemaname = 'ledger' AND tablename LIKE '%\_2%')
    LOOP EXECUTE format('DELETE FROM %I.%I', one.schemaname, one.tablename);
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences
        WHERE schemaname IN ('{service}', 'ledger') AND last_value IS NOT NULL;
END $$
"""
"""Partitions are emptied with their table. TRUNCATE makes every file anew: ten times the time where there are few rows."""


def _empty(admin_url: str, service: str) -> None:
    """Empty a service's tables and the ledger; rows that migrations wrote come back only with a new run."""
    # As a replica, which looks at no references: so the order of the tables is free.
    options = "-c session_replication_role=replica -c synchronous_commit=off"
    with psycopg.connect(admin_url, autocommit=True, options=options) as connection:
        connection.execute(EMPTY.format(service=service).encode())
