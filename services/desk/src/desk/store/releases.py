"""What was ordered from publication, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from contracts.content import Snapshot
from contracts.events import Release as Released
from contracts.events import ReleaseFailed, ReleaseOrdered
from desk.domain.workflow import ReleaseAction, ReleaseMark, ReleaseState
from desk.store.notices import faults_json


@dataclass(frozen=True)
class Release:
    release_id: UUID
    version: int
    action: ReleaseAction
    state: ReleaseState
    reason: str
    ordered_by: str
    ordered_at: datetime
    released_at: datetime | None
    url: str
    problem: str
    faults: list[dict[str, Any]]
    will_retry: bool


class Releases:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, order: ReleaseOrdered) -> None:
        self._connection.execute(
            """
            INSERT INTO release (release_id, story_id, version, action, state, snapshot, reason, ordered_by, ordered_at)
            VALUES (%s, %s, %s, %s, 'ordered', %s, %s, %s, %s)
            """,
            (
                order.release_id,
                order.story_id,
                order.version,
                order.action,
                Jsonb(order.snapshot.model_dump(mode="json")),
                order.reason,
                order.ordered_by,
                order.ordered_at,
            ),
        )

    def mark_live(self, fact: Released, action: ReleaseAction) -> bool:
        """False: known already."""
        return (
            self._connection.execute(
                """
                INSERT INTO release (release_id, story_id, version, action, state, ordered_at, released_at, url)
                VALUES (%(release_id)s, %(story_id)s, %(version)s, %(action)s, 'live', %(ordered_at)s, %(released_at)s, %(url)s)
                ON CONFLICT (release_id) DO UPDATE SET state = 'live', released_at = excluded.released_at, url = excluded.url,
                    problem = '', faults = '[]', will_retry = false
                WHERE release.state <> 'live'
                """,
                {
                    **fact.model_dump(
                        include={"release_id", "story_id", "version", "ordered_at", "released_at", "url"}
                    ),
                    "action": action,
                },
            ).rowcount
            == 1
        )

    def mark_failed(self, event: ReleaseFailed) -> bool:
        """Note the failure. One that will be tried again stays ordered; one that is live by now stays live."""
        return (
            self._connection.execute(
                """
                UPDATE release SET problem = %s, faults = %s, will_retry = %s, state = CASE WHEN %s THEN state ELSE 'failed' END
                WHERE release_id = %s AND state = 'ordered'
                """,
                (event.reason, faults_json(event.faults), event.will_retry, event.will_retry, event.release_id),
            ).rowcount
            == 1
        )

    def of(self, story_id: UUID) -> Sequence[Release]:
        """Newest first."""
        with self._connection.cursor(row_factory=class_row(Release)) as cursor:
            return cursor.execute(
                "SELECT release_id, version, action, state, reason, ordered_by, ordered_at, released_at, url, problem, faults, will_retry FROM release WHERE story_id = %s ORDER BY version DESC",
                (story_id,),
            ).fetchall()

    def marks(self, story_id: UUID) -> Sequence[ReleaseMark]:
        with self._connection.cursor(row_factory=class_row(ReleaseMark)) as cursor:
            return cursor.execute(
                "SELECT version, action, state FROM release WHERE story_id = %s", (story_id,)
            ).fetchall()

    def last_snapshot(self, story_id: UUID) -> Snapshot | None:
        """What went out last, or was ordered last."""
        row = self._connection.execute(
            "SELECT snapshot FROM release WHERE story_id = %s AND snapshot IS NOT NULL AND state <> 'failed' ORDER BY version DESC LIMIT 1",
            (story_id,),
        ).fetchone()
        return Snapshot.model_validate(row[0]) if row else None
