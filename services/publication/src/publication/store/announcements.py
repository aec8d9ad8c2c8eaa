"""Facts that wait until the lists are written."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from contracts.event import Event, Priority


@dataclass(frozen=True)
class Announcement:
    announcement_id: int
    event: Event
    priority: Priority
    is_removal: bool


class Announcements:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def waiting(self, limit: int = 2_000) -> list[Announcement]:
        rows = self._connection.execute(
            "SELECT announcement_id, event_type, event::text, priority, is_removal FROM announcement ORDER BY announcement_id LIMIT %s",
            (limit,),
        ).fetchall()
        return [
            Announcement(number, Event.registry[event_type].model_validate_json(event), priority, is_removal)
            for number, event_type, event, priority, is_removal in rows
        ]

    def take(self, announcement_ids: Sequence[int]) -> set[int]:
        """Those that were still there: only who takes one may tell it."""
        query = "DELETE FROM announcement WHERE announcement_id = ANY(%s) RETURNING announcement_id"
        return {row[0] for row in self._connection.execute(query, (list(announcement_ids),)).fetchall()}
