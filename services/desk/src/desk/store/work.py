"""The desk's own records beside the stories: saved versions, the audit log, the schedule, changes for open monitors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from contracts.content import Fault
from desk.domain.draft import Draft
from desk.domain.people import Actor
from desk.store.notices import faults_json


@dataclass(frozen=True)
class Version:
    revision: int
    saved_at: datetime
    saved_by: str
    cause: str


@dataclass(frozen=True)
class AuditLine:
    audit_id: int
    at: datetime
    who: str
    story_id: UUID | None
    action: str
    detail: dict[str, Any]
    headline: str | None = None


@dataclass(frozen=True)
class Scheduled:
    """A release that is to be ordered at a time."""

    story_id: UUID
    due_at: datetime
    action: str
    note: str
    embargo_until: datetime | None
    set_by: str
    set_by_id: UUID | None
    problem: str
    faults: list[dict[str, Any]]


@dataclass(frozen=True)
class Change:
    change_id: int
    story_id: UUID
    what: str


class Versions:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, story_id: UUID, revision: int, draft: Draft, *, by: str, cause: str) -> None:
        self._connection.execute(
            "INSERT INTO version (story_id, revision, saved_at, saved_by, cause, draft) VALUES (%s, %s, now(), %s, %s, %s) ON CONFLICT DO NOTHING",
            (story_id, revision, by, cause, Jsonb(draft.model_dump(mode="json"))),
        )

    def of(self, story_id: UUID) -> Sequence[Version]:
        """Newest first."""
        with self._connection.cursor(row_factory=class_row(Version)) as cursor:
            return cursor.execute(
                "SELECT revision, saved_at, saved_by, cause FROM version WHERE story_id = %s ORDER BY revision DESC LIMIT 2000",
                (story_id,),
            ).fetchall()

    def draft(self, story_id: UUID, revision: int) -> Draft | None:
        row = self._connection.execute(
            "SELECT draft FROM version WHERE story_id = %s AND revision = %s", (story_id, revision)
        ).fetchone()
        return Draft.model_validate(row[0]) if row else None


class Audit:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def write(
        self, who: str, action: str, story_id: UUID | None = None, detail: Mapping[str, Any] | None = None
    ) -> None:
        self._connection.execute(
            "INSERT INTO audit (who, action, story_id, detail) VALUES (%s, %s, %s, %s)",
            (who, action, story_id, Jsonb(dict(detail or {}))),
        )

    def lines(
        self, story_id: UUID | None = None, *, before: int | None = None, limit: int = 200
    ) -> Sequence[AuditLine]:
        """Newest first."""
        with self._connection.cursor(row_factory=class_row(AuditLine)) as cursor:
            return cursor.execute(
                """
                SELECT audit_id, at, who, a.story_id, action, detail, headline
                FROM audit a LEFT JOIN story s ON s.story_id = a.story_id
                WHERE (%(story)s::uuid IS NULL OR a.story_id = %(story)s) AND (%(before)s::bigint IS NULL OR audit_id < %(before)s)
                ORDER BY audit_id DESC LIMIT %(limit)s
                """,
                {"story": story_id, "before": before, "limit": limit},
            ).fetchall()

    def span(
        self, begins: datetime | None, ends: datetime | None, *, after: int = 0, limit: int = 1000
    ) -> Sequence[AuditLine]:
        """Oldest first, those behind the line `after`."""
        with self._connection.cursor(row_factory=class_row(AuditLine)) as cursor:
            return cursor.execute(
                """
                SELECT audit_id, at, who, a.story_id, action, detail, headline
                FROM audit a LEFT JOIN story s ON s.story_id = a.story_id
                WHERE audit_id > %(after)s AND (%(begins)s::timestamptz IS NULL OR at >= %(begins)s) AND (%(ends)s::timestamptz IS NULL OR at < %(ends)s)
                ORDER BY audit_id LIMIT %(limit)s
                """,
                {"after": after, "begins": begins, "ends": ends, "limit": limit},
            ).fetchall()


class Schedule:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def set(
        self, story_id: UUID, due_at: datetime, action: str, *, note: str, embargo_until: datetime | None, by: Actor
    ) -> None:
        self._connection.execute(
            """
            INSERT INTO schedule (story_id, due_at, action, note, embargo_until, set_by, set_by_id) VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (story_id) DO UPDATE SET due_at = excluded.due_at, action = excluded.action, note = excluded.note,
                embargo_until = excluded.embargo_until, set_by = excluded.set_by, set_by_id = excluded.set_by_id, set_at = now(), problem = '', faults = '[]'
            """,
            (story_id, due_at, action, note, embargo_until, by.name, by.person_id),
        )

    def get(self, story_id: UUID) -> Scheduled | None:
        with self._connection.cursor(row_factory=class_row(Scheduled)) as cursor:
            return cursor.execute(
                "SELECT story_id, due_at, action, note, embargo_until, set_by, set_by_id, problem, faults FROM schedule WHERE story_id = %s",
                (story_id,),
            ).fetchone()

    def due(self) -> list[UUID]:
        rows = self._connection.execute(
            "SELECT story_id FROM schedule WHERE due_at <= now() AND problem = '' ORDER BY due_at LIMIT 200"
        ).fetchall()
        return [row[0] for row in rows]

    def take(self, story_id: UUID) -> Scheduled | None:
        """Take a due entry off the schedule; None where another process has just done so, or it was moved."""
        with self._connection.cursor(row_factory=class_row(Scheduled)) as cursor:
            return cursor.execute(
                """
                DELETE FROM schedule WHERE story_id = %s AND due_at <= now() AND problem = ''
                RETURNING story_id, due_at, action, note, embargo_until, set_by, set_by_id, problem, faults
                """,
                (story_id,),
            ).fetchone()

    def put_off(self, story_id: UUID, patience: timedelta) -> bool:
        """Leave a due entry for the next look. False: it was set longer ago than `patience`."""
        return (
            self._connection.execute(
                "SELECT 1 FROM schedule WHERE story_id = %s AND due_at > now() - %s", (story_id, patience)
            ).fetchone()
            is not None
        )

    def cancel(self, story_id: UUID) -> bool:
        return self._connection.execute("DELETE FROM schedule WHERE story_id = %s", (story_id,)).rowcount == 1

    def mark_problem(self, story_id: UUID, problem: str, faults: Sequence[Fault] = ()) -> None:
        self._connection.execute(
            "UPDATE schedule SET problem = %s, faults = %s WHERE story_id = %s",
            (problem[:2000], faults_json(faults), story_id),
        )


class Changes:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def newest(self) -> int:
        row = self._connection.execute("SELECT coalesce(max(change_id), 0) FROM change").fetchone()
        return row[0] if row else 0

    def oldest(self) -> int:
        row = self._connection.execute("SELECT coalesce(min(change_id), 0) FROM change").fetchone()
        return row[0] if row else 0

    def after(self, change_id: int, limit: int = 2000) -> Sequence[Change]:
        with self._connection.cursor(row_factory=class_row(Change)) as cursor:
            return cursor.execute(
                "SELECT change_id, story_id, what FROM change WHERE change_id > %s ORDER BY change_id LIMIT %s",
                (change_id, limit),
            ).fetchall()

    def forget_old(self, hours: int) -> None:
        self._connection.execute("DELETE FROM change WHERE changed_at < now() - make_interval(hours => %s)", (hours,))
