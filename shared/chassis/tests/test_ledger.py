"""The ledger's promises, on a real PostgreSQL and a real Valkey."""

import json
import threading
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
import redis

from chassis import ledger
from chassis.errors import Refusal
from chassis.ids import new_id
from chassis.ledger import Delivery
from chassis.ledger.mark import MAX_ATTEMPTS
from chassis.relay import Relay, pack
from chassis.testing import recorded_events
from chassis.unit_of_work import AlreadyHandledError, UnitOfWork
from chassis.worker import MOST_LOST_STARTS, Worker
from contracts.events import StoryWithdrawnAtSource

pytestmark = pytest.mark.stack

STORY = UUID("0193a5c0-7e1a-7c4e-9b1d-000000000001")


def withdrawn(revision=1):
    return StoryWithdrawnAtSource(
        story_id=STORY, revision=revision, reason="пост удалён", noticed_at=datetime(2026, 11, 12, tzinfo=UTC)
    )


@pytest.fixture
def database(database_for, stack):
    database = database_for("desk")
    with psycopg.connect(stack.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE desk.effect (note text)")
        admin.execute("GRANT SELECT, INSERT ON desk.effect TO desk")
        with database.connection() as connection:
            ledger.declare_consumer(connection, "desk", in_flight=10, lease_s=30)
        yield database
        admin.execute("DROP TABLE desk.effect")


def publish(database, *events, priority=None):
    with database.unit_of_work() as uow:
        for event in events:
            uow.publish(event, priority=priority)


def claim(database, limit=100):
    with database.connection() as connection:
        return ledger.claim_due(connection, limit)


def one_due_in(database):
    with database.connection() as connection:
        connection.execute("DELETE FROM ledger.timer")
        return ledger.next_due_in(connection)


def query(database, sql, *parameters):
    with database.connection() as connection:
        return connection.execute(sql, parameters).fetchall()


def make_due(database):
    query(database, "UPDATE ledger.delivery SET due_at = now() - interval '1 s' RETURNING 1")


def message(dispatch):
    return json.loads(pack([dispatch])[0][3])["deliveries"][0]


def note(text):
    def handler(_event, uow):
        with uow:
            uow.connection.execute("INSERT INTO effect VALUES (%s)", (text,))

    return handler


def worker(database, handler):
    return Worker("desk", database, {StoryWithdrawnAtSource: handler}, name="test")


def test_an_event_and_its_deliveries_are_written_with_the_business_change(database):
    with database.unit_of_work() as uow:
        uow.connection.execute("INSERT INTO effect VALUES ('changed')")
        uow.publish(withdrawn())

    assert query(database, "SELECT note FROM effect") == [("changed",)]
    assert [event["reason"] for event in recorded_events(database)] == ["пост удалён"]
    assert query(database, "SELECT consumer, priority, state, dispatches FROM ledger.delivery") == [
        ("desk", 1, "waiting", 0)
    ]


def test_many_events_at_once_are_written_like_each_alone_and_in_their_order(database):
    publish(database, withdrawn(1))
    with database.unit_of_work() as uow:
        uow.publish_all([withdrawn(2), withdrawn(3)])

    assert [one["revision"] for one in recorded_events(database)] == [1, 2, 3]
    [alone, second, third] = sorted(claim(database), key=lambda one: one.delivery_id)
    assert (alone.consumer, alone.priority) == (second.consumer, second.priority) == (third.consumer, third.priority)
    assert [json.loads(one.envelope)["data"]["revision"] for one in (alone, second, third)] == [1, 2, 3]


def test_a_rollback_undoes_both_the_change_and_the_event(database):
    def change_and_fail():
        with database.unit_of_work() as uow:
            uow.connection.execute("INSERT INTO effect VALUES ('changed')")
            uow.publish(withdrawn())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()

    assert query(database, "SELECT note FROM effect") == []
    assert recorded_events(database) == []
    assert query(database, "SELECT 1 FROM ledger.delivery") == []


def test_a_claimed_delivery_is_leased_and_not_claimed_again(database):
    publish(database, withdrawn())

    first, second = claim(database), claim(database)

    assert [(one.consumer, one.priority, one.is_resend) for one in first] == [("desk", "routine", False)]
    assert second == []


def test_a_delivery_is_claimed_again_when_its_lease_ends(database):
    publish(database, withdrawn())
    claim(database)
    make_due(database)

    again = claim(database)

    assert [one.is_resend for one in again] == [True]
    assert query(database, "SELECT dispatches FROM ledger.delivery") == [(2,)]


def test_urgent_is_claimed_before_routine_before_bulk(database):
    publish(database, withdrawn(1), priority="bulk")
    publish(database, withdrawn(2))
    publish(database, withdrawn(3), priority="urgent")

    assert [one.priority for one in claim(database)] == ["urgent", "routine", "bulk"]


def test_no_consumer_has_more_in_flight_than_it_declared(database):
    publish(database, *(withdrawn(number) for number in range(1, 16)))

    assert len(claim(database)) == 10
    assert len(claim(database)) == 0


def test_a_queue_is_filled_up_when_a_quarter_is_free_and_whatever_goes_before_does_not_wait_for_that(database):
    publish(database, *(withdrawn(number) for number in range(1, 16)), priority="bulk")
    taken = [one.delivery_id for one in claim(database)]

    def handled(count):
        query(database, "DELETE FROM ledger.delivery WHERE delivery_id = ANY(%s) RETURNING 1", taken[:count])

    handled(1)
    assert claim(database) == [], "nine before them in the queue: they need not hurry into it"
    publish(database, withdrawn(20))
    assert [one.priority for one in claim(database)] == ["routine"]

    handled(3)
    assert [one.priority for one in claim(database)] == ["bulk", "bulk"]
    assert query(database, "SELECT count(*) FROM ledger.delivery WHERE state = 'sent'") == [(10,)]


def test_one_that_takes_one_at_a_time_gets_the_next_when_it_is_done(database):
    with database.connection() as connection:
        ledger.declare_consumer(connection, "desk", in_flight=1, lease_s=30)
    publish(database, withdrawn(1), withdrawn(2))
    [first] = claim(database)
    assert claim(database) == []

    query(database, "DELETE FROM ledger.delivery WHERE delivery_id = %s RETURNING 1", first.delivery_id)

    assert len(claim(database)) == 1


def test_the_relay_is_told_when_the_next_is_due_in_whatever_lane(database):
    assert one_due_in(database) is None
    publish(database, withdrawn(1), priority="bulk")
    query(database, "UPDATE ledger.delivery SET due_at = now() + interval '100 s' RETURNING 1")
    assert 90 < one_due_in(database) < 100
    publish(database, withdrawn(2))
    query(database, "UPDATE ledger.delivery SET due_at = now() + interval '10 s' WHERE priority = 1 RETURNING 1")
    assert 5 < one_due_in(database) < 10
    make_due(database)

    assert one_due_in(database) < 0


def test_two_relays_never_claim_the_same_delivery(database):
    publish(database, *(withdrawn(number) for number in range(1, 9)))
    with database.connection() as one, database.connection() as two, one.transaction():
        first = ledger.claim_due(one, 4)
        second = ledger.claim_due(two, 100)

    assert len(first) == 4
    assert {each.delivery_id for each in first}.isdisjoint(each.delivery_id for each in second)


def test_a_handled_message_moves_to_history_and_a_repetition_does_nothing(database):
    publish(database, withdrawn())
    [dispatch] = claim(database)

    for _ in range(3):
        worker(database, note("once")).handle(message(dispatch))

    assert query(database, "SELECT note FROM effect") == [("once",)]
    assert query(database, "SELECT 1 FROM ledger.delivery") == []
    assert query(database, "SELECT consumer, outcome, dispatches, attempts, worker FROM ledger.history") == [
        ("desk", "handled", 1, 0, "test")
    ]


def test_two_workers_with_the_same_message_have_one_effect(database):
    publish(database, withdrawn())
    [dispatch] = claim(database)
    barrier = threading.Barrier(2)

    def meet(_event, uow):
        barrier.wait(10)
        note("once")(_event, uow)

    threads = [threading.Thread(target=worker(database, meet).handle, args=(message(dispatch),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert query(database, "SELECT note FROM effect") == [("once",)]
    assert query(database, "SELECT count(*) FROM ledger.history") == [(1,)]


def test_a_handler_that_opens_no_transaction_is_marked_handled(database):
    publish(database, withdrawn())

    worker(database, lambda _event, _uow: None).handle(message(claim(database)[0]))

    assert query(database, "SELECT outcome FROM ledger.history") == [("handled",)]


def batch(*dispatches):
    return {"deliveries": [message(dispatch) for dispatch in dispatches]}


def test_handlers_that_open_no_transaction_are_marked_in_one_each_with_its_own_time(database):
    publish(database, *(withdrawn(revision) for revision in (1, 2, 3)))
    durations = iter((0.0, 0.02, 0.0))

    worker(database, lambda _event, _uow: threading.Event().wait(next(durations))).handle(batch(*claim(database)))

    assert query(database, "SELECT count(*), count(DISTINCT xmin::text) FROM ledger.history") == [(3, 1)]
    assert query(database, "SELECT duration_ms >= 20 FROM ledger.history ORDER BY delivery_id") == [
        (False,),
        (True,),
        (False,),
    ]
    assert query(database, "SELECT count(*) FROM ledger.delivery") == [(0,)]


def test_a_message_that_takes_long_does_not_keep_its_first_events_unmarked(database, monkeypatch):
    publish(database, withdrawn(1), withdrawn(2))
    monkeypatch.setattr("chassis.worker.MARK_WITHIN_S", 0.0)
    seen = []

    worker(database, lambda _event, _uow: seen.extend(query(database, "SELECT count(*) FROM ledger.history"))).handle(
        batch(*claim(database))
    )

    assert seen == [(0,), (1,)]


def test_a_worker_that_dies_in_a_batch_leaves_what_it_has_not_marked_to_the_next_and_what_was_sent_before_alone(
    database,
):
    """An event that kills its workers again and again must not take its neighbours' starts with it."""
    publish(database, withdrawn(1), withdrawn(2))
    dying = []

    def die_at_the_second(event, _uow):
        if event.revision == 2:
            dying.append(event)
            raise SystemExit

    first_time = batch(*claim(database))
    with pytest.raises(SystemExit):
        worker(database, die_at_the_second).handle(first_time)
    assert query(database, "SELECT count(*) FROM ledger.delivery WHERE state = 'sent'") == [(2,)]

    make_due(database)
    second_time = batch(*claim(database))
    with pytest.raises(SystemExit):
        worker(database, die_at_the_second).handle(second_time)

    assert len(dying) == 2
    assert query(database, "SELECT outcome FROM ledger.history") == [("handled",)]
    assert query(database, "SELECT lost_starts FROM ledger.delivery") == [(1,)]


def test_a_failure_keeps_its_reason_and_waits_longer_each_time(database):
    publish(database, withdrawn())
    waits = []

    def fail(_event, uow):
        with uow:
            uow.connection.execute("INSERT INTO effect VALUES ('half done')")
            raise RuntimeError("S3 is down")

    for _ in range(4):
        make_due(database)
        worker(database, fail).handle(message(claim(database)[0]))
        waits += [
            float(row[0]) for row in query(database, "SELECT extract(epoch FROM due_at - now()) FROM ledger.delivery")
        ]

    [(state, attempts, reason, traceback)] = query(
        database, "SELECT state, attempts, reason, traceback FROM ledger.delivery"
    )
    assert (state, attempts, reason) == ("waiting", 4, "RuntimeError: S3 is down")
    assert 'raise RuntimeError("S3 is down")' in traceback
    assert query(database, "SELECT note FROM effect") == []
    for wait, expected in zip(waits, (1, 1.4, 1.96, 2.744), strict=True):
        assert 0.79 * expected - 0.1 < wait < 1.21 * expected


def test_the_last_failure_makes_it_dead_and_it_is_claimed_no_more(database):
    publish(database, withdrawn())

    def fail(_event, _uow):
        raise RuntimeError("always")

    for _ in range(MAX_ATTEMPTS):
        make_due(database)
        worker(database, fail).handle(message(claim(database)[0]))
    make_due(database)

    assert claim(database) == []
    assert query(database, "SELECT state, attempts, reason FROM ledger.delivery") == [
        ("dead", MAX_ATTEMPTS, "RuntimeError: always")
    ]


def test_a_refusal_ends_the_delivery_as_rejected_with_its_reason(database):
    publish(database, withdrawn())

    def refuse(_event, uow):
        with uow:
            uow.connection.execute("INSERT INTO effect VALUES ('half done')")
            raise Refusal("story 42: revision 3 is older than 5")

    worker(database, refuse).handle(message(claim(database)[0]))

    assert query(database, "SELECT outcome, reason FROM ledger.history") == [
        ("rejected", "story 42: revision 3 is older than 5")
    ]
    assert query(database, "SELECT note FROM effect") == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"type": "story.withdrawn_at_source.v2"},
            "UnknownEventError: event type 'story.withdrawn_at_source.v2' is unknown (known here: story.withdrawn_at_source.v1)",
        ),
        ({"type": "story.tagged.v1", "data": {"story_id": str(STORY), "revision": 1, "language": "ru"}}, "KeyError"),
        ({"data": {"story_id": "no id"}}, "ValidationError: 3 validation errors for StoryWithdrawnAtSource"),
        ({"specversion": "0.3"}, "ValidationError: 1 validation error for Envelope"),
    ],
)
def test_an_event_that_cannot_be_read_is_set_aside_and_blocks_nobody(database, change, reason):
    publish(database, withdrawn(1), withdrawn(2))
    first, second = (message(dispatch) for dispatch in claim(database))
    first["envelope"].update(change)

    for one in (first, second):
        worker(database, note("handled")).handle(one)

    assert query(database, "SELECT note FROM effect") == [("handled",)]
    [(state, why)] = query(database, "SELECT state, reason FROM ledger.delivery")
    assert state == "dead"
    assert why.startswith(reason)


def test_a_message_that_kills_its_workers_is_set_aside(database):
    publish(database, withdrawn())
    with database.connection() as connection:
        for _ in range(MOST_LOST_STARTS):
            [dispatch] = claim(database)
            ledger.mark_started(connection, Delivery(dispatch.delivery_id, "routine", "killed"))
            make_due(database)
    [dispatch] = claim(database)

    worker(database, note("handled")).handle(message(dispatch))

    assert query(database, "SELECT note FROM effect") == []
    assert query(database, "SELECT state, reason FROM ledger.delivery") == [
        ("dead", "its worker vanished 10 times while handling it")
    ]


def test_events_that_a_handler_publishes_inherit_the_urgency(database):
    publish(database, withdrawn(1), priority="urgent")

    def tell(_event, uow):
        with uow:
            uow.publish(withdrawn(2))

    worker(database, tell).handle(message(claim(database)[0]))

    assert [one.priority for one in claim(database)] == ["urgent"]


def test_a_unit_of_work_is_entered_once_for_one_event(database):
    publish(database, withdrawn())
    [dispatch] = claim(database)
    uow = UnitOfWork(database, Delivery(dispatch.delivery_id, "routine", "test"))
    with uow:
        pass

    with pytest.raises(RuntimeError, match="entered once"), uow:
        pass


def test_entering_for_a_delivery_that_is_gone_says_so_and_leaves_no_transaction_open(database):
    uow = UnitOfWork(database, Delivery(4711, "routine", "test"))

    with pytest.raises(AlreadyHandledError, match="delivery 4711 is handled already"), uow:
        pass

    with database.connection() as connection:
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_a_timer_is_due_once_and_again_after_its_time_or_a_wake(database):
    with database.connection() as connection:
        ledger.declare_timer(connection, "desk", "tick", every_s=1000)
        first, second = ledger.claim_timers(connection), ledger.claim_timers(connection)
        ledger.mark_timer_done(connection, "desk", "tick")
        third = ledger.claim_timers(connection)
        ledger.wake(connection, "desk", "tick")
        fourth = ledger.claim_timers(connection)

    assert [[(timer.consumer, timer.name) for timer in claimed] for claimed in (first, second, third, fourth)] == [
        [("desk", "tick")],
        [],
        [],
        [("desk", "tick")],
    ]


def test_few_deliveries_travel_alone_and_a_backlog_in_batches(database):
    with database.connection() as connection:
        ledger.declare_consumer(connection, "desk", in_flight=1000, lease_s=30, batch=16)
    publish(database, *(withdrawn(number) for number in range(1, 8)))
    few = pack(claim(database))
    publish(database, *(withdrawn(number) for number in range(1, 201)))
    many = pack(claim(database, 1000))

    def sizes(messages):
        return [len(json.loads(message[3])["deliveries"]) for message in messages]

    assert sizes(few) == [1] * 7
    assert sizes(many) == [16] * 12 + [8]
    assert {message[0] for message in many} == {"desk.routine"}


def test_one_bad_delivery_of_a_batch_leaves_the_others_alone(database):
    publish(database, withdrawn(1), withdrawn(2), withdrawn(3))
    messages = [message(dispatch) for dispatch in claim(database)]
    messages[1]["envelope"]["data"] = {}

    worker(database, note("handled")).handle({"deliveries": messages})

    assert query(database, "SELECT note FROM effect") == [("handled",), ("handled",)]
    assert query(database, "SELECT state FROM ledger.delivery") == [("dead",)]


def test_the_envelope_is_cloudevents_with_the_story_as_subject(database):
    publish(database, withdrawn())

    envelope = message(claim(database)[0])["envelope"]

    assert envelope["specversion"] == "1.0"
    assert envelope["source"] == "/depesha/ingestion"
    assert envelope["type"] == "story.withdrawn_at_source.v1"
    assert envelope["subject"] == str(STORY)
    assert UUID(envelope["id"]).version == 7


def test_ids_sort_by_time():
    ids = [new_id() for _ in range(1000)]

    assert ids == sorted(ids)


@pytest.fixture
def broker(stack):
    broker = redis.Redis.from_url(stack.valkey.url)
    broker.delete("desk.routine")
    return broker


def test_what_still_lies_in_its_queue_is_not_sent_again_however_long_nobody_takes_it(database, stack, broker):
    relay = Relay("", stack.valkey.url)
    publish(database, withdrawn(1), withdrawn(2))
    with database.connection() as connection:
        for _ in range(5):
            relay.turn(connection)
            make_due(database)
        waiting = broker.llen("desk.routine")
        broker.delete("desk.routine")
        relay.turn(connection)
        again = broker.llen("desk.routine")

    assert (waiting, again) == (2, 2)
    assert query(database, "SELECT dispatches FROM ledger.delivery") == [(2,), (2,)]


def test_what_left_its_queue_and_was_lost_is_sent_again_though_others_still_wait_there(database, stack, broker):
    relay = Relay("", stack.valkey.url)
    publish(database, withdrawn(1), withdrawn(2), withdrawn(3))
    with database.connection() as connection:
        relay.turn(connection)
        broker.rpop("desk.routine")
        make_due(database)
        relay.turn(connection)

    assert query(database, "SELECT dispatches FROM ledger.delivery ORDER BY delivery_id") == [(2,), (1,), (1,)]
    assert broker.llen("desk.routine") == 3


def test_a_database_that_goes_away_under_a_handler_costs_a_try_not_a_lease(database):
    publish(database, withdrawn())
    tries = []

    def lose_the_first_connection(_event, uow):
        with uow:
            uow.connection.execute("INSERT INTO effect VALUES (%s)", (f"try {len(tries)}",))
            tries.append(1)
            if len(tries) == 1:
                uow.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    worker(database, lose_the_first_connection).handle(message(claim(database)[0]))

    assert query(database, "SELECT note FROM effect") == [("try 1",)]
    assert query(database, "SELECT outcome, attempts FROM ledger.history") == [("handled", 0)]


def test_a_commit_on_a_lost_connection_is_never_taken_for_done(database):
    with pytest.raises(psycopg.OperationalError, match="lost before the commit"), database.unit_of_work() as uow:
        uow.connection.close()


def test_all_that_a_worker_took_in_one_message_is_in_its_hands_until_it_is_handled(database):
    publish(database, withdrawn(1), withdrawn(2), withdrawn(3))
    dispatches = claim(database)
    seen = []

    def look(_event, uow):
        seen.append(list(busy._in_hand))
        with uow:
            pass

    busy = worker(database, look)
    busy.handle(batch(*dispatches))

    ids = [one.delivery_id for one in dispatches]
    assert seen == [ids, ids[1:], ids[2:]]
    assert busy._in_hand == {}


def test_what_is_marked_together_is_in_hand_until_then(database):
    publish(database, withdrawn(1), withdrawn(2))
    dispatches = claim(database)
    seen = []
    busy = worker(database, lambda _event, _uow: seen.append(list(busy._in_hand)))

    busy.handle(batch(*dispatches))

    assert seen == [[one.delivery_id for one in dispatches]] * 2
    assert busy._in_hand == {}


def test_the_heartbeat_extends_the_leases_of_what_is_in_hand_and_of_nothing_else(database):
    publish(database, withdrawn(1), withdrawn(2))
    with database.connection() as connection:
        for name, every_s in (("long", 1000), ("woken", 1000), ("given up", 0.001)):
            ledger.declare_timer(connection, "desk", name, every_s=every_s)
        ledger.claim_timers(connection)
        ledger.wake(connection, "desk", "woken")
        ledger.mark_timer_done(connection, "desk", "given up")
    first, _ = claim(database)
    query(database, "UPDATE ledger.delivery SET due_at = now() + interval '1 s' RETURNING 1")
    busy = worker(database, note("handled"))
    busy._in_hand.update({first.delivery_id: 0.0, "long": 0.0, "woken": 0.0, "given up": 0.0})

    busy._extend_older_than(1)

    leases = query(database, "SELECT due_at > now() + interval '20 s' FROM ledger.delivery ORDER BY delivery_id")
    assert leases == [(True,), (False,)]
    with database.connection() as connection:
        assert {timer.name for timer in ledger.claim_timers(connection)} == {"woken", "given up"}


def test_starts_that_ended_with_their_worker_do_not_make_a_retry_wait_longer(database):
    publish(database, withdrawn())
    [dispatch] = claim(database)
    delivery = Delivery(dispatch.delivery_id, "routine", "test")
    with database.connection() as connection:
        starts = [ledger.mark_started(connection, delivery) for _ in range(6)]
        failed = ledger.mark_failed(connection, delivery, "no", "")

    assert starts == [1, 2, 3, 4, 5, 6]
    assert failed == ("waiting", 1)
    assert query(database, "SELECT due_at < now() + interval '1.3 s' FROM ledger.delivery") == [(True,)]
