"""One look at the whole house for whoever watches it: Prometheus, the ops page, the command line."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import psycopg

from chassis.ledger import inspect
from chassis.ledger.words import FULL_AT, PRIORITIES

WINDOW_S: Final = 10
"""Rates are means over so many seconds."""
SILENT_AFTER_S: Final = 45.0
"""A worker that was not heard of for so long is taken for gone."""

FLOWS = """
SELECT c.consumer, coalesce(h.handled, 0)::float8 / %(window)s,
       (coalesce(h.came, 0) + coalesce(d.came, 0))::float8 / %(window)s, coalesce(h.busy_s, 0)::float8, coalesce(h.refused, 0)
FROM ledger.consumer c
LEFT JOIN (
    SELECT consumer, count(*) AS handled, count(*) FILTER (WHERE recorded_at > now() - make_interval(secs => %(window)s)) AS came,
           sum(duration_ms) / 1000 AS busy_s, count(*) FILTER (WHERE outcome = 'rejected') AS refused
    FROM ledger.history WHERE day >= (now() AT TIME ZONE 'UTC')::date - 1 AND handled_at > now() - make_interval(secs => %(window)s)
    GROUP BY consumer
) h ON h.consumer = c.consumer
LEFT JOIN (
    SELECT consumer, count(*) AS came FROM ledger.delivery
    WHERE recorded_at > now() - make_interval(secs => %(window)s) GROUP BY consumer
) d ON d.consumer = c.consumer
ORDER BY c.consumer
"""

TIMERS = "SELECT consumer, name, every_s, greatest(extract(epoch FROM now() - due_at), 0)::float8 FROM ledger.timer ORDER BY 1, 2"

WORKERS = """
SELECT name, consumer, concurrency, in_hand, resident_bytes, extract(epoch FROM now() - started_at)::float8,
       extract(epoch FROM now() - seen_at)::float8
FROM ledger.worker WHERE seen_at > now() - interval '1 hour' ORDER BY consumer, started_at
"""

UNSENT = f"""
SELECT coalesce(max(extract(epoch FROM now() - greatest(first.due_at, room.sent_at, lately.sent_at))), 0)::float8
FROM ledger.consumer c
CROSS JOIN LATERAL (
    SELECT count(*) AS sent, max(d.sent_at) AS sent_at FROM ledger.delivery d
    WHERE d.consumer = c.consumer AND d.state <> 'dead' AND d.state = 'sent' AND d.due_at > now()) room
CROSS JOIN LATERAL (
    SELECT min(d.due_at) AS due_at FROM ledger.delivery d
    WHERE d.consumer = c.consumer AND d.state <> 'dead' AND d.due_at <= now()) first
LEFT JOIN (
    SELECT consumer, max(sent_at) AS sent_at FROM ledger.history
    WHERE day >= (now() AT TIME ZONE 'UTC')::date - 1 AND handled_at > now() - make_interval(secs => %(window)s) GROUP BY consumer
) lately ON lately.consumer = c.consumer
WHERE room.sent <= {FULL_AT} AND first.due_at IS NOT NULL
"""  # noqa: S608 - our own words

REPORT = """
INSERT INTO ledger.worker (name, consumer, concurrency, in_hand, resident_bytes) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET consumer = excluded.consumer, concurrency = excluded.concurrency, in_hand = excluded.in_hand,
    resident_bytes = excluded.resident_bytes, seen_at = now()
"""

RATES = """
SELECT type, count(*)::float8 / %(window)s FROM ledger.event
WHERE day >= (now() AT TIME ZONE 'UTC')::date - 1 AND event_id >= %(since)s GROUP BY type
"""

TROUBLES = """
SELECT consumer, coalesce(reason, ''), count(*), state = 'dead' FROM ledger.delivery
WHERE attempts > 0 OR state = 'dead' GROUP BY 1, 2, 4 ORDER BY 3 DESC LIMIT 100
"""

OBJECTIVE_S: Final = {"urgent": 30.0, "routine": 300.0, "bulk": 21600.0}
"""How old the oldest unhandled event of a lane may be. The alerts of infra/prometheus say the same; a test compares."""

Lane = inspect.Lag


@dataclass(frozen=True)
class Flow:
    """One consumer over the last `WINDOW_S`. `busy_s`: seconds its handlers were at work, over all workers."""

    consumer: str
    handled_per_s: float
    came_per_s: float
    busy_s: float
    refused: int


@dataclass(frozen=True)
class Clock:
    """A timer; `late_s` is how long it is overdue."""

    consumer: str
    name: str
    every_s: float
    late_s: float


@dataclass(frozen=True)
class AtWork:
    """A worker by its own last word."""

    name: str
    consumer: str
    concurrency: int
    in_hand: int
    resident_bytes: int
    up_s: float
    silent_s: float

    @property
    def is_silent(self) -> bool:
        return self.silent_s > SILENT_AFTER_S


@dataclass(frozen=True)
class View:
    """Everything at one moment. `unsent_s`: how long the relay has sent nothing though there was something due, and room."""

    lanes: tuple[Lane, ...]
    flows: tuple[Flow, ...]
    timers: tuple[Clock, ...]
    workers: tuple[AtWork, ...]
    unsent_s: float

    @property
    def workers_by_consumer(self) -> dict[str, int]:
        living = Counter(one.consumer for one in self.workers if not one.is_silent)
        return {flow.consumer: living.get(flow.consumer, 0) for flow in self.flows}


def look(connection: psycopg.Connection) -> View:
    """Ask the ledger; some milliseconds, growing with what is unhandled, not with what is old."""
    unsent = connection.execute(UNSENT, {"window": WINDOW_S}).fetchone()
    return View(
        lanes=_all_lanes(inspect.lag(connection)),
        flows=tuple(Flow(*row) for row in connection.execute(FLOWS, {"window": WINDOW_S}).fetchall()),
        timers=tuple(Clock(*row) for row in connection.execute(TIMERS).fetchall()),
        workers=tuple(AtWork(*row) for row in connection.execute(WORKERS).fetchall()),
        unsent_s=unsent[0] if unsent else 0.0,
    )


@dataclass(frozen=True)
class Reason:
    """Why deliveries of one consumer fail, and how many do so for it."""

    consumer: str
    text: str
    count: int
    is_dead: bool


def rates(connection: psycopg.Connection) -> dict[str, float]:
    """Events a second by type, a mean over `WINDOW_S`. Their ids hold their time, so the primary key finds the newest."""
    since = UUID(int=int((time.time() - WINDOW_S) * 1000) << 80)
    return dict(connection.execute(RATES, {"window": WINDOW_S, "since": since}).fetchall())


def reasons(connection: psycopg.Connection) -> list[Reason]:
    """What failing and dead deliveries say, the most frequent first."""
    return [Reason(*row) for row in connection.execute(TROUBLES).fetchall()]


def _all_lanes(busy: list[Lane]) -> tuple[Lane, ...]:
    """Every lane of every consumer; an idle one is all zeros, so that nobody takes its absence for health."""
    known = {(lane.consumer, lane.priority): lane for lane in busy}
    consumers = dict.fromkeys(lane.consumer for lane in busy)
    return tuple(
        known.get((consumer, priority)) or Lane(consumer, priority, 0, 0, 0, 0, 0.0)
        for consumer in consumers
        for priority in PRIORITIES
    )


def report_worker(
    connection: psycopg.Connection, name: str, consumer: str, *, concurrency: int, in_hand: int, resident_bytes: int
) -> None:
    """A worker's heartbeat."""
    connection.execute(REPORT, (name, consumer, concurrency, in_hand, resident_bytes))


def forget_worker(connection: psycopg.Connection, name: str) -> None:
    """It ends, and says so."""
    connection.execute("DELETE FROM ledger.worker WHERE name = %s OR seen_at < now() - interval '1 hour'", (name,))
