"""Writing into the ledger: events with their deliveries, and what consumers and timers there are."""

from collections.abc import Sequence
from uuid import UUID

import psycopg

from chassis.ledger.words import PRIORITIES
from contracts.event import Envelope

WRITE = """
WITH recorded AS (
    INSERT INTO ledger.event (day, event_id, type, subject, envelope)
    VALUES ((now() AT TIME ZONE 'UTC')::date, %(event_id)s, %(type)s, %(subject)s, %(envelope)s)
    RETURNING day
)
INSERT INTO ledger.delivery (event_day, event_id, consumer, priority)
SELECT recorded.day, %(event_id)s, consumer, %(priority)s FROM recorded, unnest(%(consumers)s::text[]) AS consumer
"""

WRITE_ALL = """
WITH recorded AS (
    INSERT INTO ledger.event (day, event_id, type, subject, envelope)
    SELECT (now() AT TIME ZONE 'UTC')::date, (e->>'id')::uuid, e->>'type', e->>'subject', e FROM json_array_elements(%(envelopes)s::json) AS e
)
INSERT INTO ledger.delivery (event_day, event_id, consumer, priority)
SELECT (now() AT TIME ZONE 'UTC')::date, * FROM unnest(%(event_ids)s::uuid[], %(consumers)s::text[], %(priorities)s::smallint[])
"""

DECLARE_CONSUMER = """
INSERT INTO ledger.consumer (consumer, in_flight, lease_s, batch) VALUES (%s, %s, %s, %s)
ON CONFLICT (consumer) DO UPDATE SET in_flight = excluded.in_flight, lease_s = excluded.lease_s, batch = excluded.batch
WHERE (consumer.in_flight, consumer.lease_s, consumer.batch) <> (excluded.in_flight, excluded.lease_s, excluded.batch)
"""

DECLARE_TIMER = """
INSERT INTO ledger.timer (consumer, name, every_s) VALUES (%s, %s, %s)
ON CONFLICT (consumer, name) DO UPDATE SET every_s = excluded.every_s, due_at = least(timer.due_at, now() + excluded.every_s * interval '1 s')
"""

WAKE = "UPDATE ledger.timer SET due_at = now() WHERE consumer = %s AND name = %s AND due_at > now()"


def write(connection: psycopg.Connection, event_id: UUID, envelope: Envelope, consumers: Sequence[str]) -> None:
    """Record the event and one delivery a consumer, in the caller's transaction."""
    connection.execute(
        WRITE,
        {
            "event_id": event_id,
            "type": envelope.type,
            "subject": envelope.subject,
            "envelope": envelope.model_dump_json(exclude_none=True),
            "priority": PRIORITIES.index(envelope.priority),
            "consumers": list(consumers),
        },
    )


def write_all(connection: psycopg.Connection, events: Sequence[tuple[Envelope, Sequence[str]]]) -> None:
    """The same for many events in one statement; each is read from its envelope."""
    heard = [
        (UUID(envelope.id), one, PRIORITIES.index(envelope.priority)) for envelope, names in events for one in names
    ]
    asked = {
        "envelopes": f"[{','.join(envelope.model_dump_json(exclude_none=True) for envelope, _ in events)}]",
        "event_ids": [one[0] for one in heard],
        "consumers": [one[1] for one in heard],
        "priorities": [one[2] for one in heard],
    }
    connection.execute(WRITE_ALL, asked)


def declare_consumer(
    connection: psycopg.Connection, consumer: str, in_flight: int, lease_s: float, batch: int = 1
) -> None:
    """Say how many deliveries a consumer may have under way at once, and how many of them may travel in one message.

    `lease_s`: how long each may take before it is sent again.
    """
    connection.execute(DECLARE_CONSUMER, (consumer, in_flight, lease_s, batch))


def declare_timer(connection: psycopg.Connection, consumer: str, name: str, every_s: float) -> None:
    connection.execute(DECLARE_TIMER, (consumer, name, every_s))


def wake(connection: psycopg.Connection, consumer: str, name: str) -> None:
    """Make a timer due now. Call it after the commit: inside a transaction all callers would wait for one row."""
    if connection.execute(WAKE, (consumer, name)).rowcount:
        connection.execute("NOTIFY ledger")
