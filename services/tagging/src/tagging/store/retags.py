"""Archives that are tagged again: how far they are, and which stories come next."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql

from contracts.content import StoryContent

LANES = 8
"""So many chains of events tag an archive at once."""
COLUMNS = sql.SQL("retag_id, ordered_by, since, until, total, done, changed, ordered_at, stopped_at, finished_at")


class Retag(NamedTuple):
    retag_id: UUID
    ordered_by: str
    since: date
    until: date
    total: int
    done: int
    changed: int
    ordered_at: datetime
    stopped_at: datetime | None
    finished_at: datetime | None


class ArchivedStory(NamedTuple):
    story_id: UUID
    revision: int
    content: StoryContent
    dated: date


class Retags:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, retag_id: UUID, by: str, since: date, until: date) -> Retag:
        """Ends at once where no story lies between the two days, both of which count."""
        row = self._connection.execute(
            sql.SQL("""
            INSERT INTO retag (retag_id, ordered_by, since, until, total, lanes_left, finished_at)
            SELECT %(id)s, %(by)s, %(since)s, %(until)s, count(*), CASE WHEN count(*) = 0 THEN 0 ELSE %(lanes)s END,
                   CASE WHEN count(*) = 0 THEN now() END
            FROM story WHERE dated BETWEEN %(since)s AND %(until)s
            RETURNING {COLUMNS}
            """).format(COLUMNS=COLUMNS),
            {"id": retag_id, "by": by, "since": since, "until": until, "lanes": LANES},
        ).fetchone()
        assert row is not None  # noqa: S101 - RETURNING
        return Retag(*row)

    def get(self, retag_id: UUID) -> Retag | None:
        row = self._connection.execute(
            sql.SQL("SELECT {COLUMNS} FROM retag WHERE retag_id = %s").format(COLUMNS=COLUMNS), (retag_id,)
        ).fetchone()
        return Retag(*row) if row else None

    def newest(self, limit: int) -> list[Retag]:
        rows = self._connection.execute(
            sql.SQL("SELECT {COLUMNS} FROM retag ORDER BY ordered_at DESC LIMIT %s").format(COLUMNS=COLUMNS), (limit,)
        )
        return [Retag(*row) for row in rows]

    def stop(self, retag_id: UUID) -> None:
        self._connection.execute(
            "UPDATE retag SET stopped_at = coalesce(stopped_at, now()) WHERE retag_id = %s AND finished_at IS NULL",
            (retag_id,),
        )

    def count(self, retag_id: UUID, done: int, changed: int, *, lane_ends: bool) -> None:
        """Stories that came in after the order are tagged, too: the total grows with them."""
        self._connection.execute(
            """
            UPDATE retag SET done = done + %(done)s, changed = changed + %(changed)s, total = greatest(total, done + %(done)s),
                lanes_left = lanes_left - %(ends)s, finished_at = CASE WHEN lanes_left - %(ends)s = 0 THEN now() END
            WHERE retag_id = %(id)s
            """,
            {"id": retag_id, "done": done, "changed": changed, "ends": int(lane_ends)},
        )

    def next_stories(self, retag: Retag, lane: int, after: UUID | None, limit: int) -> list[ArchivedStory]:
        rows = self._connection.execute(
            """
            SELECT story_id, revision, content, dated FROM story
            WHERE dated BETWEEN %(since)s AND %(until)s AND abs(hashtext(story_id::text)) %% %(lanes)s = %(lane)s
              AND (%(after)s::uuid IS NULL OR story_id > %(after)s)
            ORDER BY story_id LIMIT %(limit)s
            """,
            {
                "since": retag.since,
                "until": retag.until,
                "lanes": LANES,
                "lane": lane,
                "after": after,
                "limit": limit,
            },
        )
        return [ArchivedStory(row[0], row[1], StoryContent.model_validate(row[2]), row[3]) for row in rows]
