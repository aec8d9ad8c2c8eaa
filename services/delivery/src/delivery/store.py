"""Our tables: endpoints, messages, and a delivery for each pair of the two."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from chassis.metrics import Gauge
from delivery.domain.messages import FIRST, MessageType
from delivery.domain.schedule import Answer

LEASE_S = 60

GAUGES = (
    Gauge("depesha_endpoints", "Sites by state", "SELECT state, count(*) FROM endpoint GROUP BY state", ("state",)),
    Gauge(
        "depesha_webhooks_pending",
        "Webhooks not yet delivered",
        "SELECT count(*) FROM delivery WHERE state = 'pending'",
    ),
    Gauge(
        "depesha_webhooks_oldest_seconds",
        "Age of the oldest webhook to an active site that is not yet delivered",
        "SELECT coalesce(extract(epoch FROM now() - min(d.made_at)), 0) FROM delivery d"
        " JOIN endpoint e USING (endpoint_id) WHERE d.state = 'pending' AND e.state = 'active'",
    ),
)
"""What Prometheus is told of our tables."""

CLAIM = """
WITH due AS (
    SELECT d.delivery_id
    FROM delivery d
    WHERE d.state = 'pending' AND d.due_at <= now() AND coalesce(d.sent_until, now()) <= now()
      AND NOT EXISTS (SELECT 1 FROM delivery other
                      WHERE other.endpoint_id = d.endpoint_id AND other.story_id = d.story_id AND other.sent_until > now())
    ORDER BY d.rank, d.due_at
    LIMIT %(limit)s
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE delivery d SET sent_until = now() + %(lease_s)s * interval '1 s', attempts = d.attempts + 1
FROM due, endpoint e, message m
WHERE d.delivery_id = due.delivery_id AND e.endpoint_id = d.endpoint_id AND m.message_id = d.message_id AND e.state = 'active'
RETURNING d.delivery_id, d.endpoint_id, e.name AS endpoint_name, e.url, e.secret, d.message_id, m.body, d.story_id, d.version, d.attempts
"""

SUPERSEDE = """
UPDATE delivery SET state = 'superseded', done_at = now(), detail = 'a newer version is on its way'
WHERE story_id = %(story_id)s AND version < %(version)s AND state = 'pending'
"""


@dataclass(frozen=True)
class Endpoint:
    endpoint_id: UUID
    name: str
    url: str
    secret: str
    types: list[str]
    rubrics: list[str]
    state: str
    reason: str
    created_at: datetime


@dataclass(frozen=True)
class Claimed:
    """A delivery in our hands: what to send where. `attempts` counts this one."""

    delivery_id: int
    endpoint_id: UUID
    endpoint_name: str
    url: str
    secret: str
    message_id: str
    body: bytes
    story_id: UUID | None
    version: int | None
    attempts: int


@dataclass(frozen=True)
class Progress:
    """How far a version of a story has got."""

    delivered: int
    total: int
    sequence: int


class Endpoints:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(
        self, endpoint_id: UUID, name: str, url: str, secret: str, types: Sequence[str], rubrics: Sequence[str]
    ) -> None:
        self._connection.execute(
            "INSERT INTO endpoint (endpoint_id, name, url, secret, types, rubrics) VALUES (%s, %s, %s, %s, %s, %s)",
            (endpoint_id, name, url, secret, list(types), list(rubrics)),
        )

    def all(self) -> list[Endpoint]:
        with self._connection.cursor(row_factory=class_row(Endpoint)) as cursor:
            return cursor.execute("SELECT * FROM endpoint ORDER BY created_at").fetchall()

    def remove(self, endpoint_id: UUID) -> bool:
        return self._connection.execute("DELETE FROM endpoint WHERE endpoint_id = %s", (endpoint_id,)).rowcount == 1

    def disable(self, endpoint_id: UUID, reason: str) -> None:
        self._connection.execute(
            "UPDATE endpoint SET state = 'disabled', reason = %s WHERE endpoint_id = %s", (reason, endpoint_id)
        )


class Deliveries:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add_message(
        self, message_id: str, message_type: MessageType, story_id: UUID | None, version: int | None, body: bytes
    ) -> None:
        self._connection.execute(
            "INSERT INTO message (message_id, type, story_id, version, body) VALUES (%s, %s, %s, %s, %s)",
            (message_id, message_type, story_id, version, body),
        )

    def newest_version(self, story_id: UUID) -> int:
        row = self._connection.execute("SELECT max(version) FROM message WHERE story_id = %s", (story_id,)).fetchone()
        return row[0] or 0 if row else 0

    def add(
        self, endpoint_id: UUID, message_id: str, message_type: MessageType, story_id: UUID | None, version: int | None
    ) -> None:
        self._connection.execute(
            "INSERT INTO delivery (endpoint_id, message_id, story_id, version, rank) VALUES (%s, %s, %s, %s, %s)",
            (endpoint_id, message_id, story_id, version, 0 if message_type in FIRST else 1),
        )

    def supersede(self, story_id: UUID, version: int) -> None:
        """Older versions that have not arrived need not arrive any more."""
        self._connection.execute(SUPERSEDE, {"story_id": story_id, "version": version})

    def claim(self, limit: int) -> list[Claimed]:
        """Lease due deliveries. Of one story on one endpoint only one is under way at a time, so the newest arrives last."""
        with self._connection.cursor(row_factory=class_row(Claimed)) as cursor:
            return cursor.execute(CLAIM, {"limit": limit, "lease_s": LEASE_S}).fetchall()

    def note_attempt(self, one: Claimed, answer: Answer) -> None:
        self._connection.execute(
            "INSERT INTO attempt (delivery_id, number, status_code, error, answer, elapsed_ms) VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                one.delivery_id,
                one.attempts,
                answer.status,
                answer.error,
                answer.body[:4096].replace("\x00", ""),
                answer.elapsed_ms,
            ),
        )

    def finish(self, one: Claimed, state: str, answer: Answer) -> None:
        self._connection.execute(
            "UPDATE delivery SET state = %s, status_code = %s, detail = %s, done_at = now(), sent_until = NULL WHERE delivery_id = %s AND state IN ('pending', 'superseded')",
            (state, answer.status, answer.error, one.delivery_id),
        )

    def postpone(self, one: Claimed, delay_s: float, answer: Answer) -> datetime | None:
        """When it will be tried again; None where it need not be (a newer version took its place)."""
        self._connection.execute("UPDATE delivery SET sent_until = NULL WHERE delivery_id = %s", (one.delivery_id,))
        row = self._connection.execute(
            "UPDATE delivery SET due_at = now() + %s * interval '1 s', status_code = %s, detail = %s WHERE delivery_id = %s AND state = 'pending' RETURNING due_at",
            (delay_s, answer.status, answer.error, one.delivery_id),
        ).fetchone()
        return row[0] if row else None

    def progress(self, story_id: UUID, version: int) -> Progress:
        """Counts for a version, with the next number of the story's sequence of changes."""
        row = self._connection.execute(
            "INSERT INTO story_sequence VALUES (%s, 1) ON CONFLICT (story_id) DO UPDATE SET sequence = story_sequence.sequence + 1 RETURNING sequence",
            (story_id,),
        ).fetchone()
        counts = self._connection.execute(
            "SELECT count(*) FILTER (WHERE state = 'delivered'), count(*) FROM delivery WHERE story_id = %s AND version = %s",
            (story_id, version),
        ).fetchone()
        assert row is not None  # noqa: S101 - RETURNING always gives one
        assert counts is not None  # noqa: S101 - so does an aggregate
        return Progress(counts[0], counts[1], row[0])

    def resend(self, story_id: UUID, version: int) -> int:
        """Try those that did not arrive again now."""
        return self._connection.execute(
            "UPDATE delivery SET state = 'pending', due_at = now(), attempts = attempts WHERE story_id = %s AND version = %s AND state IN ('failed', 'pending')",
            (story_id, version),
        ).rowcount

    def of_story(self, story_id: UUID) -> list[tuple[object, ...]]:
        return self._connection.execute(
            "SELECT d.version, m.type, e.endpoint_id, e.name, d.state, d.attempts, d.status_code, d.detail, d.made_at, d.done_at, d.due_at, d.message_id"
            " FROM delivery d JOIN endpoint e USING (endpoint_id) JOIN message m USING (message_id) WHERE d.story_id = %s ORDER BY d.version, e.name",
            (story_id,),
        ).fetchall()
