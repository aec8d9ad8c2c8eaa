"""Endpoints: who wants what, how it is to be sent, how well the site is; and the keys that sign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from delivery.domain.health import HOLD_DAYS
from delivery.domain.messages import Filters

COLUMNS = """endpoint_id, name, url, state, reason, challenge, signatures, types, rubrics, tags, languages, least_urgent, order_mode, form,
max_in_flight, rate_per_s, timeout_s, failures_in_row, failing_since, last_success_at, probe_at, probe_step, warned_h, created_at"""

SELECT = f"SELECT {COLUMNS} FROM endpoint"  # noqa: S608 - the columns above

PAUSE = """
UPDATE endpoint SET probe_step = CASE WHEN probe_at IS NULL THEN 0 ELSE probe_step + 1 END,
    probe_at = now() + %(wait_s)s * interval '1 s', resumed_at = NULL
WHERE endpoint_id = %(endpoint_id)s
"""

WORK_OFF = """
UPDATE delivery SET due_at = now() WHERE endpoint_id = ANY(%s) AND state = 'pending' AND due_at > now() AND sent_until IS NULL
"""

FAILED = """
WITH failing AS (
    SELECT endpoint_id, count FROM endpoint JOIN unnest(%s::uuid[], %s::int[]) AS f (endpoint_id, count) USING (endpoint_id)
    ORDER BY endpoint_id FOR NO KEY UPDATE OF endpoint
)
UPDATE endpoint e SET failures_in_row = failures_in_row + failing.count, failing_since = coalesce(failing_since, now())
FROM failing WHERE e.endpoint_id = failing.endpoint_id
RETURNING e.endpoint_id, failures_in_row, extract(epoch FROM now() - failing_since)::float8 / 3600, probe_at IS NOT NULL, probe_step, warned_h,
    (SELECT count(DISTINCT message_id) FROM (
        SELECT message_id FROM delivery d WHERE d.endpoint_id = e.endpoint_id AND state = 'pending' AND attempts > 0 LIMIT 100) few)
"""

SUCCEEDED = """
WITH changed AS (
    SELECT endpoint_id, probe_at IS NOT NULL AS was_paused FROM endpoint
    WHERE endpoint_id = ANY(%s)
      AND (failures_in_row > 0 OR probe_at IS NOT NULL OR last_success_at IS NULL OR last_success_at < now() - interval '1 minute')
    ORDER BY endpoint_id FOR NO KEY UPDATE
)
UPDATE endpoint e SET failures_in_row = 0, failing_since = NULL, last_success_at = now(), probe_step = 0, warned_h = 0,
    resumed_at = CASE WHEN was_paused THEN now() ELSE resumed_at END, probe_at = NULL
FROM changed WHERE e.endpoint_id = changed.endpoint_id
RETURNING e.endpoint_id, was_paused
"""
"""Most successes change nothing: the last one is noted once a minute."""


@dataclass(frozen=True)
class Endpoint:
    endpoint_id: UUID
    name: str
    url: str
    state: str
    reason: str
    challenge: str
    signatures: list[str]
    types: list[str]
    rubrics: list[str]
    tags: list[str]
    languages: list[str]
    least_urgent: int
    order_mode: str
    form: str
    max_in_flight: int
    rate_per_s: int
    timeout_s: float
    failures_in_row: int
    failing_since: datetime | None
    last_success_at: datetime | None
    probe_at: datetime | None
    probe_step: int
    warned_h: int
    created_at: datetime

    @property
    def filters(self) -> Filters:
        return Filters(
            tuple(self.types), tuple(self.rubrics), tuple(self.tags), tuple(self.languages), self.least_urgent
        )


@dataclass(frozen=True)
class Failing:
    """A site after a failure. `hours`: since its last success or, where there was none, its first failure."""

    failures_in_row: int
    hours: float
    is_paused: bool
    probe_step: int
    warned_h: int
    messages: int


class Endpoints:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, endpoint_id: UUID, values: dict[str, Any]) -> None:
        """`values`: columns of the table."""
        names = ["endpoint_id", *values]
        statement = sql.SQL("INSERT INTO endpoint ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join([sql.Placeholder()] * len(names))
        )
        self._connection.execute(statement, [endpoint_id, *values.values()])

    def change(self, endpoint_id: UUID, values: dict[str, Any]) -> bool:
        """False: there is no such endpoint."""
        pairs = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in values]
        statement = sql.SQL("UPDATE endpoint SET {} WHERE endpoint_id = {}").format(
            sql.SQL(", ").join(pairs), sql.Placeholder()
        )
        return self._connection.execute(statement, [*values.values(), endpoint_id]).rowcount == 1

    def all(self) -> list[Endpoint]:
        with self._connection.cursor(row_factory=class_row(Endpoint)) as cursor:
            return cursor.execute((SELECT + " ORDER BY created_at").encode()).fetchall()

    def get(self, endpoint_id: UUID) -> Endpoint | None:
        with self._connection.cursor(row_factory=class_row(Endpoint)) as cursor:
            return cursor.execute((SELECT + " WHERE endpoint_id = %s").encode(), (endpoint_id,)).fetchone()

    def by_page(self, page_hash: bytes) -> Endpoint | None:
        with self._connection.cursor(row_factory=class_row(Endpoint)) as cursor:
            return cursor.execute((SELECT + " WHERE page_hash = %s").encode(), (page_hash,)).fetchone()

    def remove(self, endpoint_id: UUID) -> bool:
        return self._connection.execute("DELETE FROM endpoint WHERE endpoint_id = %s", (endpoint_id,)).rowcount == 1

    def disable(self, endpoint_id: UUID, reason: str) -> None:
        """What waits for it is held, as is what comes."""
        self._connection.execute(
            "UPDATE endpoint SET state = 'disabled', reason = %s, probe_at = NULL WHERE endpoint_id = %s",
            (reason, endpoint_id),
        )
        self._connection.execute(
            "UPDATE delivery SET state = 'held' WHERE endpoint_id = %s AND state = 'pending'", (endpoint_id,)
        )

    def activate(self, endpoint_id: UUID) -> None:
        """What was held for it, at most `HOLD_DAYS`, goes out."""
        self._connection.execute(
            "UPDATE endpoint SET state = 'active', reason = '', challenge = '', failures_in_row = 0, failing_since = NULL, probe_at = NULL, warned_h = 0"
            " WHERE endpoint_id = %s",
            (endpoint_id,),
        )
        self._connection.execute(
            "UPDATE delivery SET state = 'pending', due_at = now() WHERE endpoint_id = %s AND state = 'held'",
            (endpoint_id,),
        )

    def let_go_of_held(self) -> int:
        """Ends what was held too long. Returns how many."""
        return self._connection.execute(
            "UPDATE delivery SET state = 'failed', done_at = now(), detail = 'the site was disabled for too long'"
            " WHERE state = 'held' AND made_at < now() - %s * interval '1 day'",
            (HOLD_DAYS,),
        ).rowcount

    def note_successes(self, endpoint_ids: Sequence[UUID]) -> None:
        """The first one after a pause sends the backlog on its way."""
        resumed = self._connection.execute(SUCCEEDED, (list(endpoint_ids),)).fetchall()
        back = [endpoint_id for endpoint_id, was_paused in resumed if was_paused]
        if back:
            self._connection.execute(WORK_OFF, (back,))

    def note_failures(self, counts: Mapping[UUID, int]) -> dict[UUID, Failing]:
        """`counts`: how many more failures of each, without a success among them."""
        rows = self._connection.execute(FAILED, (list(counts), list(counts.values()))).fetchall()
        return {row[0]: Failing(*row[1:]) for row in rows}

    def pause(self, endpoint_id: UUID, wait_s: float) -> None:
        """No attempt until then, then one; a pause that stands grows by a step."""
        self._connection.execute(PAUSE, {"endpoint_id": endpoint_id, "wait_s": wait_s})


class Keys:
    """Signing keys, sealed."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, key_id: UUID, endpoint_id: UUID | None, sealed: str, public: str = "") -> None:
        self._connection.execute(
            "INSERT INTO signing_key (key_id, endpoint_id, sealed, public) VALUES (%s, %s, %s, %s)",
            (key_id, endpoint_id, sealed, public),
        )

    def end_older(self, endpoint_id: UUID | None, newest: UUID, after_s: float) -> None:
        """All but the newest sign no longer than that."""
        self._connection.execute(
            "UPDATE signing_key SET ends_at = least(ends_at, now() + %s * interval '1 s') WHERE endpoint_id IS NOT DISTINCT FROM %s AND key_id <> %s",
            (after_s, endpoint_id, newest),
        )

    def of_house(self) -> list[tuple[UUID, str, datetime, datetime | None]]:
        """(id, public key, made, ends) of those that sign now, newest first."""
        return self._connection.execute(
            "SELECT key_id, public, made_at, ends_at FROM signing_key WHERE endpoint_id IS NULL AND (ends_at IS NULL OR ends_at > now()) ORDER BY made_at DESC"
        ).fetchall()

    def lock_house(self) -> None:
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtext('delivery.house_key'))")

    def sealed(self) -> Sequence[tuple[UUID, str]]:
        return self._connection.execute("SELECT key_id, sealed FROM signing_key FOR UPDATE").fetchall()

    def seal_again(self, key_id: UUID, sealed: str) -> None:
        self._connection.execute("UPDATE signing_key SET sealed = %s WHERE key_id = %s", (sealed, key_id))
