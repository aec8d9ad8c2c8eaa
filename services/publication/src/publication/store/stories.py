"""Stories as they stand on the sites, and their addresses."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from contracts.content import Snapshot
from publication.domain.story import Story
from publication.store.documents import as_jsonb

COLUMNS = "story_id, version, state, path, snapshot::text, first_published_at, changed_at, reason, first_path, old_paths, sites, rendering"
GET = f"SELECT {COLUMNS} FROM story WHERE story_id = %s"  # noqa: S608 - the columns are ours
GET_MANY = f"SELECT {COLUMNS} FROM story WHERE story_id = ANY(%s)"  # noqa: S608
AFTER = f"SELECT {COLUMNS} FROM story WHERE story_id > %s ORDER BY story_id LIMIT %s"  # noqa: S608
STANDING = f"""
SELECT {COLUMNS}, EXISTS (SELECT FROM kill WHERE kill.story_id = asked.story_id AND lifted_at IS NULL)
FROM (SELECT %s::uuid AS story_id) AS asked LEFT JOIN story USING (story_id)
"""  # noqa: S608
SAVE = """
INSERT INTO story (story_id, version, state, path, snapshot, rubrics, first_published_at, changed_at, reason, first_path, old_paths, sites, media)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (story_id) DO UPDATE SET version = excluded.version, state = excluded.state, snapshot = excluded.snapshot,
    path = excluded.path, old_paths = excluded.old_paths, sites = excluded.sites, media = excluded.media,
    rubrics = excluded.rubrics, changed_at = excluded.changed_at, reason = excluded.reason, rendering = 0
WHERE story.version < excluded.version
RETURNING old.snapshot::text
"""
PAGE_OF_ITEMS = f"""
SELECT {COLUMNS} FROM story
WHERE (%(site)s = '' OR sites @> ARRAY[%(site)s])
  AND (%(before)s::timestamptz IS NULL OR (changed_at, story_id) < (%(before)s, %(before_id)s))
  AND (%(since)s::timestamptz IS NULL OR changed_at >= %(since)s)
  AND (%(language)s = '' OR snapshot->>'language' = %(language)s)
  AND (%(rubric)s = '' OR rubrics @> ARRAY[%(rubric)s])
  AND (%(tag)s = '' OR snapshot->'tags' @> jsonb_build_array(jsonb_build_object('label', %(tag)s::text)))
ORDER BY changed_at DESC, story_id DESC LIMIT %(limit)s
"""  # noqa: S608


class Stories:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, story_id: UUID) -> Story | None:
        row = self._connection.execute(GET, (story_id,)).fetchone()
        return _story(row) if row else None

    def standing(self, story_id: UUID) -> tuple[Story | None, bool]:
        """The story as it stands, and whether it is killed for good."""
        row = self._connection.execute(STANDING, (story_id,)).fetchone()
        assert row is not None  # noqa: S101 - a left join of one row
        *story, is_killed = row
        return (_story(tuple(story)) if story[1] is not None else None), is_killed

    def many(self, story_ids: Sequence[UUID]) -> list[Story]:
        return [_story(row) for row in self._connection.execute(GET_MANY, (list(story_ids),)).fetchall()]

    def after(self, story_id: UUID, limit: int) -> list[Story]:
        return [_story(row) for row in self._connection.execute(AFTER, (story_id, limit)).fetchall()]

    def count(self) -> int:
        row = self._connection.execute("SELECT count(*) FROM story").fetchone()
        return int(row[0]) if row else 0

    def page(self, **wanted: Any) -> list[Story]:  # noqa: ANN401 - the query's parameters
        """Newest change first. `before`, `before_id`: where the last page ended; "" is no filter."""
        return [_story(row) for row in self._connection.execute(PAGE_OF_ITEMS, wanted).fetchall()]

    def settle(self, story: Story) -> tuple[str, datetime]:
        """The story's first path and day of publication: these, or those that another order settled before."""
        row = self._connection.execute(
            "INSERT INTO address (story_id, path, first_published_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (story_id) DO UPDATE SET story_id = excluded.story_id RETURNING path, first_published_at",
            (story.story_id, story.path, story.first_published_at),
        ).fetchone()
        assert row is not None  # noqa: S101 - RETURNING of an upsert
        return row[0], row[1]

    def save(self, story: Story, media: Sequence[str]) -> tuple[bool, Snapshot | None]:
        """Keep this version; the day of first publication stays as it was. From here on others wait for this transaction.

        Returns whether it is the newest (else nothing has changed), and what it replaces if the story is not new.
        """
        given = (
            story.story_id,
            story.version,
            story.state,
            story.path,
            as_jsonb(story.snapshot),
            [rubric.label for rubric in story.snapshot.rubrics],
            story.first_published_at,
            story.changed_at,
            story.reason,
            story.identity,
            list(story.old_paths),
            list(story.sites),
            list(media),
        )
        row = self._connection.execute(SAVE, given).fetchone()
        return row is not None, Snapshot.model_validate_json(row[0]) if row and row[0] else None

    def save_rendering(self, story: Story, media: Sequence[str]) -> bool:
        """Keep better renditions under the same version; False where that is no longer what stands."""
        return bool(
            self._connection.execute(
                "UPDATE story SET snapshot = %s, media = %s, rendering = %s WHERE story_id = %s AND version = %s AND rendering < %s",
                (
                    as_jsonb(story.snapshot),
                    list(media),
                    story.rendering,
                    story.story_id,
                    story.version,
                    story.rendering,
                ),
            ).rowcount
        )

    def retire(self, story_id: UUID, keys: Sequence[str]) -> None:
        """The story no longer shows these files; they lie there until it is killed, for pages that readers hold open."""
        self._connection.execute(
            "UPDATE story SET retired = ARRAY(SELECT DISTINCT unnest(retired || %s::text[])) WHERE story_id = %s",
            (list(keys), story_id),
        )

    def retired(self, story_id: UUID) -> list[str]:
        row = self._connection.execute("SELECT retired FROM story WHERE story_id = %s", (story_id,)).fetchone()
        return list(row[0]) if row else []

    def media_of_others(self, story_id: UUID, media: Sequence[str]) -> set[str]:
        """Which of these marks are of files that other stories show."""
        rows = self._connection.execute(
            "SELECT DISTINCT unnest(media) FROM story WHERE media && %s AND story_id <> %s AND state <> 'killed'",
            (list(media), story_id),
        ).fetchall()
        return {row[0] for row in rows}


def _story(row: tuple[Any, ...]) -> Story:
    story_id, version, state, path, snapshot, first, changed, reason, first_path, old_paths, sites, rendering = row
    return Story(
        story_id,
        version,
        state,
        path,
        Snapshot.model_validate_json(snapshot),
        first,
        changed,
        reason,
        first_path,
        tuple(old_paths),
        tuple(sites),
        rendering,
    )
