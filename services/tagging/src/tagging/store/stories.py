"""Stories' texts, what was proposed for them, what editors thought of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from contracts.content import RubricProposal, StoryContent, Tag, TagProposal
from contracts.events import StoryTagged, TagsReviewed
from tagging.domain.choice import Key, Verdict, key_of, wears
from tagging.domain.ranking import acceptance
from tagging.domain.words import folded


class Example(NamedTuple):
    """A proposal that an editor judged: what it was weighed by, and whether the story wore it."""

    features: dict[str, float]
    is_kept: bool


class Filed(NamedTuple):
    """A published story and the rubrics that an editor filed it under, and what is proposed for it now."""

    story_id: UUID
    content: StoryContent
    rubrics: tuple[str, ...]
    reviewed_at: datetime


class Stories:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, story_id: UUID, revision: int, content: StoryContent, dated: date) -> None:
        """Keep the newest text; the story's day is that of its first."""
        self._connection.execute(
            """
            INSERT INTO story (story_id, revision, content, dated) VALUES (%s, %s, %s, %s)
            ON CONFLICT (story_id) DO UPDATE SET revision = excluded.revision, content = excluded.content,
                dated = least(story.dated, excluded.dated)
            WHERE story.revision <= excluded.revision
            """,
            (story_id, revision, Jsonb(content.model_dump(mode="json")), dated),
        )

    def day(self, story_id: UUID) -> date | None:
        row = self._connection.execute("SELECT dated FROM story WHERE story_id = %s", (story_id,)).fetchone()
        return row[0] if row else None


class Suggestions:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, event: StoryTagged, candidates: Sequence[tuple[Tag, Mapping[str, float]]] = ()) -> bool:
        """False: a newer revision was tagged already. What a judged story was weighed by stays as the editor met it."""
        values = [Jsonb([one.model_dump(mode="json") for one in part]) for part in (event.tags, event.rubrics)]
        weighed = Jsonb([{"tag": tag.model_dump(mode="json"), "features": dict(found)} for tag, found in candidates])
        return (
            self._connection.execute(
                """
                INSERT INTO suggestion (story_id, revision, tags, rubrics, candidates) VALUES (%s, %s, %s, %s, %s)
                ON CONFLICT (story_id) DO UPDATE SET revision = excluded.revision, tags = excluded.tags, rubrics = excluded.rubrics,
                    made_at = now(),
                    candidates = CASE WHEN EXISTS (SELECT 1 FROM feedback WHERE story_id = excluded.story_id)
                                 THEN suggestion.candidates ELSE excluded.candidates END
                WHERE suggestion.revision <= excluded.revision
                """,
                (event.story_id, event.revision, *values, weighed),
            ).rowcount
            == 1
        )

    def revision(self, story_id: UUID) -> int:
        row = self._connection.execute("SELECT revision FROM suggestion WHERE story_id = %s", (story_id,)).fetchone()
        return row[0] if row else 0

    def get(self, story_id: UUID) -> tuple[tuple[TagProposal, ...], tuple[RubricProposal, ...]] | None:
        row = self._connection.execute(
            "SELECT tags, rubrics FROM suggestion WHERE story_id = %s", (story_id,)
        ).fetchone()
        if row is None:
            return None
        return tuple(map(TagProposal.model_validate, row[0])), tuple(map(RubricProposal.model_validate, row[1]))


class Feedback:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, event: TagsReviewed) -> None:
        """Keep the newest verdict on a story; what the one before it said of each tag no longer counts."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 6))", (str(event.story_id),))
        before = self._newest(event.story_id)
        if before and (before["revision"], before["reviewed_at"]) >= (event.revision, event.reviewed_at):
            return
        parts = {
            name: [one.model_dump(mode="json") for one in getattr(event, name)]
            for name in ("kept", "removed", "added", "rubrics")
        }
        self._connection.execute(
            """
            INSERT INTO feedback (story_id, revision, kept, removed, added, rubrics, reviewed_at) VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (story_id) DO UPDATE SET revision = excluded.revision, kept = excluded.kept, removed = excluded.removed,
                added = excluded.added, rubrics = excluded.rubrics, reviewed_at = excluded.reviewed_at
            """,
            (event.story_id, event.revision, *map(Jsonb, parts.values()), event.reviewed_at),
        )
        if before:
            self._count([*before["kept"], *before["added"]], before["removed"], -1)
        self._count([*event.kept, *event.added], event.removed, 1)

    def _newest(self, story_id: UUID) -> dict[str, Any] | None:
        row = self._connection.execute(
            "SELECT revision, reviewed_at, kept, added, removed FROM feedback WHERE story_id = %s", (story_id,)
        ).fetchone()
        if row is None:
            return None
        kept, added, removed = (list(map(Tag.model_validate, part)) for part in row[2:])
        return {"revision": row[0], "reviewed_at": row[1], "kept": kept, "added": added, "removed": removed}

    def _count(self, kept: Iterable[Tag], removed: Iterable[Tag], by: int) -> None:
        rows = {key_of(tag): (tag, by, 0) for tag in kept} | {key_of(tag): (tag, 0, by) for tag in removed}
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO usage AS old (kind, key, label, folded, concept_id, kept, removed) VALUES (%s, %s, %s, %s, %s, %s, %s)
                ON CONFLICT (kind, key) DO UPDATE SET kept = old.kept + excluded.kept, removed = old.removed + excluded.removed
                """,
                [
                    (*key, tag.label, folded(tag.label), tag.concept_id, kept, removed)
                    for key, (tag, kept, removed) in sorted(
                        rows.items()
                    )  # always in one order: no two wait for each other
                ],
            )

    def verdict(self, story_id: UUID) -> Verdict | None:
        """None: no editor has reviewed the story's tags yet."""
        row = self._connection.execute(
            "SELECT removed, kept || added FROM feedback WHERE story_id = %s", (story_id,)
        ).fetchone()
        return Verdict(*(tuple(map(Tag.model_validate, part)) for part in row)) if row else None

    def acceptance(self, keys: Sequence[Key]) -> dict[Key, float]:
        """What editors thought of tags on all stories (ranking.acceptance)."""
        rows = self._connection.execute(
            """
            SELECT kind, key, kept, removed FROM usage
            JOIN unnest(%s::text[], %s::text[]) AS wanted (kind, key) USING (kind, key)
            """,
            ([kind for kind, _ in keys], [key for _, key in keys]),
        )
        return {(row[0], row[1]): acceptance(row[2], row[3]) for row in rows}

    def examples(self, limit: int) -> list[Example]:
        """Of the newest reviewed stories, all proposals, and whether the story wore them."""
        rows = self._connection.execute(
            """
            SELECT candidates, kept || added FROM feedback JOIN suggestion USING (story_id)
            ORDER BY reviewed_at DESC, story_id LIMIT %s
            """,
            (limit,),
        )
        found = []
        for candidates, worn in rows:
            chosen = list(map(Tag.model_validate, worn))
            found += [Example(one["features"], wears(chosen, Tag.model_validate(one["tag"]))) for one in candidates]
        return found

    def state(self) -> tuple[int, datetime | None]:
        """How many stories were reviewed, and when the last."""
        row = self._connection.execute("SELECT count(*), max(reviewed_at) FROM feedback").fetchone()
        return (row[0], row[1]) if row else (0, None)

    def filed(self, limit: int) -> list[Filed]:
        """The newest stories that went out under rubrics, oldest first."""
        rows = self._connection.execute(
            """
            SELECT story_id, content, feedback.rubrics, reviewed_at FROM feedback JOIN story USING (story_id)
            WHERE feedback.rubrics <> '[]' ORDER BY reviewed_at DESC, story_id LIMIT %s
            """,
            (limit,),
        ).fetchall()
        return [
            Filed(row[0], StoryContent.model_validate(row[1]), tuple(one["label"] for one in row[2]), row[3])
            for row in reversed(rows)
        ]
