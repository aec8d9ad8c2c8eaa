"""What the relay asks: which deliveries are due. First dispatch, retry and sweep are one query."""

import psycopg

from chassis.ledger.words import FULL_AT, PRIORITIES, TIMER_LEASE_S, Dispatch, TimerDispatch

CLAIM = f"""
WITH room AS MATERIALIZED (
    SELECT c.consumer, c.lease_s, c.batch, c.in_flight - sent.three AS free,
           CASE WHEN sent.three <= full_at THEN 2 WHEN sent.two <= full_at THEN 1 WHEN sent.one <= full_at THEN 0 ELSE -1 END AS last_let_in
    FROM ledger.consumer c
    CROSS JOIN LATERAL (SELECT {FULL_AT} AS full_at) f
    CROSS JOIN LATERAL (
        SELECT count(*) AS three, count(*) FILTER (WHERE d.priority <= 1) AS two, count(*) FILTER (WHERE d.priority = 0) AS one
        FROM ledger.delivery d WHERE d.consumer = c.consumer AND d.state <> 'dead' AND d.state = 'sent' AND d.due_at > now()
    ) sent
), due AS MATERIALIZED (
    SELECT room.lease_s, room.batch, d.delivery_id, CASE WHEN d.state = 'sent' THEN d.sent_at END AS sent_before
    FROM room CROSS JOIN LATERAL (
        SELECT delivery_id, state, sent_at FROM ledger.delivery d
        WHERE d.consumer = room.consumer AND d.state <> 'dead' AND d.due_at <= now() AND d.priority <= room.last_let_in
        ORDER BY d.priority, d.due_at
        LIMIT greatest(room.free, 0)
        FOR UPDATE SKIP LOCKED
    ) d
    LIMIT %(limit)s
), claimed AS (
    UPDATE ledger.delivery d
    SET state = 'sent', due_at = now() + due.lease_s * interval '1 s', sent_at = now(), dispatches = d.dispatches + 1
    FROM due WHERE d.delivery_id = ANY(ARRAY(SELECT delivery_id FROM due)) AND d.delivery_id = due.delivery_id -- by key, never a scan
    RETURNING d.delivery_id, d.consumer, d.priority, d.sent_at, due.sent_before, due.batch, d.event_day, d.event_id
)
SELECT c.delivery_id, c.consumer, c.priority, extract(epoch FROM c.sent_at)::float8, extract(epoch FROM c.sent_before)::float8,
       c.batch, e.envelope::text
FROM claimed c JOIN ledger.event e ON e.day = c.event_day AND e.event_id = c.event_id
ORDER BY c.priority, c.delivery_id
"""  # noqa: S608 - our own words

CLAIM_TIMERS = """
WITH due AS (
    SELECT consumer, name FROM ledger.timer WHERE due_at <= now() FOR UPDATE SKIP LOCKED
)
UPDATE ledger.timer t SET due_at = now() + %(lease_s)s * interval '1 s'
FROM due WHERE t.consumer = due.consumer AND t.name = due.name
RETURNING t.consumer, t.name, extract(epoch FROM now())::float8
"""

NEXT_DUE = """
SELECT extract(epoch FROM least(
    (SELECT min(due_at) FROM ledger.timer),
    (SELECT min(first.due_at) FROM ledger.consumer c CROSS JOIN generate_series(0, 2) AS lane CROSS JOIN LATERAL (
        SELECT d.due_at FROM ledger.delivery d WHERE d.consumer = c.consumer AND d.priority = lane AND d.state <> 'dead' ORDER BY d.due_at LIMIT 1) first)
) - now())::float8
"""

GIVE_BACK = """
UPDATE ledger.delivery SET state = 'waiting', due_at = now() + %(wait_s)s * interval '1 s', dispatches = dispatches - 1
WHERE delivery_id = ANY(%(ids)s) AND state = 'sent'
"""

HOLD = """
UPDATE ledger.delivery d
SET due_at = now() + c.lease_s * interval '1 s', sent_at = to_timestamp(held.sent_at), dispatches = d.dispatches - 1
FROM unnest(%(ids)s::bigint[], %(sent_at)s::float8[]) AS held (delivery_id, sent_at), ledger.consumer c
WHERE d.delivery_id = held.delivery_id AND d.state = 'sent' AND c.consumer = d.consumer
"""


def claim_due(connection: psycopg.Connection, limit: int) -> list[Dispatch]:
    """Lease up to `limit` due deliveries, urgent first, no consumer beyond its room in flight."""
    rows = connection.execute(CLAIM, {"limit": limit}).fetchall()
    return [Dispatch(row[0], row[1], PRIORITIES[row[2]], *row[3:]) for row in rows]


def claim_timers(connection: psycopg.Connection) -> list[TimerDispatch]:
    return [TimerDispatch(*row) for row in connection.execute(CLAIM_TIMERS, {"lease_s": TIMER_LEASE_S}).fetchall()]


def next_due_in(connection: psycopg.Connection) -> float | None:
    """Seconds until something is due (negative: it is already); None when nothing waits."""
    row = connection.execute(NEXT_DUE).fetchone()
    return row[0] if row else None


def give_back(connection: psycopg.Connection, dispatches: list[Dispatch], wait_s: float) -> None:
    """Undo claims whose messages could not be sent, as if they had not been made."""
    connection.execute(GIVE_BACK, {"ids": [dispatch.delivery_id for dispatch in dispatches], "wait_s": wait_s})


def hold(connection: psycopg.Connection, dispatches: list[Dispatch]) -> None:
    """Undo claims of messages that were sent before and still lie in their queue; their lease begins anew."""
    parameters = {
        "ids": [dispatch.delivery_id for dispatch in dispatches],
        "sent_at": [dispatch.sent_before for dispatch in dispatches],
    }
    connection.execute(HOLD, parameters)
