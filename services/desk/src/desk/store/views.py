"""Saved views: a person's names for queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True)
class SavedView:
    view_id: UUID
    name: str
    query: str


class SavedViews:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def of(self, person_id: UUID) -> Sequence[SavedView]:
        with self._connection.cursor(row_factory=class_row(SavedView)) as cursor:
            return cursor.execute(
                "SELECT view_id, name, query FROM saved_view WHERE person_id = %s ORDER BY name", (person_id,)
            ).fetchall()

    def add(self, view_id: UUID, person_id: UUID, name: str, query: str) -> None:
        self._connection.execute(
            "INSERT INTO saved_view (view_id, person_id, name, query) VALUES (%s, %s, %s, %s)",
            (view_id, person_id, name, query),
        )

    def delete(self, view_id: UUID, person_id: UUID) -> None:
        self._connection.execute("DELETE FROM saved_view WHERE view_id = %s AND person_id = %s", (view_id, person_id))
