"""Our tables: stories on the site, releases, and the lists to be written again."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from contracts.content import Snapshot
from contracts.events import ReleaseOrdered
from publication.domain.story import Story

COLUMNS = "story_id, version, state, path, snapshot, first_published_at, changed_at, reason"
GET = f"SELECT {COLUMNS} FROM story WHERE story_id = %s"  # noqa: S608 - the columns are ours
GET_LOCKED = f"{GET} FOR UPDATE"
NEWEST = f"SELECT {COLUMNS} FROM story WHERE state = 'live' ORDER BY first_published_at DESC LIMIT %s"  # noqa: S608
NEWEST_OF_RUBRIC = f"SELECT {COLUMNS} FROM story WHERE state = 'live' AND rubrics @> ARRAY[%s] ORDER BY first_published_at DESC LIMIT %s"  # noqa: S608


class Stories:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, story_id: UUID, *, lock: bool = False) -> Story | None:
        row = self._connection.execute(GET_LOCKED if lock else GET, (story_id,)).fetchone()
        return _story(row) if row else None

    def save(self, story: Story) -> None:
        """Keep this version; the path and the day of first publication stay as they were."""
        self._connection.execute(
            """
            INSERT INTO story (story_id, version, state, path, snapshot, rubrics, first_published_at, changed_at, reason)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (story_id) DO UPDATE SET version = excluded.version, state = excluded.state, snapshot = excluded.snapshot,
                rubrics = excluded.rubrics, changed_at = excluded.changed_at, reason = excluded.reason
            WHERE story.version < excluded.version
            """,
            (
                story.story_id,
                story.version,
                story.state,
                story.path,
                Jsonb(story.snapshot.model_dump(mode="json")),
                [rubric.label for rubric in story.snapshot.rubrics],
                story.first_published_at,
                story.changed_at,
                story.reason,
            ),
        )

    def newest(self, limit: int, rubric: str = "") -> list[Story]:
        """Live stories, newest first; all, or those of a rubric."""
        found = (
            self._connection.execute(NEWEST_OF_RUBRIC, (rubric, limit))
            if rubric
            else self._connection.execute(NEWEST, (limit,))
        )
        return [_story(row) for row in found.fetchall()]


class Releases:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, order: ReleaseOrdered, outcome: str) -> None:
        self._connection.execute(
            "INSERT INTO release (release_id, story_id, version, action, ordered_by, ordered_at, outcome) VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (release_id) DO NOTHING",
            (
                order.release_id,
                order.story_id,
                order.version,
                order.action,
                order.ordered_by,
                order.ordered_at,
                outcome,
            ),
        )


class StaleLists:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def mark(self, rubrics: Iterable[str]) -> None:
        """These lists, and the front page, must be written again."""
        for rubric in sorted({"", *rubrics}):
            self._connection.execute(
                "INSERT INTO stale_list (rubric) VALUES (%s) ON CONFLICT (rubric) DO UPDATE SET marked_at = clock_timestamp()",
                (rubric,),
            )

    def all(self) -> list[tuple[str, datetime]]:
        return self._connection.execute("SELECT rubric, marked_at FROM stale_list ORDER BY rubric").fetchall()

    def clear(self, written: Sequence[tuple[str, datetime]]) -> None:
        """Forget those that were not marked again meanwhile."""
        for rubric, marked_at in written:
            self._connection.execute("DELETE FROM stale_list WHERE rubric = %s AND marked_at = %s", (rubric, marked_at))


def _story(row: tuple[object, ...]) -> Story:
    story_id, version, state, path, snapshot, first, changed, reason = row
    return Story(story_id, version, state, path, Snapshot.model_validate(snapshot), first, changed, reason)  # type: ignore[arg-type]
