"""Stories' texts, what was proposed for them, what editors thought of it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from contracts.content import RubricProposal, StoryContent, Tag, TagProposal
from contracts.events import TagsReviewed
from tagging.domain.choice import Key, Verdict, key_of, label_key, wears
from tagging.domain.propose import Proposals
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

    def save(self, story_id: UUID, revision: int, proposals: Proposals) -> bool:
        """Keep what the machine proposed, whatever an editor said of it: the verdict binds it when it is told.

        False: a newer revision was tagged already. What a judged story was weighed by stays as the editor met it.
        """
        values = [Jsonb([one.model_dump(mode="json") for one in part]) for part in (proposals.tags, proposals.rubrics)]
        weighed = [{"tag": tag.model_dump(mode="json"), "features": dict(found)} for tag, found in proposals.weighed]
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
                (story_id, revision, *values, Jsonb(weighed)),
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
        """Keep the newest verdict on a story, and the newest decision on each tag, in whatever order reviews are heard.

        A tag that was thrown out is not proposed again, so that later reviews say nothing of it: the decision on it stands.
        """
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 6))", (str(event.story_id),))
        before = self.verdict(event.story_id)
        self._decide(event)
        parts = {
            name: [one.model_dump(mode="json") for one in getattr(event, name)]
            for name in ("kept", "removed", "added", "rubrics")
        }
        self._connection.execute(
            """
            INSERT INTO feedback (story_id, revision, kept, removed, added, rubrics, reviewed_at) VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (story_id) DO UPDATE SET revision = excluded.revision, kept = excluded.kept, removed = excluded.removed,
                added = excluded.added, rubrics = excluded.rubrics, reviewed_at = excluded.reviewed_at
            WHERE (feedback.revision, feedback.reviewed_at) < (excluded.revision, excluded.reviewed_at)
            """,
            (event.story_id, event.revision, *map(Jsonb, parts.values()), event.reviewed_at),
        )
        after = self.verdict(event.story_id)
        if after != before:
            self._count(before, -1)
            self._count(after, 1)

    def _decide(self, event: TagsReviewed) -> None:
        said = {label_key(tag): (tag, False) for tag in (*event.kept, *event.added)}
        said |= {label_key(tag): (tag, True) for tag in event.removed}
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO decision (story_id, key, tag, is_removed, revision, reviewed_at) VALUES (%s, %s, %s, %s, %s, %s)
                ON CONFLICT (story_id, key) DO UPDATE SET tag = excluded.tag, is_removed = excluded.is_removed,
                    revision = excluded.revision, reviewed_at = excluded.reviewed_at
                WHERE (decision.revision, decision.reviewed_at) < (excluded.revision, excluded.reviewed_at)
                """,
                [
                    (event.story_id, key, Jsonb(tag.model_dump(mode="json")), is_out, event.revision, event.reviewed_at)
                    for key, (tag, is_out) in said.items()
                ],
            )

    def _count(self, verdict: Verdict | None, by: int) -> None:
        removed, worn = verdict or ((), ())
        rows = {key_of(tag): (tag, by, 0) for tag in worn} | {key_of(tag): (tag, 0, by) for tag in removed}
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
        """What is out and what is to stay. None: no editor has reviewed the story's tags yet."""
        row = self._connection.execute(
            """
            SELECT (SELECT coalesce(jsonb_agg(tag ORDER BY key), '[]') FROM decision d WHERE d.story_id = f.story_id AND is_removed),
                   kept || added
            FROM feedback f WHERE story_id = %s
            """,
            (story_id,),
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
