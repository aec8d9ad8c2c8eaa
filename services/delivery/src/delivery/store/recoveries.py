"""Recoveries: all that an endpoint missed since a time is sent again, as a job that may be watched and cancelled."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

STEP = """
WITH few AS (
    SELECT d.delivery_id, d.story_id, d.version FROM delivery d
    WHERE d.endpoint_id = %(endpoint_id)s AND d.made_at >= %(since)s AND d.state = 'failed' AND d.delivery_id > %(cursor)s
    ORDER BY d.delivery_id LIMIT %(limit)s
), again AS (
    UPDATE delivery d SET state = CASE WHEN e.state = 'active' THEN 'pending' ELSE 'held' END, due_at = now(), done_at = NULL
    FROM few, endpoint e WHERE d.delivery_id = few.delivery_id AND e.endpoint_id = d.endpoint_id AND NOT EXISTS (
        SELECT 1 FROM delivery o WHERE o.endpoint_id = d.endpoint_id AND o.story_id = d.story_id AND o.version > d.version AND o.state IN ('delivered', 'pending'))
    RETURNING 1
)
UPDATE recovery SET resent = resent + (SELECT count(*) FROM again), seen = seen + (SELECT count(*) FROM few), cursor = coalesce((SELECT max(delivery_id) FROM few), cursor),
    state = CASE WHEN (SELECT count(*) FROM few) < %(limit)s THEN 'done' ELSE state END
WHERE recovery_id = %(recovery_id)s AND state = 'running'
"""


@dataclass(frozen=True)
class Recovery:
    recovery_id: UUID
    endpoint_id: UUID
    since: datetime
    state: str
    cursor: int
    resent: int
    total: int
    made_at: datetime
    seen: int


class Recoveries:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, recovery_id: UUID, endpoint_id: UUID, since: datetime) -> None:
        self._connection.execute(
            "INSERT INTO recovery (recovery_id, endpoint_id, since, total)"
            " SELECT %s, %s, %s, count(*) FROM delivery WHERE endpoint_id = %s AND made_at >= %s AND state = 'failed'",
            (recovery_id, endpoint_id, since, endpoint_id, since),
        )

    def get(self, recovery_id: UUID) -> Recovery | None:
        with self._connection.cursor(row_factory=class_row(Recovery)) as cursor:
            return cursor.execute("SELECT * FROM recovery WHERE recovery_id = %s", (recovery_id,)).fetchone()

    def cancel(self, recovery_id: UUID) -> bool:
        return (
            self._connection.execute(
                "UPDATE recovery SET state = 'cancelled' WHERE recovery_id = %s AND state = 'running'", (recovery_id,)
            ).rowcount
            == 1
        )

    def running(self) -> list[Recovery]:
        with self._connection.cursor(row_factory=class_row(Recovery)) as cursor:
            return cursor.execute("SELECT * FROM recovery WHERE state = 'running' FOR UPDATE SKIP LOCKED").fetchall()

    def step(self, one: Recovery, limit: int) -> None:
        """Send the next `limit` again; an older version never after a newer one."""
        self._connection.execute(
            STEP,
            {
                "endpoint_id": one.endpoint_id,
                "since": one.since,
                "cursor": one.cursor,
                "limit": limit,
                "recovery_id": one.recovery_id,
            },
        )
