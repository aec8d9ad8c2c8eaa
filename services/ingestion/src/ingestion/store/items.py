"""What came in: items with their revisions, photos and originals, and what could not be read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

MOST_TRIES = 6
"""How often photos that could not be had are tried again, first after two minutes, then after twice as long each time."""


@dataclass(frozen=True)
class Original:
    """A row about an archived original; its bytes are in the private bucket under `key`."""

    raw_id: int
    source_id: str
    key: str
    media_type: str
    url: str
    note: Mapping[str, Any]
    size_bytes: int
    came_at: datetime


@dataclass(frozen=True)
class Known:
    """What we have of an item."""

    story_id: UUID
    revision: int
    form_hash: str
    is_withdrawn: bool


@dataclass(frozen=True)
class Written:
    """An item as it is to be noted."""

    source_id: str
    external_id: str
    story_id: UUID
    fingerprint: str
    form_hash: str
    headline: str
    url: str
    missing: int


@dataclass(frozen=True)
class Listed:
    """An item as a source's page shows it."""

    external_id: str
    story_id: UUID
    revision: int
    headline: str
    url: str
    missing: int
    first_at: datetime
    received_at: datetime
    withdrawn_at: datetime | None
    raw_id: int | None


@dataclass(frozen=True)
class Photo:
    """A photo that was fetched, under its address or its file's name."""

    place: str
    hash: str
    content_type: str
    size_bytes: int
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class Wrong:
    """What could not be read, and how often it was met."""

    trouble_id: int
    place: str
    reason: str
    raw_id: int | None
    times: int
    first_at: datetime
    last_at: datetime


class Items:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, item: Written, raw_id: int, raw_key: str) -> int | None:
        """The item's new revision; None where this content is what we have already."""
        row = self._connection.execute(
            """
            INSERT INTO item (source_id, external_id, story_id, fingerprint, form_hash, headline, url, missing, raw_id, raw_key, try_again_at)
            VALUES (%(source_id)s, %(external_id)s, %(story_id)s, %(fingerprint)s, %(form_hash)s, %(headline)s, %(url)s, %(missing)s, %(raw_id)s, %(raw_key)s,
                    CASE WHEN %(missing)s > 0 THEN now() + interval '2 minutes' END)
            ON CONFLICT (source_id, external_id) DO UPDATE
            SET revision = item.revision + 1, fingerprint = excluded.fingerprint, form_hash = excluded.form_hash,
                headline = excluded.headline, url = excluded.url, missing = excluded.missing, tries = 0,
                raw_id = excluded.raw_id, raw_key = excluded.raw_key, received_at = now(), withdrawn_at = NULL,
                try_again_at = excluded.try_again_at
            WHERE item.fingerprint <> excluded.fingerprint OR item.withdrawn_at IS NOT NULL
            RETURNING revision
            """,
            {**vars(item), "raw_id": raw_id, "raw_key": raw_key},
        ).fetchone()
        return int(row[0]) if row else None

    def get(self, source_id: str, external_id: str) -> Known | None:
        return self.known(source_id, [external_id]).get(external_id)

    def known(self, source_id: str, external_ids: Sequence[str]) -> dict[str, Known]:
        rows = self._connection.execute(
            "SELECT external_id, story_id, revision, form_hash, withdrawn_at IS NOT NULL FROM item WHERE source_id = %s AND external_id = ANY(%s)",
            (source_id, list(external_ids)),
        ).fetchall()
        return {row[0]: Known(*row[1:]) for row in rows}

    def touch(self, source_id: str, external_id: str, form_hash: str) -> None:
        """The same content in other words of the source, such as a new address of the same photo."""
        self._connection.execute(
            "UPDATE item SET form_hash = %s WHERE source_id = %s AND external_id = %s",
            (form_hash, source_id, external_id),
        )

    def withdraw(self, source_id: str, external_id: str) -> Known | None:
        """The item that is now withdrawn, its revision grown by one; None where it was already, or is unknown."""
        row = self._connection.execute(
            """
            UPDATE item SET withdrawn_at = now(), revision = revision + 1, try_again_at = NULL
            WHERE source_id = %s AND external_id = %s AND withdrawn_at IS NULL RETURNING story_id, revision, form_hash, true
            """,
            (source_id, external_id),
        ).fetchone()
        return Known(*row) if row else None

    def newest(self, source_id: str, limit: int, before: datetime | None) -> Sequence[Listed]:
        """The newest first; `before`: those received earlier."""
        with self._connection.cursor(row_factory=class_row(Listed)) as cursor:
            return cursor.execute(
                """
                SELECT external_id, story_id, revision, headline, url, missing, first_at, received_at, withdrawn_at, raw_id
                FROM item WHERE source_id = %s AND (%s::timestamptz IS NULL OR received_at < %s) ORDER BY received_at DESC, external_id LIMIT %s
                """,
                (source_id, before, before, limit),
            ).fetchall()

    def originals_of(self, source_id: str) -> dict[int, list[str]]:
        """The newest original of each item that the source stands by -> the items."""
        rows = self._connection.execute(
            "SELECT raw_id, array_agg(external_id) FROM item WHERE source_id = %s AND raw_id IS NOT NULL AND withdrawn_at IS NULL GROUP BY 1 ORDER BY 1",
            (source_id,),
        ).fetchall()
        return dict(rows)

    def claim_incomplete(self, limit: int) -> list[tuple[str, str, int]]:
        """(source, item, original) of items whose missing photos are to be tried again; each is put off in the same breath."""
        return self._connection.execute(
            """
            UPDATE item SET tries = tries + 1,
                try_again_at = CASE WHEN tries + 1 < %s THEN now() + interval '2 minutes' * power(2, tries + 1) END
            WHERE (source_id, external_id) IN (
                SELECT source_id, external_id FROM item WHERE try_again_at <= now() ORDER BY try_again_at LIMIT %s FOR UPDATE SKIP LOCKED)
            RETURNING source_id, external_id, raw_id
            """,
            (MOST_TRIES, limit),
        ).fetchall()


class Originals:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(
        self, source_id: str, key: str, media_type: str, url: str, note: Mapping[str, Any], size_bytes: int
    ) -> int:
        """Its number; the same bytes of the same source are one original."""
        row = self._connection.execute(
            """
            INSERT INTO raw (source_id, key, media_type, url, note, size_bytes) VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (source_id, key) DO UPDATE SET came_at = now(), url = excluded.url, note = excluded.note RETURNING raw_id
            """,
            (source_id, key, media_type, url, Jsonb(dict(note)), size_bytes),
        ).fetchone()
        assert row is not None  # noqa: S101 - RETURNING of an upsert
        return int(row[0])

    def get(self, raw_id: int) -> Original | None:
        with self._connection.cursor(row_factory=class_row(Original)) as cursor:
            return cursor.execute("SELECT * FROM raw WHERE raw_id = %s", (raw_id,)).fetchone()


class Photos:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def of(self, story_id: UUID) -> dict[str, Photo]:
        with self._connection.cursor(row_factory=class_row(Photo)) as cursor:
            rows = cursor.execute(
                "SELECT place, hash, content_type, size_bytes, etag, last_modified FROM photo WHERE story_id = %s",
                (story_id,),
            ).fetchall()
        return {row.place: row for row in rows}

    def save(self, story_id: UUID, photos: Iterable[Photo]) -> None:
        rows = [{"story_id": story_id, **vars(photo)} for photo in photos]
        if not rows:
            return
        self._connection.cursor().executemany(
            """
            INSERT INTO photo (story_id, place, hash, content_type, size_bytes, etag, last_modified)
            VALUES (%(story_id)s, %(place)s, %(hash)s, %(content_type)s, %(size_bytes)s, %(etag)s, %(last_modified)s)
            ON CONFLICT (story_id, place) DO UPDATE SET hash = excluded.hash, content_type = excluded.content_type,
                size_bytes = excluded.size_bytes, etag = excluded.etag, last_modified = excluded.last_modified, fetched_at = now()
            """,
            rows,
        )


class Troubles:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def note(self, source_id: str, place: str, reason: str, raw_id: int | None) -> None:
        """The same trouble met again only counts."""
        self._connection.execute(
            """
            INSERT INTO trouble (source_id, place, reason, raw_id) VALUES (%s, %s, %s, %s)
            ON CONFLICT (source_id, md5(place || ' ' || reason))
            DO UPDATE SET times = trouble.times + 1, last_at = now(), raw_id = coalesce(excluded.raw_id, trouble.raw_id)
            """,
            (source_id, place, reason, raw_id),
        )

    def newest(self, source_id: str, limit: int) -> Sequence[Wrong]:
        """Those met last come first."""
        with self._connection.cursor(row_factory=class_row(Wrong)) as cursor:
            return cursor.execute(
                "SELECT trouble_id, place, reason, raw_id, times, first_at, last_at FROM trouble WHERE source_id = %s ORDER BY last_at DESC, trouble_id DESC LIMIT %s",
                (source_id, limit),
            ).fetchall()

    def originals_of(self, source_id: str) -> Sequence[int]:
        """Originals in which something could not be read, the newest first."""
        rows = self._connection.execute(
            "SELECT DISTINCT raw_id FROM trouble WHERE source_id = %s AND raw_id IS NOT NULL ORDER BY raw_id DESC",
            (source_id,),
        ).fetchall()
        return [row[0] for row in rows]

    def forget_old(self, days: int) -> int:
        return self._connection.execute(
            "DELETE FROM trouble WHERE last_at < now() - make_interval(days => %s)", (days,)
        ).rowcount
