"""Our tables: the photos and their manifests, what is still to be done for them, the set of renditions, the key of links."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from contracts.content import Box, Manifest, Point, UsageRights
from imaging.domain.renditions import STANDARD_SET, Rendition

Todo = Literal["render", "slow", "again", "smaller"]
"""render: asked for by somebody; slow: a photo too large for the quick road; again: the set has changed; smaller: the second pass."""

COLUMNS = """image_id, story_id, original_key, caption, credit, words_revision, focal_point, crops, focus_revision, version, manifest,
    alt_text, rights, todo"""
GET = f"SELECT {COLUMNS} FROM asset WHERE image_id = %s"  # noqa: S608 - our own columns
GET_LOCKED = f"{GET} FOR UPDATE"

SAVE = """
INSERT INTO asset (image_id, story_id, original_key, caption, credit, words_revision, focal_point, crops, focus_revision, version, manifest,
    alt_text, rights, todo, refused)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (image_id) DO UPDATE SET original_key = excluded.original_key, caption = excluded.caption, credit = excluded.credit,
    words_revision = excluded.words_revision, focal_point = excluded.focal_point, crops = excluded.crops,
    focus_revision = excluded.focus_revision, version = excluded.version, manifest = excluded.manifest, alt_text = excluded.alt_text,
    rights = excluded.rights, todo = excluded.todo, taken_at = NULL, refused = excluded.refused, changed_at = now()
"""

TAKE = f"""
UPDATE asset SET taken_at = now() WHERE image_id = (
    SELECT image_id FROM asset WHERE todo = ANY(%s) AND (taken_at IS NULL OR taken_at < now() - interval '5 minutes')
    ORDER BY array_position(%s, todo), changed_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {COLUMNS}
"""  # noqa: S608 - our own columns

SIMILAR = """
SELECT image_id, story_id, far FROM (
    SELECT image_id, story_id, changed_at, bit_count(('x' || (manifest->>'perceptual_hash'))::bit(64) # ('x' || %(hash)s)::bit(64)) AS far
    FROM asset WHERE manifest->>'perceptual_hash' ~ '^[0-9a-f]{16}$' AND image_id <> %(image_id)s
) near WHERE far <= %(within)s ORDER BY far, changed_at DESC LIMIT 50
"""


@dataclass(frozen=True)
class Asset:
    """A photo as we know it. `version` 0: nothing was rendered yet."""

    image_id: UUID
    story_id: UUID
    original_key: str
    caption: str
    credit: str
    words_revision: int
    focal_point: Point | None = None
    crops: dict[str, Box] = field(default_factory=dict)
    focus_revision: int = 0
    version: int = 0
    manifest: Manifest | None = None
    alt_text: str = ""
    rights: UsageRights | None = None
    todo: Todo | None = None


class Assets:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, image_id: UUID, *, lock: bool = False) -> Asset | None:
        row = self._connection.execute(GET_LOCKED if lock else GET, (image_id,)).fetchone()
        return _asset(row) if row else None

    def take(self, kinds: Sequence[Todo]) -> Asset | None:
        """The next photo that waits for one of these, in their order; nobody else gets it for five minutes."""
        row = self._connection.execute(TAKE, (list(kinds), list(kinds))).fetchone()
        return _asset(row) if row else None

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
                Jsonb(asset.focal_point.model_dump()) if asset.focal_point else None,
                Jsonb({name: box.model_dump() for name, box in asset.crops.items()}),
                asset.focus_revision,
                asset.version,
                Jsonb(asset.manifest.model_dump(mode="json")) if asset.manifest else None,
                asset.alt_text,
                Jsonb(asset.rights.model_dump(mode="json")) if asset.rights else None,
                asset.todo,
                refused,
            ),
        )

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


def _asset(row: tuple) -> Asset:  # type: ignore[type-arg] # a row of COLUMNS
    return Asset(
        image_id=row[0],
        story_id=row[1],
        original_key=row[2],
        caption=row[3],
        credit=row[4],
        words_revision=row[5],
        focal_point=Point.model_validate(row[6]) if row[6] else None,
        crops={name: Box.model_validate(box) for name, box in row[7].items()},
        focus_revision=row[8],
        version=row[9],
        manifest=Manifest.model_validate(row[10]) if row[10] else None,
        alt_text=row[11],
        rights=UsageRights.model_validate(row[12]) if row[12] else None,
        todo=row[13],
    )


class RenditionSets:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def newest(self) -> tuple[Rendition, ...]:
        """The set that ops wrote last; the standard one where nobody did."""
        row = self._connection.execute("SELECT sizes FROM rendition_set ORDER BY version DESC LIMIT 1").fetchone()
        if row is None:
            return STANDARD_SET
        return tuple(Rendition(name, width, height, tuple(formats)) for name, width, height, formats in row[0])

    def add(self, sizes: Sequence[Rendition]) -> None:
        rows = [[size.name, size.width, size.height, size.formats] for size in sizes]
        self._connection.execute(
            "INSERT INTO rendition_set (version, sizes) SELECT coalesce(max(version), 0) + 1, %s FROM rendition_set",
            (Jsonb(rows),),
        )


def link_keys(connection: psycopg.Connection) -> list[str]:
    """The keys that links may be signed with, the newest first; the first one is made when it is first asked for."""
    connection.execute("INSERT INTO link_key SELECT WHERE NOT EXISTS (SELECT FROM link_key)")
    return [row[0] for row in connection.execute("SELECT key FROM link_key ORDER BY made_at DESC, key").fetchall()]
