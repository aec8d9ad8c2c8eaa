"""Our table: the photos and their manifests."""

from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from contracts.content import Box, Manifest, Point

GET = """
SELECT image_id, story_id, original_key, caption, credit, words_revision, focal_point, crops, focus_revision, version, manifest
FROM asset WHERE image_id = %s
"""
GET_LOCKED = f"{GET} FOR UPDATE"


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


class Assets:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, image_id: UUID, *, lock: bool = False) -> Asset | None:
        row = self._connection.execute(GET_LOCKED if lock else GET, (image_id,)).fetchone()
        if row is None:
            return None
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
        )

    def save(self, asset: Asset, refused: str | None = None) -> None:
        self._connection.execute(
            """
            INSERT INTO asset (image_id, story_id, original_key, caption, credit, words_revision, focal_point, crops, focus_revision, version, manifest, refused)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (image_id) DO UPDATE SET original_key = excluded.original_key, caption = excluded.caption, credit = excluded.credit,
                words_revision = excluded.words_revision, focal_point = excluded.focal_point, crops = excluded.crops,
                focus_revision = excluded.focus_revision, version = excluded.version, manifest = excluded.manifest, refused = excluded.refused, changed_at = now()
            """,
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
                refused,
            ),
        )
