"""Questions about the ledger that people ask: what is late, what is dead, what became of a story; and putting it right."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from chassis.ledger.words import PRIORITIES

LAG = """
SELECT c.consumer, d.priority, count(d.delivery_id) FILTER (WHERE d.state = 'waiting') AS waiting,
       count(d.delivery_id) FILTER (WHERE d.state = 'sent') AS sent, count(d.delivery_id) FILTER (WHERE d.state = 'dead') AS dead,
       count(d.delivery_id) FILTER (WHERE d.attempts > 0 AND d.state <> 'dead') AS failing,
       coalesce(extract(epoch FROM now() - min(d.recorded_at) FILTER (WHERE d.state <> 'dead')), 0)::float8 AS oldest_s
FROM ledger.consumer c LEFT JOIN ledger.delivery d ON d.consumer = c.consumer
GROUP BY c.consumer, d.priority ORDER BY c.consumer, d.priority
"""

STEPS = """
SELECT e.event_id, e.type, e.recorded_at, x.consumer, x.state, x.sent_at, x.handled_at, x.duration_ms, x.dispatches, x.attempts, x.worker, x.reason
FROM ledger.event e
JOIN LATERAL (
    SELECT consumer, outcome AS state, sent_at, handled_at, duration_ms, dispatches, attempts, worker, reason FROM ledger.history h WHERE h.event_id = e.event_id
    UNION ALL
    SELECT consumer, state, sent_at, NULL, NULL, dispatches, attempts, NULL, reason FROM ledger.delivery d WHERE d.event_id = e.event_id
) x ON true
"""
TRACE = f"{STEPS} WHERE e.subject = %(subject)s ORDER BY e.recorded_at, e.event_id, x.consumer"

DEAD = """
SELECT d.delivery_id, d.event_id, e.type, e.subject, d.consumer, d.attempts, d.recorded_at, d.reason, d.traceback
FROM ledger.delivery d JOIN ledger.event e ON e.day = d.event_day AND e.event_id = d.event_id
WHERE d.state = 'dead' AND (%(consumer)s::text IS NULL OR d.consumer = %(consumer)s) AND (%(type)s::text IS NULL OR e.type = %(type)s)
  AND (%(since)s::timestamptz IS NULL OR d.recorded_at >= %(since)s) AND (%(ids)s::bigint[] IS NULL OR d.delivery_id = ANY(%(ids)s))
ORDER BY d.recorded_at LIMIT %(limit)s
"""

UNHANDLED = """
SELECT d.delivery_id, e.type, e.subject, d.priority, d.state, d.recorded_at, d.due_at, d.attempts, d.reason
FROM (SELECT * FROM ledger.delivery WHERE consumer = %(consumer)s AND state <> 'dead' ORDER BY attempts > 0 DESC, recorded_at LIMIT %(limit)s) d
JOIN ledger.event e ON e.day = d.event_day AND e.event_id = d.event_id ORDER BY d.attempts > 0 DESC, d.recorded_at
"""

REVIVE = """
UPDATE ledger.delivery SET state = 'waiting', due_at = now(), attempts = 0, lost_starts = 0, reason = NULL, traceback = NULL
WHERE delivery_id = ANY(%(ids)s) AND state = 'dead'
"""

AGAIN = """
INSERT INTO ledger.delivery (event_day, event_id, consumer, priority)
SELECT h.event_day, h.event_id, h.consumer, h.priority FROM ledger.history h JOIN ledger.event e ON e.day = h.event_day AND e.event_id = h.event_id
WHERE h.consumer = %(consumer)s AND e.recorded_at >= %(since)s AND (%(type)s::text IS NULL OR e.type = %(type)s)
GROUP BY h.event_day, h.event_id, h.consumer, h.priority
"""

KEEP_UNFINISHED = """
UPDATE ledger.event SET day = %(today)s
WHERE day < %(oldest)s AND event_id IN (SELECT event_id FROM ledger.delivery WHERE event_day < %(oldest)s)
"""

EVENTS = "SELECT event_id, type, subject, recorded_at FROM ledger.event WHERE (%(type)s::text IS NULL OR type = %(type)s) ORDER BY recorded_at DESC LIMIT %(limit)s"


@dataclass(frozen=True)
class Lag:
    """One lane of one consumer. `oldest_s`: the age of its oldest unhandled event."""

    consumer: str
    priority: str
    waiting: int
    sent: int
    failing: int
    dead: int
    oldest_s: float


@dataclass(frozen=True)
class Step:
    """One event at one consumer."""

    event_id: UUID
    type: str
    recorded_at: datetime
    consumer: str
    state: str
    sent_at: datetime | None
    handled_at: datetime | None
    duration_ms: float | None
    dispatches: int
    attempts: int
    worker: str | None
    reason: str | None


@dataclass(frozen=True)
class Dead:
    delivery_id: int
    event_id: UUID
    type: str
    subject: str
    consumer: str
    attempts: int
    recorded_at: datetime
    reason: str | None
    traceback: str | None


@dataclass(frozen=True)
class Unhandled:
    """A delivery that waits, or is in Redis or in a worker's hands. `due_at`: when it is sent (again)."""

    delivery_id: int
    type: str
    subject: str
    priority: int
    state: str
    recorded_at: datetime
    due_at: datetime
    attempts: int
    reason: str | None


@dataclass(frozen=True)
class Recorded:
    event_id: UUID
    type: str
    subject: str
    recorded_at: datetime


def lag(connection: psycopg.Connection) -> list[Lag]:
    rows = connection.execute(LAG).fetchall()
    return [
        Lag(row[0], PRIORITIES[row[1]] if row[1] is not None else "", row[2], row[3], row[5], row[4], row[6])
        for row in rows
    ]


def trace(connection: psycopg.Connection, subject: str) -> list[Step]:
    """All that was heard of a story, by whom, when, how long it took and how often it was tried; oldest first."""
    with connection.cursor(row_factory=class_row(Step)) as cursor:
        return cursor.execute(TRACE, {"subject": subject}).fetchall()


def dead(
    connection: psycopg.Connection,
    *,
    consumer: str | None = None,
    event_type: str | None = None,
    since: datetime | None = None,
    ids: list[int] | None = None,
    limit: int = 1000,
) -> list[Dead]:
    """Deliveries that were set aside, oldest first."""
    parameters = {"consumer": consumer, "type": event_type, "since": since, "ids": ids, "limit": limit}
    with connection.cursor(row_factory=class_row(Dead)) as cursor:
        return cursor.execute(DEAD, parameters).fetchall()


def unhandled(connection: psycopg.Connection, consumer: str, limit: int = 50) -> list[Unhandled]:
    """What a consumer has still to do: first what failed, then the oldest."""
    with connection.cursor(row_factory=class_row(Unhandled)) as cursor:
        return cursor.execute(UNHANDLED, {"consumer": consumer, "limit": limit}).fetchall()


def revive(connection: psycopg.Connection, ids: list[int]) -> int:
    """Try dead deliveries again from the start. Returns how many."""
    count = connection.execute(REVIVE, {"ids": ids}).rowcount
    connection.execute("NOTIFY ledger")
    return count


def deliver_again(connection: psycopg.Connection, consumer: str, since: datetime, event_type: str | None = None) -> int:
    """Have a consumer hear again all that it handled since a time. Returns how many deliveries were made."""
    count = connection.execute(AGAIN, {"consumer": consumer, "since": since, "type": event_type}).rowcount
    connection.execute("NOTIFY ledger")
    return count


def newest(connection: psycopg.Connection, *, event_type: str | None = None, limit: int = 50) -> list[Recorded]:
    with connection.cursor(row_factory=class_row(Recorded)) as cursor:
        return cursor.execute(EVENTS, {"type": event_type, "limit": limit}).fetchall()


def envelope(connection: psycopg.Connection, event_id: UUID) -> dict[str, Any] | None:
    row = connection.execute("SELECT envelope FROM ledger.event WHERE event_id = %s", (event_id,)).fetchone()
    return row[0] if row else None


def prunable(connection: psycopg.Connection, keep_days: int, today: date) -> list[str]:
    """The tables of whole days that are older than `keep_days`."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent"
        " JOIN pg_namespace n ON n.oid = p.relnamespace WHERE n.nspname = 'ledger' AND c.relname ~ '_[0-9]{8}$' AND right(c.relname, 8) < %s ORDER BY 1",
        (_oldest_kept(keep_days, today).strftime("%Y%m%d"),),
    ).fetchall()
    return [name for (name,) in rows]


def prune(connection: psycopg.Connection, keep_days: int, today: date) -> list[str]:
    """Drop whole days of events and history that are older than `keep_days`. Returns the tables dropped.

    Events that somebody has yet to handle, or that are dead, move to today first: nothing unfinished is ever dropped.
    Needs the owner of the ledger's tables.
    """
    oldest_kept = _oldest_kept(keep_days, today)
    with connection.transaction():
        connection.execute("LOCK TABLE ledger.delivery IN SHARE ROW EXCLUSIVE MODE")
        connection.execute(KEEP_UNFINISHED, {"today": today, "oldest": oldest_kept})
        connection.execute("UPDATE ledger.delivery SET event_day = %s WHERE event_day < %s", (today, oldest_kept))
        names = prunable(connection, keep_days, today)
        for name in names:
            connection.execute(psycopg.sql.SQL("DROP TABLE ledger.{}").format(psycopg.sql.Identifier(name)))
    return names


def _oldest_kept(keep_days: int, today: date) -> date:
    return date.fromordinal(today.toordinal() - keep_days)
