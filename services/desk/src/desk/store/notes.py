"""What editors write to one another beside a story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from desk.domain.people import Actor


@dataclass(frozen=True)
class Note:
    note_id: UUID
    who: str
    text: str
    at: datetime


class Notes:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, note_id: UUID, story_id: UUID, by: Actor, text: str) -> None:
        self._connection.execute(
            "INSERT INTO note (note_id, story_id, person_id, who, text) VALUES (%s, %s, %s, %s, %s)",
            (note_id, story_id, by.person_id, by.name, text),
        )

    def of(self, story_id: UUID) -> Sequence[Note]:
        """Oldest first."""
        with self._connection.cursor(row_factory=class_row(Note)) as cursor:
            return cursor.execute(
                "SELECT note_id, who, text, at FROM note WHERE story_id = %s ORDER BY at, note_id LIMIT 500",
                (story_id,),
            ).fetchall()

    def count(self, story_id: UUID) -> int:
        row = self._connection.execute("SELECT count(*) FROM note WHERE story_id = %s", (story_id,)).fetchone()
        return row[0] if row else 0
