"""`depesha events …` on a real ledger."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from typer.testing import CliRunner

from chassis import events_commands, ledger
from chassis.commands import app
from chassis.ledger import inspect
from chassis.relay import pack
from chassis.worker import Worker
from contracts.events import StoryWithdrawnAtSource

pytestmark = pytest.mark.stack

STORY = UUID("0193a5c0-7e1a-7c4e-9b1d-000000000001")


@pytest.fixture
def database(database_for):
    database = database_for("desk")
    with database.connection() as connection:
        ledger.declare_consumer(connection, "desk", in_flight=100, lease_s=30)
    return database


@pytest.fixture
def run(stack, monkeypatch):
    monkeypatch.setenv("DEPESHA_ADMIN_DATABASE_URL", stack.admin_url)

    def call(*words):
        result = CliRunner().invoke(app, ["events", *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return call


def publish(database, count=1):
    with database.unit_of_work() as uow:
        for revision in range(1, count + 1):
            uow.publish(
                StoryWithdrawnAtSource(story_id=STORY, revision=revision, reason="x", noticed_at=datetime.now(UTC))
            )


def work(database, handler):
    worker = Worker("desk", database, {StoryWithdrawnAtSource: handler}, name="test")
    with database.connection() as connection:
        connection.execute("UPDATE ledger.delivery SET due_at = now() WHERE state <> 'dead'")
        for message in pack(ledger.claim_due(connection, 100)):
            worker.handle(json.loads(message[3]))


def fail(_event, _uow):
    raise RuntimeError("S3 is down")


def bury(database):
    for _ in range(ledger.mark.MAX_ATTEMPTS):
        work(database, fail)


def test_lag_tells_the_age_of_the_oldest(database, run):
    publish(database, 3)

    [lane] = json.loads(run("lag", "--json"))

    assert (lane["consumer"], lane["priority"], lane["waiting"], lane["sent"], lane["dead"]) == (
        "desk",
        "routine",
        3,
        0,
        0,
    )
    assert 0 <= lane["oldest_s"] < 60


def test_a_trace_tells_who_heard_it_when_and_how_often(database, run):
    publish(database)
    work(database, fail)
    work(database, lambda _event, _uow: None)

    [step] = json.loads(run("trace", str(STORY), "--json"))

    assert (step["type"], step["consumer"], step["state"], step["dispatches"], step["attempts"], step["worker"]) == (
        "story.withdrawn_at_source.v1",
        "desk",
        "handled",
        2,
        1,
        "test",
    )
    assert "handled" in run("trace", str(STORY))


def test_the_dead_are_listed_explained_and_replayed(database, run):
    publish(database, 2)
    bury(database)

    [first, second] = json.loads(run("dead", "--json"))
    assert (first["reason"], first["attempts"]) == ("RuntimeError: S3 is down", ledger.mark.MAX_ATTEMPTS)
    assert 'raise RuntimeError("S3 is down")' in first["traceback"]

    assert run("replay", str(second["delivery_id"])) == "1 deliveries are on their way again\n"
    work(database, lambda _event, _uow: None)
    assert [one["delivery_id"] for one in json.loads(run("dead", "--json"))] == [first["delivery_id"]]
    assert run("replay", "--consumer", "imaging") == "0 deliveries are on their way again\n"
    assert run("replay", "--consumer", "desk") == "1 deliveries are on their way again\n"


def test_a_consumer_can_hear_again_what_it_handled_since_a_time(database, run):
    publish(database, 2)
    work(database, lambda _event, _uow: None)
    seen = []

    run("replay", "--handled", "--consumer", "desk", "--since", "2026-01-01T00:00:00")
    work(database, lambda event, _uow: seen.append(event.revision))

    assert sorted(seen) == [1, 2]


def test_an_event_is_listed_and_shown_whole(database, run):
    publish(database)

    [event] = json.loads(run("list", "--json"))
    shown = json.loads(run("show", event["event_id"]))

    assert shown["specversion"] == "1.0"
    assert shown["data"]["reason"] == "x"


def test_pruning_drops_old_days_and_keeps_what_is_unfinished(database, stack, run):
    long_ago = datetime.now(UTC).date() - timedelta(days=30)
    name = f"event_{long_ago:%Y%m%d}"
    with psycopg.connect(stack.admin_url, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE ledger.{name} PARTITION OF ledger.event FOR VALUES FROM ('{long_ago}') TO ('{long_ago + timedelta(days=1)}')"
        )
        publish(database, 2)
        connection.execute("UPDATE ledger.event SET day = %s", (long_ago,))
        connection.execute("UPDATE ledger.delivery SET event_day = %s", (long_ago,))
        connection.execute(
            "DELETE FROM ledger.delivery WHERE delivery_id = (SELECT min(delivery_id) FROM ledger.delivery)"
        )

        assert inspect.prune(connection, 60, datetime.now(UTC).date()) == []
        assert run("prune", "--keep-days", "14", "--dry-run") == f"would be dropped: {name}\n"
        assert run("prune", "--keep-days", "14") == f"dropped: {name}\n"

        assert connection.execute("SELECT count(*) FROM ledger.event").fetchone() == (1,)
    seen = []
    work(database, lambda event, _uow: seen.append(event.revision))
    assert seen == [2]


@dataclass(frozen=True)
class Listed:
    event_id: UUID
    subject: str
    reason: str


def test_an_id_is_never_cut_however_narrow_the_terminal_is(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    event_id = UUID("01a2277d-c117-70ce-9d51-000000000001")

    events_commands._print([Listed(event_id, "s" * 36, "word " * 20)], as_json=False)

    assert str(event_id) in capsys.readouterr().out
