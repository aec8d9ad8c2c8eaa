"""What Prometheus is told is true: the ledger's numbers by query, a worker's by doing work, the cost by the clock."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from chassis import ledger, metrics
from chassis.bucket import ObjectMissing
from chassis.errors import Refusal
from chassis.ledger import watch
from chassis.relay import pack
from chassis.worker import Worker
from contracts.events import StoryWithdrawnAtSource

STORY = UUID("0193a5c0-7e1a-7c4e-9b1d-000000000001")


def withdrawn():
    return StoryWithdrawnAtSource(
        story_id=STORY, revision=1, reason="пост удалён", noticed_at=datetime(2026, 11, 12, tzinfo=UTC)
    )


@pytest.fixture
def database(database_for):
    database = database_for("desk")
    with database.connection() as connection:
        ledger.declare_consumer(connection, "desk", in_flight=10, lease_s=30)
    return database


def publish(database, count=1, priority="routine"):
    with database.unit_of_work() as uow:
        for _ in range(count):
            uow.publish(withdrawn(), priority=priority)


def handle_all(database, handler):
    worker = Worker("desk", database, {StoryWithdrawnAtSource: handler}, name="test")
    with database.connection() as connection:
        for dispatch in ledger.claim_due(connection, 100):
            worker.handle(json.loads(pack([dispatch])[0][3]))


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(collector):
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        return samples(generate_latest(registry).decode())
    finally:
        collector.close()


def accept(_event, _uow):
    pass


def own(name, **labels):
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.stack
def test_the_ledgers_numbers_are_told_for_every_lane_also_the_idle_ones(database):
    publish(database, 3, "urgent")
    with database.connection() as connection:
        ledger.claim_due(connection, 1)
        connection.execute("UPDATE ledger.delivery SET recorded_at = now() - interval '90 s'")

    told = scraped(metrics.LedgerCollector(database.url))

    def lane(name, priority):
        return told[(name, ("consumer", "desk"), ("priority", priority))]

    assert [lane("depesha_events_waiting", one) for one in ledger.PRIORITIES] == [2, 0, 0]
    assert [lane("depesha_events_in_flight", one) for one in ledger.PRIORITIES] == [1, 0, 0]
    assert lane("depesha_oldest_event_seconds", "urgent") == pytest.approx(90, abs=3)
    assert lane("depesha_oldest_event_seconds", "bulk") == 0
    assert told[("depesha_ledger_up",)] == 1


@pytest.mark.stack
def test_rates_count_what_came_and_what_was_handled(database):
    publish(database, 20)
    handle_all(database, accept)

    with database.connection() as connection:
        [flow] = watch.look(connection).flows

    assert (flow.consumer, flow.came_per_s, flow.handled_per_s) == ("desk", 20 / watch.WINDOW_S, 10 / watch.WINDOW_S)


@pytest.mark.stack
def test_a_worker_is_counted_while_its_heartbeat_is_fresh_and_forgotten_when_it_says_goodbye(database):
    worker = Worker("desk", database, {}, name="test-1", concurrency=3)

    worker._report()
    with database.connection() as connection:
        [seen] = watch.look(connection).workers
        connection.execute("UPDATE ledger.worker SET seen_at = now() - interval '1 minute'")
        silent = watch.look(connection)
    worker._say_goodbye()

    assert (seen.name, seen.consumer, seen.concurrency, seen.is_silent) == ("test-1", "desk", 3, False)
    assert 10e6 < seen.resident_bytes < 2e9
    assert (silent.workers[0].is_silent, silent.workers_by_consumer) == (True, {"desk": 0})
    with database.connection() as connection:
        assert watch.look(connection).workers == ()


@pytest.mark.stack
def test_what_lies_although_there_is_room_is_the_relays_lag(database):
    publish(database, 2)
    with database.connection() as connection:
        connection.execute("UPDATE ledger.delivery SET due_at = now() - interval '30 s'")
        late = watch.look(connection).unsent_s
        ledger.declare_consumer(connection, "desk", in_flight=1, lease_s=30)
        ledger.claim_due(connection, 1)
        no_room = watch.look(connection).unsent_s

    assert late == pytest.approx(30, abs=3)
    assert no_room == 0


@pytest.mark.stack
def test_a_relay_that_sends_one_after_the_other_of_a_flood_lags_by_nothing(database):
    publish(database, 30)
    with database.connection() as connection:
        connection.execute("UPDATE ledger.delivery SET due_at = now() - interval '1 minute'")
    handle_all(database, lambda _event, _uow: None)

    with database.connection() as connection:
        assert watch.look(connection).lanes[1].waiting == 20
        assert watch.look(connection).unsent_s < 5


@pytest.mark.stack
def test_a_ledger_that_does_not_answer_is_told_as_down_and_nothing_else(stack):
    told = scraped(metrics.LedgerCollector("postgresql://nobody:x@127.0.0.1:1/none"))

    assert told == {("depesha_ledger_up",): 0}


def refuse(_event, _uow):
    raise Refusal("no")


def break_down(_event, _uow):
    raise ValueError("a bug")


@pytest.mark.stack
@pytest.mark.parametrize(("handler", "outcome"), [(accept, "handled"), (refuse, "rejected"), (break_down, "failed")])
def test_a_handler_is_timed_by_how_it_ended(database, handler, outcome):
    labels = {"consumer": "desk", "event": "story.withdrawn_at_source.v1"}
    before = own("depesha_handler_seconds_count", **labels, outcome=outcome)
    legs = own("depesha_leg_seconds_count", **labels)
    publish(database)

    handle_all(database, handler)

    assert own("depesha_handler_seconds_count", **labels, outcome=outcome) == before + 1
    assert own("depesha_leg_seconds_count", **labels) == legs + (outcome != "failed")


@pytest.mark.stack
def test_each_call_to_the_storage_is_timed_by_what_came_of_it(private_bucket):
    name = private_bucket.name

    def count(operation, outcome):
        return own("depesha_storage_seconds_count", bucket=name, operation=operation, outcome=outcome)

    before = count("put", "ok"), count("get", "404")
    private_bucket.put("metrics/one", b"1", content_type="text/plain")
    with pytest.raises(ObjectMissing):
        private_bucket.get("metrics/none")

    assert (count("put", "ok"), count("get", "404")) == (before[0] + 1, before[1] + 1)


def ask(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_worker_with_a_port_answers_probes_and_scrapes():
    def check():
        raise ConnectionError("refused")

    server = metrics.serve("127.0.0.1", 0, {"redis": check, "database": lambda: None})
    try:
        port = server.server_port

        assert ask(port, "/healthz") == (200, "ok")
        assert "depesha_handler_seconds" in ask(port, "/metrics")[1]
        status, body = ask(port, "/readyz")
        assert (status, json.loads(body)) == (503, {"ready": False, "down": {"redis": "ConnectionError: refused"}})
        assert ask(port, "/secret")[0] == 404
    finally:
        server.shutdown()
        server.server_close()
