"""What the other services told about stories. Each fact may come before its story, late, or twice; the newest one stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from contracts.content import Box, Manifest, RubricProposal, TagProposal
from contracts.events import (
    ChannelChanged,
    DeliveryChanged,
    ImageProcessed,
    ImageRejected,
    StoryTagged,
    StoryWithdrawnAtSource,
)
from desk.domain.photos import ImageFact


@dataclass(frozen=True)
class Proposals:
    revision: int
    tags: tuple[TagProposal, ...]
    rubrics: tuple[RubricProposal, ...]


@dataclass(frozen=True)
class Site:
    """How far the newest version has got at one downstream site."""

    endpoint_id: UUID
    endpoint_name: str
    version: int
    state: str
    attempts: int
    status_code: int | None
    detail: str
    next_attempt_at: datetime | None
    sequence: int
    changed_at: datetime


@dataclass(frozen=True)
class ChannelPost:
    channel: str
    version: int
    state: str
    url: str
    detail: str
    changed_at: datetime


@dataclass(frozen=True)
class Used:
    """A photo of another story that looks like one at hand. `url`: a small picture of it."""

    story_id: UUID
    headline: str
    url: str
    is_duplicate: bool


class Facts:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save_manifest(self, event: ImageProcessed) -> bool:
        """Keep the manifest. False: this one or a newer one is here already."""
        manifest = event.manifest
        return (
            self._connection.execute(
                """
                INSERT INTO image (image_id, story_id, version, manifest, perceptual_hash) VALUES (%s, %s, %s, %s, %s)
                ON CONFLICT (image_id) DO UPDATE SET version = excluded.version, manifest = excluded.manifest,
                    perceptual_hash = excluded.perceptual_hash, rejected = '', detail = ''
                WHERE image.version < excluded.version
                """,
                (
                    event.image_id,
                    event.story_id,
                    manifest.version,
                    Jsonb(manifest.model_dump(mode="json")),
                    manifest.perceptual_hash,
                ),
            ).rowcount
            == 1
        )

    def save_rejection(self, event: ImageRejected) -> bool:
        """Keep why a photo was refused. A photo that was rendered once keeps its renditions."""
        return (
            self._connection.execute(
                """
                INSERT INTO image (image_id, story_id, rejected, detail) VALUES (%s, %s, %s, %s)
                ON CONFLICT (image_id) DO UPDATE SET rejected = excluded.rejected, detail = excluded.detail
                WHERE image.manifest IS NULL AND (image.rejected, image.detail) <> (excluded.rejected, excluded.detail)
                """,
                (event.image_id, event.story_id, event.reason, event.detail),
            ).rowcount
            == 1
        )

    def images(self, story_id: UUID) -> dict[UUID, ImageFact]:
        rows = self._connection.execute(
            "SELECT image_id, manifest, rejected, detail, focus_revision FROM image WHERE story_id = %s", (story_id,)
        ).fetchall()
        return {
            row[0]: ImageFact(row[0], Manifest.model_validate(row[1]) if row[1] else None, row[2], row[3], row[4])
            for row in rows
        }

    def hand_crops(self, image_id: UUID) -> dict[str, list[float]]:
        """Rendition name -> [x, y, width, height] of crops that an editor drew."""
        row = self._connection.execute("SELECT hand_crops FROM image WHERE image_id = %s", (image_id,)).fetchone()
        return dict(row[0]) if row else {}

    def drawn_crops(self, image_id: UUID) -> dict[str, Box | None]:
        """All crops that an editor drew: each move of the focus tells all of them, since moves may overtake each other."""
        names = ("x", "y", "width", "height")
        return {name: Box(**dict(zip(names, box, strict=True))) for name, box in self.hand_crops(image_id).items()}

    def save_hand_crops(self, image_id: UUID, crops: Mapping[str, Box | None]) -> None:
        drawn = {name: [box.x, box.y, box.width, box.height] if box else None for name, box in crops.items()}
        self._connection.execute(
            "UPDATE image SET hand_crops = jsonb_strip_nulls(hand_crops || %s) WHERE image_id = %s",
            (Jsonb(drawn), image_id),
        )

    def next_focus_revision(self, image_id: UUID) -> int:
        """The number for the next move of a photo's focus."""
        row = self._connection.execute(
            "UPDATE image SET focus_revision = focus_revision + 1 WHERE image_id = %s RETURNING focus_revision",
            (image_id,),
        ).fetchone()
        return row[0] if row else 1

    def save_proposals(self, event: StoryTagged) -> bool:
        """Keep the proposals for the newest revision. False: they are for an older one."""
        return (
            self._connection.execute(
                """
                INSERT INTO proposal (story_id, revision, tags, rubrics) VALUES (%s, %s, %s, %s)
                ON CONFLICT (story_id) DO UPDATE SET revision = excluded.revision, tags = excluded.tags, rubrics = excluded.rubrics
                WHERE proposal.revision <= excluded.revision
                """,
                (
                    event.story_id,
                    event.revision,
                    Jsonb([one.model_dump(mode="json") for one in event.tags]),
                    Jsonb([one.model_dump(mode="json") for one in event.rubrics]),
                ),
            ).rowcount
            == 1
        )

    def proposals(self, story_id: UUID) -> Proposals | None:
        row = self._connection.execute(
            "SELECT revision, tags, rubrics FROM proposal WHERE story_id = %s", (story_id,)
        ).fetchone()
        if row is None:
            return None
        return Proposals(
            row[0],
            tuple(TagProposal.model_validate(one) for one in row[1]),
            tuple(RubricProposal.model_validate(one) for one in row[2]),
        )

    def save_withdrawal(self, event: StoryWithdrawnAtSource) -> bool:
        return (
            self._connection.execute(
                """
                INSERT INTO withdrawal (story_id, revision, reason, noticed_at) VALUES (%s, %s, %s, %s)
                ON CONFLICT (story_id) DO UPDATE SET revision = excluded.revision, reason = excluded.reason, noticed_at = excluded.noticed_at
                WHERE withdrawal.revision < excluded.revision
                """,
                (event.story_id, event.revision, event.reason, event.noticed_at),
            ).rowcount
            == 1
        )

    def save_site(self, event: DeliveryChanged) -> bool:
        """Keep how one site stands. False: something newer is known of it."""
        return (
            self._connection.execute(
                """
                INSERT INTO site (story_id, endpoint_id, endpoint_name, version, state, attempts, status_code, detail,
                                  next_attempt_at, delivered, total, sequence, changed_at)
                VALUES (%(story_id)s, %(endpoint_id)s, %(endpoint_name)s, %(version)s, %(state)s, %(attempts)s, %(status_code)s, %(detail)s,
                        %(next_attempt_at)s, %(delivered)s, %(total)s, %(sequence)s, %(changed_at)s)
                ON CONFLICT (story_id, endpoint_id) DO UPDATE SET endpoint_name = excluded.endpoint_name, version = excluded.version,
                    state = excluded.state, attempts = excluded.attempts, status_code = excluded.status_code, detail = excluded.detail,
                    next_attempt_at = excluded.next_attempt_at, delivered = excluded.delivered, total = excluded.total,
                    sequence = excluded.sequence, changed_at = excluded.changed_at
                WHERE site.sequence < excluded.sequence
                """,
                event.model_dump(),
            ).rowcount
            == 1
        )

    def sites(self, story_id: UUID) -> Sequence[Site]:
        with self._connection.cursor(row_factory=class_row(Site)) as cursor:
            return cursor.execute(
                "SELECT endpoint_id, endpoint_name, version, state, attempts, status_code, detail, next_attempt_at, sequence, changed_at FROM site WHERE story_id = %s ORDER BY endpoint_name",
                (story_id,),
            ).fetchall()

    def save_channel_post(self, event: ChannelChanged) -> bool:
        return (
            self._connection.execute(
                """
                INSERT INTO channel_post (story_id, channel, version, state, url, detail, changed_at) VALUES (%s, %s, %s, %s, %s, %s, %s)
                ON CONFLICT (story_id, channel) DO UPDATE SET version = excluded.version, state = excluded.state,
                    url = excluded.url, detail = excluded.detail, changed_at = excluded.changed_at
                WHERE (channel_post.version, channel_post.changed_at) < (excluded.version, excluded.changed_at)
                """,
                (
                    event.story_id,
                    event.channel,
                    event.version,
                    event.state,
                    event.url,
                    event.detail,
                    event.changed_at,
                ),
            ).rowcount
            == 1
        )

    def channel_posts(self, story_id: UUID) -> Sequence[ChannelPost]:
        with self._connection.cursor(row_factory=class_row(ChannelPost)) as cursor:
            return cursor.execute(
                "SELECT channel, version, state, url, detail, changed_at FROM channel_post WHERE story_id = %s ORDER BY channel",
                (story_id,),
            ).fetchall()

    def used_before(self, near: Mapping[UUID, bool], story_id: UUID, limit: int = 8) -> list[Used]:
        """Those of the photos `near` (photo -> whether it is the same one) that other stories have, in their order."""
        rows = self._connection.execute(
            """
            SELECT i.image_id, i.story_id, s.headline,
                   (SELECT r->>'url' FROM jsonb_array_elements(i.manifest->'renditions') r
                    WHERE r->>'name' = 'w320' AND r->>'content_type' = 'image/jpeg' LIMIT 1) AS url
            FROM image i JOIN story s ON s.story_id = i.story_id
            WHERE i.image_id = ANY(%s) AND i.story_id <> %s AND i.manifest IS NOT NULL
            ORDER BY array_position(%s, i.image_id) LIMIT %s
            """,
            (list(near), story_id, list(near), limit),
        ).fetchall()
        return [Used(row[1], row[2], row[3] or "", near[row[0]]) for row in rows]
