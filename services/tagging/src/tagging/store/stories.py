"""Our tables: proposals by story, and editors' verdicts."""

from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from contracts.content import Tag
from contracts.events import StoryTagged, TagsReviewed


class Verdict(NamedTuple):
    """What an editor threw out of a story, and what is to stay."""

    removed: tuple[Tag, ...]
    pinned: tuple[Tag, ...]


class Suggestions:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, event: StoryTagged) -> bool:
        """False: a newer revision was tagged already."""
        values = [Jsonb([one.model_dump(mode="json") for one in part]) for part in (event.tags, event.rubrics)]
        return (
            self._connection.execute(
                """
                INSERT INTO suggestion (story_id, revision, tags, rubrics) VALUES (%s, %s, %s, %s)
                ON CONFLICT (story_id) DO UPDATE SET revision = excluded.revision, tags = excluded.tags, rubrics = excluded.rubrics, made_at = now()
                WHERE suggestion.revision <= excluded.revision
                """,
                (event.story_id, event.revision, *values),
            ).rowcount
            == 1
        )

    def revision(self, story_id: UUID) -> int:
        row = self._connection.execute("SELECT revision FROM suggestion WHERE story_id = %s", (story_id,)).fetchone()
        return row[0] if row else 0


class Feedback:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, event: TagsReviewed) -> None:
        """Keep the verdict on the newest revision."""
        values = [
            Jsonb([tag.model_dump(mode="json") for tag in part]) for part in (event.kept, event.removed, event.added)
        ]
        self._connection.execute(
            """
            INSERT INTO feedback (story_id, revision, kept, removed, added, reviewed_at) VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (story_id) DO UPDATE SET revision = excluded.revision, kept = excluded.kept, removed = excluded.removed,
                added = excluded.added, reviewed_at = excluded.reviewed_at
            WHERE (feedback.revision, feedback.reviewed_at) <= (excluded.revision, excluded.reviewed_at)
            """,
            (event.story_id, event.revision, *values, event.reviewed_at),
        )

    def verdict(self, story_id: UUID) -> Verdict:
        row = self._connection.execute(
            "SELECT removed, kept || added FROM feedback WHERE story_id = %s", (story_id,)
        ).fetchone()
        return Verdict(*(tuple(map(Tag.model_validate, part)) for part in row)) if row else Verdict((), ())
