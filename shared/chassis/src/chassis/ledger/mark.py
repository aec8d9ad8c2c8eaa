"""What a worker writes about the delivery in its hands."""

import random
from collections.abc import Mapping

import psycopg

from chassis.ledger.words import TIMER_LEASE_S, Delivery

MAX_ATTEMPTS = 25
"""With the delays below, about an hour and a half of trying."""

FIRST_DELAY_S = 1.0
GROWTH = 1.4
"""After an outage an event waits at most 0.4 times as long as it lasted; with doubling it would wait as long again."""
LONGEST_DELAY_S = 600.0

FINISH = """
WITH done AS (
    DELETE FROM ledger.delivery WHERE delivery_id = %(delivery_id)s AND state <> 'dead'
    RETURNING event_day, event_id, consumer, priority, recorded_at, sent_at, dispatches, attempts
)
INSERT INTO ledger.history (day, delivery_id, event_day, event_id, consumer, priority, outcome, recorded_at, sent_at,
                            handled_at, duration_ms, dispatches, attempts, worker, reason)
SELECT (now() AT TIME ZONE 'UTC')::date, %(delivery_id)s, event_day, event_id, consumer, priority, %(outcome)s, recorded_at, sent_at,
       clock_timestamp(), %(duration_ms)s, dispatches, attempts, %(worker)s, %(reason)s
FROM done
"""

FINISH_ALL = """
WITH done AS (
    DELETE FROM ledger.delivery WHERE delivery_id = ANY(%(ids)s) AND state <> 'dead'
    RETURNING delivery_id, event_day, event_id, consumer, priority, recorded_at, sent_at, dispatches, attempts
)
INSERT INTO ledger.history (day, delivery_id, event_day, event_id, consumer, priority, outcome, recorded_at, sent_at,
                            handled_at, duration_ms, dispatches, attempts, worker)
SELECT (now() AT TIME ZONE 'UTC')::date, delivery_id, event_day, event_id, consumer, priority, 'handled', recorded_at, sent_at,
       clock_timestamp(), took.duration_ms, dispatches, attempts, %(worker)s
FROM done JOIN unnest(%(ids)s::bigint[], %(durations_ms)s::float8[]) AS took (delivery_id, duration_ms) USING (delivery_id)
"""

FAIL = """
UPDATE ledger.delivery
SET attempts = attempts + 1, reason = %(reason)s, traceback = %(traceback)s,
    state = CASE WHEN attempts + 1 >= %(max_attempts)s THEN 'dead' ELSE 'waiting' END,
    due_at = now() + %(jitter)s * least(%(longest_s)s, %(first_s)s * power(%(growth)s, least(attempts, 40))) * interval '1 s'
WHERE delivery_id = %(delivery_id)s AND state <> 'dead'
RETURNING state, attempts
"""

START = """
UPDATE ledger.delivery SET lost_starts = lost_starts + 1
WHERE delivery_id = %(delivery_id)s AND state <> 'dead'
RETURNING lost_starts
"""

BURY = """
UPDATE ledger.delivery SET state = 'dead', reason = %(reason)s, traceback = %(traceback)s
WHERE delivery_id = %(delivery_id)s AND state <> 'dead'
"""

EXTEND = """
UPDATE ledger.delivery d SET due_at = now() + c.lease_s * interval '1 s'
FROM ledger.consumer c
WHERE d.delivery_id = ANY(%(ids)s) AND d.state = 'sent' AND c.consumer = d.consumer
"""

EXTEND_TIMERS = """
UPDATE ledger.timer SET due_at = now() + %(lease_s)s * interval '1 s'
WHERE consumer = %(consumer)s AND name = ANY(%(names)s) AND due_at > now() + least(every_s, %(lease_s)s / 3) * interval '1 s'
"""

TIMER_DONE = """
UPDATE ledger.timer SET due_at = least(due_at, now() + every_s * interval '1 s') WHERE consumer = %s AND name = %s
"""


def mark_handled(connection: psycopg.Connection, delivery: Delivery) -> bool:
    """Move the delivery to history, in the caller's transaction. False: somebody else has done so already.

    Two workers with the same message meet here: the second waits for the first one's commit, then finds nothing.
    """
    return _finish(connection, delivery, "handled", None)


def mark_all_handled(connection: psycopg.Connection, durations_ms: Mapping[int, float], worker: str) -> None:
    """Move deliveries, each with the time that its handler took, to history; what somebody else has moved is left out."""
    connection.execute(
        FINISH_ALL, {"ids": list(durations_ms), "durations_ms": list(durations_ms.values()), "worker": worker}
    )


def mark_rejected(connection: psycopg.Connection, delivery: Delivery, reason: str) -> bool:
    """End the delivery with an expected no; it is not tried again."""
    return _finish(connection, delivery, "rejected", reason)


def _finish(connection: psycopg.Connection, delivery: Delivery, outcome: str, reason: str | None) -> bool:
    parameters = {
        "delivery_id": delivery.delivery_id,
        "outcome": outcome,
        "duration_ms": delivery.elapsed_ms,
        "worker": delivery.worker,
        "reason": reason,
    }
    return connection.execute(FINISH, parameters).rowcount == 1


def mark_started(connection: psycopg.Connection, delivery: Delivery) -> int | None:
    """Count a start that may end with the worker's death; only asked for messages that were sent before.

    Returns the starts that ended with no word so far, this one included; None where nothing is left to do.
    """
    row = connection.execute(START, {"delivery_id": delivery.delivery_id}).fetchone()
    return row[0] if row else None


def mark_failed(
    connection: psycopg.Connection, delivery: Delivery, reason: str, traceback: str
) -> tuple[str, int] | None:
    """Set the time of the next attempt, `GROWTH` times as far away as the last with 20 % jitter, or bury the delivery.

    Returns its state (`waiting` or `dead`) and the attempts so far; None where somebody else has finished it.
    """
    parameters = {
        "delivery_id": delivery.delivery_id,
        "reason": reason[:2_000],
        "traceback": traceback[-20_000:],
        "max_attempts": MAX_ATTEMPTS,
        "jitter": random.uniform(0.8, 1.2),  # noqa: S311 - spreads retries, guards nothing
        "longest_s": LONGEST_DELAY_S,
        "first_s": FIRST_DELAY_S,
        "growth": GROWTH,
    }
    row = connection.execute(FAIL, parameters).fetchone()
    return (row[0], row[1]) if row else None


def bury_lost(connection: psycopg.Connection, delivery: Delivery, reason: str, traceback: str = "") -> None:
    """Set a delivery aside as dead: it cannot be read, or it kills its workers."""
    connection.execute(BURY, {"delivery_id": delivery.delivery_id, "reason": reason, "traceback": traceback})


def extend_leases(connection: psycopg.Connection, delivery_ids: list[int]) -> None:
    """The heartbeat of long work."""
    connection.execute(EXTEND, {"ids": delivery_ids})


def extend_timers(connection: psycopg.Connection, consumer: str, names: list[str]) -> None:
    """The heartbeat of timers that run long; those that were woken or given up meanwhile are left alone."""
    connection.execute(EXTEND_TIMERS, {"consumer": consumer, "names": names, "lease_s": TIMER_LEASE_S})


def mark_timer_done(connection: psycopg.Connection, consumer: str, name: str) -> None:
    connection.execute(TIMER_DONE, (consumer, name))
