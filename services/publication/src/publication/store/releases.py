"""Every order and what became of it, and the ledger of kills."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg

from contracts.event import Event, Priority
from contracts.events import ReleaseOrdered
from publication.store.documents import as_json

CONCLUDE = """
WITH noted AS (
    INSERT INTO release (release_id, story_id, version, action, ordered_by, ordered_at, outcome)
    VALUES (%s, %s, %s, %s, %s, %s, 'released')
    ON CONFLICT (release_id) DO UPDATE SET outcome = excluded.outcome, released_at = now()
)
INSERT INTO announcement (event_type, event, priority, is_removal) VALUES (%s, %s, %s, %s)
RETURNING EXISTS (SELECT FROM kill WHERE story_id = %s AND lifted_at IS NULL)
"""


class Releases:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, order: ReleaseOrdered, outcome: str) -> bool:
        """True where it was not noted before, or with another outcome."""
        return bool(
            self._connection.execute(
                "INSERT INTO release (release_id, story_id, version, action, ordered_by, ordered_at, outcome) VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (release_id) DO UPDATE SET outcome = excluded.outcome, released_at = now() WHERE release.outcome <> excluded.outcome",
                (
                    order.release_id,
                    order.story_id,
                    order.version,
                    order.action,
                    order.ordered_by,
                    order.ordered_at,
                    outcome,
                ),
            ).rowcount
        )

    def conclude(
        self, order: ReleaseOrdered, fact: Event, priority: Priority, *, is_removal: bool
    ) -> Callable[[], bool]:
        """The order is carried out, and the fact waits to be told. Returns the question whether the story is killed now."""
        given = (order.release_id, order.story_id, order.version, order.action, order.ordered_by, order.ordered_at)
        cursor = self._connection.execute(
            CONCLUDE, (*given, fact.event_type, as_json(fact), priority, is_removal, order.story_id)
        )
        return lambda: bool((cursor.fetchone() or (False,))[0])

    def of_story(self, story_id: UUID) -> list[dict[str, Any]]:
        names = ("release_id", "story_id", "version", "action", "ordered_by", "ordered_at", "outcome", "released_at")
        rows = self._connection.execute(
            "SELECT release_id, story_id, version, action, ordered_by, ordered_at, outcome, released_at FROM release"
            " WHERE story_id = %s ORDER BY version DESC, ordered_at DESC LIMIT 200",
            (story_id,),
        ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]


class Kills:
    """The ledger of kills: nothing is ever deleted from it."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def note(self, order: ReleaseOrdered) -> None:
        self._connection.execute(
            "INSERT INTO kill (story_id, killed_at, killed_by, reason) VALUES (%s, %s, %s, %s) ON CONFLICT (story_id) DO UPDATE"
            " SET killed_at = excluded.killed_at, killed_by = excluded.killed_by, reason = excluded.reason, lifted_at = NULL, lifted_by = NULL",
            (order.story_id, order.ordered_at, order.ordered_by, order.reason),
        )

    def lift(self, order: ReleaseOrdered) -> None:
        self._connection.execute(
            "UPDATE kill SET lifted_at = %s, lifted_by = %s WHERE story_id = %s AND lifted_at IS NULL",
            (order.ordered_at, order.ordered_by, order.story_id),
        )
