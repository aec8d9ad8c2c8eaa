"""Messages, a delivery for each endpoint that wants one, and the attempts at it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from chassis import tracing
from chassis.metrics import Gauge
from delivery.domain.health import SLOW_START_PER_S
from delivery.domain.messages import FIRST, THIN_ABOVE_BYTES, MessageType
from delivery.domain.schedule import Answer

NOTING_S = 10
"""A delivery is leased for as long as its site may take, and for so long to write down what became of it. Who claimed it may
have died: nothing else goes to the site in its place until then, so the lease is no longer than need be."""
FIRST_SITE = UUID(int=0)
"""Before all endpoints."""
NEWEST = 2**62
"""After all deliveries."""
SITES_AT_ONCE = 400
"""One claim looks at so many endpoints, the next at those after them: round and round."""

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

LOCK = "SELECT pg_advisory_xact_lock(hashtext('delivery.claim'))"
"""One claim at a time: two that count at once would both fill the same room."""

READY = """
SELECT e.endpoint_id FROM endpoint e
WHERE e.endpoint_id > %(after)s AND e.state <> 'disabled' AND (e.probe_at IS NULL OR e.probe_at <= now())
  AND EXISTS (SELECT FROM delivery d WHERE d.endpoint_id = e.endpoint_id AND d.state = 'pending'
              AND d.due_at <= CASE WHEN e.probe_at IS NULL THEN now() ELSE 'infinity' END)
ORDER BY e.endpoint_id LIMIT %(sites)s
"""
"""Endpoints that may have something to send, the next in the round."""

CLAIM = """
WITH site AS MATERIALIZED (
    SELECT e.endpoint_id, e.order_mode, e.probe_at IS NOT NULL AS is_probe,
        CASE WHEN e.order_mode = 'fifo' THEN (SELECT min(o.delivery_id) FROM delivery o WHERE o.endpoint_id = e.endpoint_id AND o.state = 'pending') END AS head,
        CASE WHEN e.probe_at IS NOT NULL OR e.order_mode = 'fifo' OR e.failures_in_row > 0 THEN 1 -- who failed has one chance at a time
             WHEN e.endpoint_id = ANY(%(slow)s) THEN 0
             WHEN e.resumed_at IS NOT NULL THEN least(e.max_in_flight, 1 + floor(extract(epoch FROM now() - e.resumed_at) * %(slow_start)s)::int)
             ELSE e.max_in_flight END
        - (SELECT count(*) FROM delivery f WHERE f.endpoint_id = e.endpoint_id AND f.sent_until > now()) AS room,
        e.probe_at IS NULL AND EXISTS (SELECT FROM delivery k WHERE k.endpoint_id = e.endpoint_id AND k.state = 'pending' AND k.rank = 0) AS has_removals
    FROM endpoint e WHERE e.endpoint_id = ANY(%(sites)s)
    ORDER BY e.endpoint_id
), due AS MATERIALIZED (
    SELECT d.delivery_id FROM site CROSS JOIN LATERAL (
        SELECT d.delivery_id FROM delivery d
        WHERE d.endpoint_id = site.endpoint_id AND d.state = 'pending' AND (d.due_at <= now() OR site.is_probe)
          AND (d.sent_until IS NULL OR d.sent_until <= now()) AND (d.rank = 0 OR site.room > 0)
          AND NOT EXISTS (SELECT 1 FROM delivery o
                          WHERE o.endpoint_id = d.endpoint_id AND o.story_id = d.story_id AND o.delivery_id <> d.delivery_id
                            AND (o.sent_until > now() OR (o.state = 'pending' AND o.version < d.version)))
          AND (site.head IS NULL OR d.rank = 0 OR d.delivery_id = site.head)
        ORDER BY d.rank, d.attempts > 0, d.due_at, d.delivery_id
        LIMIT greatest(least(site.room, %(share)s), site.has_removals::int, 0)
        FOR UPDATE SKIP LOCKED
    ) d
    LIMIT %(limit)s
)
UPDATE delivery d SET attempts = d.attempts + 1, sent_until = lease.ends_at, due_at = lease.ends_at
FROM due, endpoint e, message m,
    LATERAL (SELECT now() + (e.timeout_s + e.max_in_flight / e.rate_per_s::float8 + %(noting_s)s) * interval '1 s' AS ends_at) lease
WHERE d.delivery_id = due.delivery_id AND e.endpoint_id = d.endpoint_id AND m.message_id = d.message_id
RETURNING d.delivery_id, d.endpoint_id, e.name AS endpoint_name, e.url, e.timeout_s, e.rate_per_s, e.headers, e.certificate,
    d.message_id, m.traceparent, m.type AS message_type, e.form = 'thin' OR octet_length(m.body) > %(thin_above)s AS is_thin,
    d.story_id, d.version, d.rank, d.attempts, e.challenge, e.probe_at IS NOT NULL AS is_probe,
    ARRAY(SELECT k.sealed FROM signing_key k
          WHERE (k.endpoint_id = e.endpoint_id AND 'v1' = ANY(e.signatures) OR k.endpoint_id IS NULL AND 'v1a' = ANY(e.signatures))
            AND (k.ends_at IS NULL OR k.ends_at > now()) ORDER BY k.made_at DESC) AS keys
"""

SUPERSEDE = """
UPDATE delivery d SET state = 'superseded', done_at = now(), detail = 'a newer version is on its way'
FROM endpoint e
WHERE d.story_id = %(story_id)s AND d.version < %(version)s AND d.state IN ('pending', 'held')
  AND e.endpoint_id = d.endpoint_id AND (e.order_mode = 'latest' OR %(is_removal)s)
"""

ADD = """
INSERT INTO delivery (endpoint_id, message_id, story_id, version, rank, state)
SELECT endpoint_id, %(message_id)s, %(story_id)s, %(version)s, %(rank)s, CASE WHEN state = 'active' OR %(is_handshake)s THEN 'pending' ELSE 'held' END
FROM endpoint WHERE endpoint_id = ANY(%(endpoint_ids)s)
ON CONFLICT DO NOTHING
"""

OLD_DELIVERIES = """
DELETE FROM delivery WHERE delivery_id IN (
    SELECT d.delivery_id FROM delivery d WHERE d.done_at < now() - %s * interval '1 day' AND d.state NOT IN ('pending', 'held')
      AND (d.story_id IS NULL OR EXISTS (SELECT FROM delivery o WHERE o.endpoint_id = d.endpoint_id AND o.story_id = d.story_id AND o.version > d.version))
    ORDER BY d.done_at LIMIT %s)
"""

OLD_MESSAGES = """
DELETE FROM message WHERE message_id IN (
    SELECT m.message_id FROM message m WHERE m.made_at < now() - %s * interval '1 day' AND NOT EXISTS (SELECT FROM delivery d WHERE d.message_id = m.message_id)
      AND (m.story_id IS NULL OR EXISTS (SELECT FROM message o WHERE o.story_id = m.story_id AND o.version > m.version))
    ORDER BY m.made_at LIMIT %s)
"""

NOTE_ATTEMPTS = """
INSERT INTO attempt (day, delivery_id, number, at, status_code, error, answer, elapsed_ms, dns_ms, connect_ms, tls_ms, first_byte_ms)
SELECT (now() AT TIME ZONE 'UTC')::date, * FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[], %s::int[], %s::text[], %s::text[],
    %s::real[], %s::real[], %s::real[], %s::real[], %s::real[])
"""

FINISH = """
UPDATE delivery d SET state = CASE WHEN d.state = 'superseded' AND n.state <> 'delivered' THEN d.state ELSE n.state END,
    status_code = n.status_code, detail = n.detail, done_at = now(), sent_until = NULL
FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::text[]) AS n (delivery_id, state, status_code, detail)
WHERE d.delivery_id = n.delivery_id AND d.state IN ('pending', 'held', 'superseded')
"""

POSTPONE = """
UPDATE delivery d SET due_at = now() + n.delay_s * interval '1 s', status_code = n.status_code, detail = n.detail, sent_until = NULL
FROM unnest(%s::bigint[], %s::int[], %s::float8[], %s::int[], %s::text[]) AS n (delivery_id, attempts, delay_s, status_code, detail)
WHERE d.delivery_id = n.delivery_id AND d.attempts = n.attempts -- else its lease has ended and it is under way again
RETURNING d.delivery_id, d.state, d.due_at
"""

PROGRESS = """
WITH asked AS (SELECT * FROM unnest(%(stories)s::uuid[], %(versions)s::int[], %(counts)s::int[]) AS a (story_id, version, count)),
numbered AS (
    INSERT INTO story_sequence AS s SELECT story_id, sum(count)::int FROM asked GROUP BY story_id
    ON CONFLICT (story_id) DO UPDATE SET sequence = s.sequence + excluded.sequence RETURNING s.story_id, s.sequence)
SELECT a.story_id, a.version, (SELECT sequence FROM numbered n WHERE n.story_id = a.story_id),
       (SELECT count(*) FILTER (WHERE d.state = 'delivered') FROM delivery d WHERE d.story_id = a.story_id AND d.version = a.version),
       (SELECT count(*) FROM delivery d WHERE d.story_id = a.story_id AND d.version = a.version)
FROM asked a
"""


AGAIN = """
UPDATE delivery d SET state = CASE WHEN e.state = 'active' THEN 'pending' ELSE 'held' END, due_at = now(), done_at = NULL
FROM endpoint e WHERE e.endpoint_id = d.endpoint_id
  AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.endpoint_id = d.endpoint_id AND o.story_id = d.story_id AND o.version > d.version)
"""
"""An older version never after a newer one; nothing to a site that is disabled or has not confirmed."""


@dataclass(frozen=True)
class Claimed:
    """A delivery in our hands: what to send where. `attempts` counts this one; `keys`, `headers`, `certificate` are sealed."""

    delivery_id: int
    endpoint_id: UUID
    endpoint_name: str
    url: str
    timeout_s: float
    rate_per_s: int
    headers: str
    certificate: str
    message_id: str
    message_type: str
    body: bytes
    story_id: UUID | None
    version: int | None
    rank: int
    attempts: int
    challenge: str
    is_probe: bool
    keys: list[str]
    traceparent: str | None = None
    """Of the span that wrote the message, where one traces."""


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt. `delay_s`: until the next; None where there is none and `state` is final."""

    one: Claimed
    answer: Answer
    state: str
    delay_s: float | None = None


@dataclass(frozen=True)
class Progress:
    """How far a version of a story has got, and the last number of the story's sequence of changes."""

    sequence: int
    delivered: int
    total: int


class Deliveries:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add_message(
        self,
        message_id: str,
        message_type: MessageType,
        story_id: UUID | None,
        version: int | None,
        body: bytes,
        thin: bytes | None = None,
    ) -> None:
        self._connection.execute(
            "INSERT INTO message (message_id, type, story_id, version, body, thin, traceparent) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (message_id, message_type, story_id, version, body, thin, tracing.traceparent()),
        )

    def body(self, message_id: str) -> bytes | None:
        row = self._connection.execute("SELECT body FROM message WHERE message_id = %s", (message_id,)).fetchone()
        return bytes(row[0]) if row else None

    def newest_version(self, story_id: UUID) -> int:
        row = self._connection.execute("SELECT max(version) FROM message WHERE story_id = %s", (story_id,)).fetchone()
        return row[0] or 0 if row else 0

    def had(self, story_id: UUID, *, is_removal: bool) -> set[UUID]:
        """The endpoints that may have the story: any version was sent to them, or, for a removal, was to be."""
        rows = self._connection.execute(
            "SELECT DISTINCT endpoint_id FROM delivery WHERE story_id = %s AND (attempts > 0 OR %s)",
            (story_id, is_removal),
        )
        return {row[0] for row in rows}

    def add(
        self,
        endpoint_ids: Sequence[UUID],
        message_id: str,
        message_type: MessageType,
        story_id: UUID | None,
        version: int | None,
    ) -> None:
        """Held for those that are not active, but for the handshake."""
        self._connection.execute(
            ADD,
            {
                "endpoint_ids": list(endpoint_ids),
                "message_id": message_id,
                "story_id": story_id,
                "version": version,
                "rank": 0 if message_type in FIRST else 1,
                "is_handshake": message_type == "endpoint.verification",
            },
        )

    def supersede(self, story_id: UUID, version: int, *, is_removal: bool) -> None:
        """Older versions that have not arrived need not arrive any more, where order is `latest` or the story is taken back."""
        self._connection.execute(SUPERSEDE, {"story_id": story_id, "version": version, "is_removal": is_removal})

    def claim(
        self, limit: int, after: UUID = FIRST_SITE, slow: Collection[UUID] = (), thin_above: int = THIN_ABOVE_BYTES
    ) -> tuple[list[Claimed], UUID]:
        """Lease due deliveries of the endpoints after this one, first attempts before retries; and the endpoint to go on after.

        Of one story on one endpoint only one is under way at a time, and older versions go before newer ones. Those that are
        `slow` get nothing but removals. The round over all endpoints is over when `FIRST_SITE` comes back.
        """
        self._connection.execute(LOCK)
        found = self._connection.execute(READY, {"after": after, "sites": SITES_AT_ONCE}).fetchall()
        if not found:
            return [], FIRST_SITE
        asked = {
            "limit": limit,
            "share": max(limit // len(found), 1),
            "noting_s": NOTING_S,
            "sites": [row[0] for row in found],
            "slow": list(slow),
            "slow_start": SLOW_START_PER_S,
            "thin_above": thin_above,
        }
        with self._connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(CLAIM, asked).fetchall()
        bodies = self._bodies({row["message_id"] for row in rows})
        claimed = [Claimed(body=bodies[row["message_id"], row.pop("is_thin")], **row) for row in rows]
        if len(claimed) == limit:
            return claimed, max(one.endpoint_id for one in claimed)
        return claimed, found[-1][0] if len(found) == SITES_AT_ONCE else FIRST_SITE

    def _bodies(self, message_ids: Collection[str]) -> dict[tuple[str, bool], bytes]:
        """(message, whether thin) -> its bytes; once for all endpoints that get it."""
        rows = self._connection.cursor(binary=True).execute(
            "SELECT message_id, body, coalesce(thin, body) FROM message WHERE message_id = ANY(%s)",
            (list(message_ids),),
        )
        return {(row[0], is_thin): row[1 + is_thin] for row in rows for is_thin in (False, True)}

    def note_attempts(self, attempts: Sequence[tuple[Claimed, Answer, datetime]]) -> None:
        rows = [
            (
                one.delivery_id,
                one.attempts,
                at,
                answer.status,
                answer.error[:1000],
                answer.body[:4096].replace("\x00", ""),
                answer.elapsed_ms,
                answer.dns_ms,
                answer.connect_ms,
                answer.tls_ms,
                answer.first_byte_ms,
            )
            for one, answer, at in attempts
        ]
        self._connection.execute(NOTE_ATTEMPTS, [list(column) for column in zip(*rows, strict=True)])

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            rows = [(o.one.delivery_id, o.state, o.answer.status, o.answer.error[:1000]) for o in outcomes]
            self._connection.execute(FINISH, [list(column) for column in zip(*rows, strict=True)])

    def postpone(self, outcomes: Sequence[Outcome]) -> dict[int, tuple[str, datetime]]:
        """delivery_id -> its state (a newer version may have taken its place) and when it is tried again."""
        if not outcomes:
            return {}
        rows = [
            (o.one.delivery_id, o.one.attempts, o.delay_s, o.answer.status, o.answer.error[:1000]) for o in outcomes
        ]
        found = self._connection.execute(POSTPONE, [list(column) for column in zip(*rows, strict=True)]).fetchall()
        return {row[0]: (row[1], row[2]) for row in found}

    def progress(self, counts: dict[tuple[UUID, int], int]) -> dict[tuple[UUID, int], Progress]:
        """For (story, version) -> how many changes it had now: its progress."""
        keys = sorted(counts)
        asked = {
            "stories": [key[0] for key in keys],
            "versions": [key[1] for key in keys],
            "counts": [counts[key] for key in keys],
        }
        rows = self._connection.execute(PROGRESS, asked).fetchall()
        return {(row[0], row[1]): Progress(row[2], row[3], row[4]) for row in rows}

    def resend(self, story_id: UUID, version: int) -> int:
        """Try those that did not arrive again now; not where a newer version has gone out."""
        statement = AGAIN + " AND d.story_id = %s AND d.version = %s AND d.state IN ('failed', 'pending')"
        return self._connection.execute(statement.encode(), (story_id, version)).rowcount

    def resend_one(self, delivery_id: int, endpoint_id: UUID | None = None) -> bool:
        """Send one again, whatever became of it, unless a newer version has gone out. False: no such delivery."""
        statement = AGAIN + " AND d.delivery_id = %s AND (%s::uuid IS NULL OR d.endpoint_id = %s)"
        return self._connection.execute(statement.encode(), (delivery_id, endpoint_id, endpoint_id)).rowcount == 1

    def of_story(self, story_id: UUID) -> list[tuple[object, ...]]:
        return self._connection.execute(
            "SELECT d.version, m.type, e.endpoint_id, e.name, d.state, d.attempts, d.status_code, d.detail, d.made_at, d.done_at, d.due_at, d.message_id, d.delivery_id"
            " FROM delivery d JOIN endpoint e USING (endpoint_id) JOIN message m USING (message_id) WHERE d.story_id = %s ORDER BY d.version, e.name",
            (story_id,),
        ).fetchall()

    def of_endpoint(self, endpoint_id: UUID, before: int, limit: int) -> list[dict[str, Any]]:
        """Newest first; `before`: a delivery_id, for the next page."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                "SELECT d.delivery_id, m.type, d.story_id, d.version, d.state, d.attempts, d.status_code, d.detail, d.made_at, d.done_at, d.due_at, d.message_id"
                " FROM delivery d JOIN message m USING (message_id) WHERE d.endpoint_id = %s AND d.delivery_id < %s ORDER BY d.delivery_id DESC LIMIT %s",
                (endpoint_id, before, limit),
            ).fetchall()

    def attempts(self, delivery_id: int) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                "SELECT number, at, status_code, error, answer, elapsed_ms, dns_ms, connect_ms, tls_ms, first_byte_ms FROM attempt WHERE delivery_id = %s ORDER BY at",
                (delivery_id,),
            ).fetchall()

    def statistics(self, hours: float) -> list[dict[str, Any]]:
        """One row an endpoint: attempts and their outcome in the last hours, response times in ms."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                "SELECT d.endpoint_id, count(*) AS attempts, count(*) FILTER (WHERE a.status_code BETWEEN 200 AND 299) AS good,"
                " percentile_cont(0.5) WITHIN GROUP (ORDER BY a.elapsed_ms)::float8 AS p50_ms, percentile_cont(0.95) WITHIN GROUP (ORDER BY a.elapsed_ms)::float8 AS p95_ms"
                " FROM attempt a JOIN delivery d USING (delivery_id) WHERE a.at > now() - %s * interval '1 hour' AND a.day >= ((now() - %s * interval '1 hour') AT TIME ZONE 'UTC')::date"
                " GROUP BY d.endpoint_id",
                (hours, hours),
            ).fetchall()

    def let_go_of_old(self, keep_days: int, limit: int) -> int:
        """Delete what is long over, at most `limit` deliveries; how many.

        The last version that a site had of a story is kept for good: a kill must reach whoever has it.
        """
        gone = self._connection.execute(OLD_DELIVERIES, (keep_days, limit)).rowcount
        self._connection.execute(OLD_MESSAGES, (keep_days, limit))
        return gone

    def make_days(self, ahead: int) -> None:
        """Partitions of attempts for today and the days after; nothing where they are there."""
        self._connection.execute("SELECT make_days(%s)", (ahead,))

    def drop_days(self, keep_days: int) -> list[str]:
        """Drop the partitions of attempts older than that; their names."""
        rows = self._connection.execute("SELECT drop_days(%s)", (keep_days,)).fetchall()
        return [row[0] for row in rows]
