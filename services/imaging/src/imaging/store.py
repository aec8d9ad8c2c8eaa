"""Our tables: the photos and their manifests, what editors want of them, their stories, the set of renditions, the key of links."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from contracts.content import Manifest
from imaging.domain.renditions import STANDARD_SET, Rendition
from imaging.domain.wishes import Wanted, Wish, together

Todo = Literal["render", "slow", "again", "smaller"]
"""render: asked for by somebody; slow: a photo too large for the quick road; again: the set has changed; smaller: the second pass."""

SHOWN_HEADLINE = "CASE WHEN edited_revision > 0 THEN edited_headline ELSE headline END"
COLUMNS = "image_id, story_id, original_key, caption, credit, words_revision, version, manifest, alt_text, todo"
GET = f"""
SELECT {COLUMNS}, (SELECT {SHOWN_HEADLINE} FROM story WHERE story.story_id = asset.story_id) FROM asset WHERE image_id = %s
"""  # noqa: S608 - our own columns

SAVE = """
INSERT INTO asset (image_id, story_id, original_key, caption, credit, words_revision, version, manifest, alt_text, todo, refused)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (image_id) DO UPDATE SET original_key = excluded.original_key, caption = excluded.caption, credit = excluded.credit,
    words_revision = excluded.words_revision, version = excluded.version, manifest = excluded.manifest, alt_text = excluded.alt_text,
    todo = excluded.todo, taken_at = NULL, refused = excluded.refused, changed_at = now()
"""

ADD_WISH = """
INSERT INTO wish (image_id, revision, said_by, wanted) VALUES (%s, %s, %s, %s)
ON CONFLICT (image_id, revision, said_by) DO UPDATE SET wanted = excluded.wanted WHERE wish.said_by = 'api'
"""

IS_KILLED = "EXISTS (SELECT FROM story WHERE story.story_id = asset.story_id AND is_killed)"

TAKE = f"""
UPDATE asset SET taken_at = now() WHERE image_id = (
    SELECT image_id FROM asset WHERE todo = ANY(%s) AND (taken_at IS NULL OR taken_at < now() - interval '5 minutes')
        AND (todo = 'render' OR NOT {IS_KILLED})
    ORDER BY array_position(%s, todo), changed_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING image_id
"""  # noqa: S608 - our own columns

NOTE_RECEIVED = """
INSERT INTO story (story_id, headline, headline_revision) VALUES (%s, %s, %s)
ON CONFLICT (story_id) DO UPDATE SET headline = excluded.headline, headline_revision = excluded.headline_revision
WHERE story.headline_revision < excluded.headline_revision
"""
NOTE_EDITED = """
INSERT INTO story (story_id, edited_headline, edited_revision) VALUES (%s, %s, %s)
ON CONFLICT (story_id) DO UPDATE SET edited_headline = excluded.edited_headline, edited_revision = excluded.edited_revision
WHERE story.edited_revision < excluded.edited_revision
"""
KILL = """
INSERT INTO story (story_id, killed_version, is_killed) VALUES (%s, %s, true)
ON CONFLICT (story_id) DO UPDATE SET killed_version = excluded.killed_version, is_killed = true
WHERE story.killed_version < excluded.killed_version
"""

SIMILAR = """
SELECT image_id, story_id, far FROM (
    SELECT image_id, story_id, changed_at, bit_count(look # ('x' || %(hash)s)::bit(64)) AS far
    FROM asset WHERE look IS NOT NULL AND image_id <> %(image_id)s
) near WHERE far <= %(within)s ORDER BY far, changed_at DESC LIMIT 50
"""


@dataclass(frozen=True)
class Asset:
    """A photo as we know it: the source's words, and what editors want beside them. `version` 0: nothing was rendered yet."""

    image_id: UUID
    story_id: UUID
    original_key: str
    caption: str
    credit: str
    words_revision: int
    version: int = 0
    manifest: Manifest | None = None
    alt_text: str = ""
    todo: Todo | None = None
    headline: str = ""
    """The story's, as it stands now."""
    wishes: tuple[Wish, ...] = ()

    @property
    def wanted(self) -> Wanted:
        return together(self.wishes)


class Assets:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, image_id: UUID) -> Asset | None:
        row = self._connection.execute(GET, (image_id,)).fetchone()
        return _asset(row, self.wishes(image_id)) if row else None

    def lock(self, image_id: UUID) -> Asset | None:
        """The same, and nobody else changes the photo or its wishes until the transaction ends, also where there is none yet."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 0))", (image_id,))
        return self.get(image_id)

    def take(self, kinds: Sequence[Todo]) -> Asset | None:
        """The next photo that waits for one of these, in their order; nobody else gets it for five minutes.

        Of a killed story only what somebody asked for since.
        """
        row = self._connection.execute(TAKE, (list(kinds), list(kinds))).fetchone()
        return self.get(row[0]) if row else None

    def wishes(self, image_id: UUID) -> list[Wish]:
        rows = self._connection.execute("SELECT wanted, revision, said_by FROM wish WHERE image_id = %s", (image_id,))
        return [Wish.model_validate({**wanted, "revision": revision, "said_by": by}) for wanted, revision, by in rows]

    def add_wish(self, image_id: UUID, wish: Wish) -> None:
        """Keep a wish, also of a photo that has not come yet. The desk's are never changed."""
        wanted = Jsonb(wish.model_dump(mode="json", exclude={"revision", "said_by"}))
        self._connection.execute(ADD_WISH, (image_id, wish.revision, wish.said_by, wanted))

    def save(self, asset: Asset, refused: str | None = None) -> None:
        self._connection.execute(
            SAVE,
            (
                asset.image_id,
                asset.story_id,
                asset.original_key,
                asset.caption,
                asset.credit,
                asset.words_revision,
                asset.version,
                Jsonb(asset.manifest.model_dump(mode="json")) if asset.manifest else None,
                asset.alt_text,
                asset.todo,
                refused,
            ),
        )

    def render_story_again(self, story_id: UUID) -> int:
        """Have the story's photos rendered soon. Returns how many those are."""
        return self._connection.execute(
            f"UPDATE asset SET todo = 'render', taken_at = NULL WHERE story_id = %s AND version > 0 AND NOT {IS_KILLED}",  # noqa: S608
            (story_id,),
        ).rowcount

    def forget_todo(self, image_id: UUID, version: int) -> None:
        self._connection.execute(
            "UPDATE asset SET todo = NULL, taken_at = NULL WHERE image_id = %s AND version = %s", (image_id, version)
        )

    def similar(self, image_id: UUID, perceptual_hash: str, within: int) -> list[tuple[UUID, UUID, int]]:
        """(image, story, differing bits of 64), nearest first."""
        asked = {"image_id": image_id, "hash": perceptual_hash, "within": within}
        return self._connection.execute(SIMILAR, asked).fetchall()

    def render_all_again(self) -> int:
        """Have every photo rendered again in the background. Returns how many those are."""
        return self._connection.execute(
            "UPDATE asset SET todo = 'again' WHERE manifest IS NOT NULL AND (todo IS NULL OR todo = 'smaller')"
        ).rowcount


def _asset(row: tuple, wishes: list[Wish]) -> Asset:  # type: ignore[type-arg] # a row of GET
    return Asset(
        image_id=row[0],
        story_id=row[1],
        original_key=row[2],
        caption=row[3],
        credit=row[4],
        words_revision=row[5],
        version=row[6],
        manifest=Manifest.model_validate(row[7]) if row[7] else None,
        alt_text=row[8],
        todo=row[9],
        headline=row[10] or "",
        wishes=tuple(wishes),
    )


class Stories:
    """What we know of stories. A row may come with any of their events."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def note_headline(self, story_id: UUID, headline: str, revision: int, *, is_edited: bool) -> bool:
        """Keep the newest headline of the source, or of the desk. Returns whether another one is shown from now on."""
        before = self.headline(story_id)
        self._connection.execute(NOTE_EDITED if is_edited else NOTE_RECEIVED, (story_id, headline, revision))
        return self.headline(story_id) != before

    def headline(self, story_id: UUID, received: str = "", revision: int = 0) -> str:
        """The one that is shown; as it will be once this one of the source is noted, too."""
        row = self._connection.execute(
            "SELECT headline, headline_revision, edited_headline, edited_revision FROM story WHERE story_id = %s",
            (story_id,),
        ).fetchone()
        if row is None or not (row[3] or row[1] >= revision):
            return received
        return str(row[2] if row[3] else row[0])

    def is_killed(self, story_id: UUID) -> bool:
        query = "SELECT FROM story WHERE story_id = %s AND is_killed"
        return self._connection.execute(query, (story_id,)).fetchone() is not None

    def kill(self, story_id: UUID, version: int) -> None:
        """An older kill that comes late changes nothing."""
        self._connection.execute(KILL, (story_id, version))

    def lift_kill(self, story_id: UUID) -> None:
        self._connection.execute("UPDATE story SET is_killed = false WHERE story_id = %s AND is_killed", (story_id,))


class RenditionSets:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def newest(self) -> tuple[Rendition, ...]:
        """The set that ops wrote last; the standard one where nobody did."""
        row = self._connection.execute("SELECT sizes FROM rendition_set ORDER BY version DESC LIMIT 1").fetchone()
        if row is None:
            return STANDARD_SET
        return tuple(
            Rendition(name, width, height, tuple(formats), *with_headline)
            for name, width, height, formats, *with_headline in row[0]
        )

    def add(self, sizes: Sequence[Rendition]) -> None:
        rows = [[size.name, size.width, size.height, size.formats, size.with_headline] for size in sizes]
        self._connection.execute(
            "INSERT INTO rendition_set (version, sizes) SELECT coalesce(max(version), 0) + 1, %s FROM rendition_set",
            (Jsonb(rows),),
        )


def link_keys(connection: psycopg.Connection) -> list[str]:
    """The keys that links may be signed with, the newest first; the first one is made when it is first asked for."""
    newest_first = "SELECT key FROM link_key ORDER BY made_at DESC, key"
    rows = connection.execute(newest_first).fetchall()
    if not rows:
        connection.execute("INSERT INTO link_key SELECT WHERE NOT EXISTS (SELECT FROM link_key)")
        rows = connection.execute(newest_first).fetchall()
    return [row[0] for row in rows]
