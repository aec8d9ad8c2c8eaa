"""Notifications: one row a fact, for one person or for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from contracts.content import Fault

NO_STORY = UUID(int=0)
NOTICE = "notice"
"""What open pages hear of a new notification, as a change like any other."""


@dataclass(frozen=True)
class Notice:
    notification_id: int
    kind: str
    story_id: UUID | None
    detail: str
    faults: list[dict[str, Any]]
    at: datetime
    headline: str | None
    is_new: bool


@dataclass(frozen=True)
class Mailing:
    """A notification and who is to have it by mail."""

    notification_id: int
    kind: str
    story_id: UUID | None
    headline: str | None
    detail: str
    faults: list[dict[str, Any]]
    emails: list[str]
    language: str


def faults_json(faults: Sequence[Fault]) -> Jsonb:
    return Jsonb([one.model_dump(mode="json") for one in faults])


class Notices:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(
        self,
        kind: str,
        story_id: UUID | None,
        *,
        person_id: UUID | None = None,
        detail: str = "",
        faults: Sequence[Fault] = (),
        once: str | None = None,
    ) -> None:
        """Tell one person, or everybody, and open pages that there is something new. With `once`, a fact is told once."""
        told = self._connection.execute(
            "INSERT INTO notification (kind, story_id, person_id, detail, faults, once) VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (once) DO NOTHING",
            (kind, story_id, person_id, detail[:2000], faults_json(faults), once),
        ).rowcount
        if told:
            self._connection.execute(
                "INSERT INTO change (story_id, what) VALUES (%s, %s)", (story_id or NO_STORY, NOTICE)
            )

    def of(self, person_id: UUID, limit: int = 50) -> Sequence[Notice]:
        """Newest first."""
        with self._connection.cursor(row_factory=class_row(Notice)) as cursor:
            return cursor.execute(
                """
                SELECT notification_id, kind, n.story_id, detail, faults, at, headline,
                       notification_id > coalesce((SELECT up_to FROM notification_seen WHERE person_id = %(person)s), 0) AS is_new
                FROM notification n LEFT JOIN story s ON s.story_id = n.story_id
                WHERE n.person_id IS NULL OR n.person_id = %(person)s
                ORDER BY notification_id DESC LIMIT %(limit)s
                """,
                {"person": person_id, "limit": limit},
            ).fetchall()

    def count_new(self, person_id: UUID) -> int:
        """At most 100."""
        row = self._connection.execute(
            """
            SELECT count(*) FROM (
                SELECT FROM notification
                WHERE (person_id IS NULL OR person_id = %(person)s)
                  AND notification_id > coalesce((SELECT up_to FROM notification_seen WHERE person_id = %(person)s), 0)
                LIMIT 100) few
            """,
            {"person": person_id},
        ).fetchone()
        return row[0] if row else 0

    def claim_mail(self) -> Sequence[Mailing]:
        """Take what was not mailed yet, of the last day; what has no receiver is done with."""
        with self._connection.cursor(row_factory=class_row(Mailing)) as cursor:
            found = cursor.execute(
                """
                WITH due AS (
                    SELECT notification_id FROM notification WHERE mailed_at IS NULL AND at > now() - interval '1 day'
                    ORDER BY at LIMIT 50 FOR UPDATE SKIP LOCKED
                ), taken AS (
                    UPDATE notification n SET mailed_at = now() FROM due WHERE n.notification_id = due.notification_id RETURNING n.*
                )
                SELECT t.notification_id, t.kind, t.story_id, s.headline, t.detail, t.faults, array_agg(p.email) AS emails, min(p.language) AS language
                FROM taken t LEFT JOIN story s ON s.story_id = t.story_id
                JOIN person p ON p.is_active AND (p.person_id = t.person_id OR (t.person_id IS NULL AND p.role IN ('chief', 'editor')))
                GROUP BY t.notification_id, t.kind, t.story_id, s.headline, t.detail, t.faults
                """
            ).fetchall()
        return [one for one in found if one.emails]

    def release_mail(self, notification_id: int) -> None:
        """It was not sent: somebody tries again."""
        self._connection.execute(
            "UPDATE notification SET mailed_at = NULL WHERE notification_id = %s", (notification_id,)
        )

    def mark_seen(self, person_id: UUID) -> None:
        self._connection.execute(
            """
            INSERT INTO notification_seen (person_id, up_to) SELECT %s, coalesce(max(notification_id), 0) FROM notification
            ON CONFLICT (person_id) DO UPDATE SET up_to = excluded.up_to
            """,
            (person_id,),
        )
