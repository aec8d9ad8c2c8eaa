"""Our tables: what came in, and what was answered to whom."""

from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class Item:
    story_id: UUID
    revision: int


@dataclass(frozen=True)
class Answer:
    fingerprint: str
    answer: dict[str, object]


class Items:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, source_id: str, external_id: str, story_id: UUID, fingerprint: str, raw_key: str) -> Item | None:
        """The item with its new revision; None where this content is what we have already."""
        row = self._connection.execute(
            """
            INSERT INTO item (source_id, external_id, story_id, fingerprint, raw_key) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (source_id, external_id) DO UPDATE
            SET revision = item.revision + 1, fingerprint = excluded.fingerprint, raw_key = excluded.raw_key, received_at = now()
            WHERE item.fingerprint <> excluded.fingerprint
            RETURNING story_id, revision
            """,
            (source_id, external_id, story_id, fingerprint, raw_key),
        ).fetchone()
        return Item(*row) if row else None

    def get(self, story_id: UUID) -> Item | None:
        row = self._connection.execute(
            "SELECT story_id, revision FROM item WHERE story_id = %s", (story_id,)
        ).fetchone()
        return Item(*row) if row else None


class AnsweredRequests:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> Answer | None:
        row = self._connection.execute(
            "SELECT fingerprint, answer FROM answered_request WHERE idempotency_key = %s", (key,)
        ).fetchone()
        return Answer(*row) if row else None

    def save(self, key: str, fingerprint: str, answer: dict[str, object]) -> None:
        """Keep the answer; of two requests at once the first one's stands."""
        self._connection.execute(
            "INSERT INTO answered_request (idempotency_key, fingerprint, answer) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (key, fingerprint, Jsonb(answer)),
        )

    def forget_old(self, days: int) -> int:
        return self._connection.execute(
            "DELETE FROM answered_request WHERE answered_at < now() - make_interval(days => %s)", (days,)
        ).rowcount
