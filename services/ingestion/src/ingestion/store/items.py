"""What came in: items with their revisions, photos and originals, and what could not be read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from chassis.errors import Conflict

MOST_LOOKS = 5
"""How often we ask whether a photo has changed: after ten minutes, then after three times as long each time, for most of a day."""
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
class NewOriginal:
    """The row of an original whose bytes lie in the private bucket."""

    key: str
    media_type: str
    original_url: str
    note: Mapping[str, Any]
    size_bytes: int


@dataclass(frozen=True)
class Sender:
    """A source that pushes and says itself what it is called."""

    source_name: str
    source_url: str
    every_s: int
    quiet_after_s: int


class SourcePaused(Conflict):
    """Nothing is taken from a source that somebody paused."""

    title = "The source is paused"
    slug = "source-paused"


class SourceNotPushed(Conflict):
    """Nobody pushes for a source that we visit, or that has a door of its own."""

    title = "Nothing is pushed for this source"
    slug = "source-not-pushed"


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
class Look:
    """A photo that may have changed at its address, with the item that it is of."""

    source_id: str
    external_id: str
    raw_id: int
    photo: Photo


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


KEEP_ORIGINAL = """
INSERT INTO raw (source_id, key, media_type, url, note, size_bytes)
VALUES (%(source_id)s, %(key)s, %(media_type)s, %(original_url)s, %(note)s, %(size_bytes)s)
ON CONFLICT (source_id, key) DO UPDATE SET came_at = now(), url = excluded.url, note = excluded.note RETURNING raw_id
"""
SAVE_ITEM = """
INSERT INTO item (source_id, external_id, story_id, fingerprint, form_hash, headline, url, missing, raw_id, raw_key, try_again_at)
SELECT %(source_id)s, %(external_id)s, %(story_id)s, %(fingerprint)s, %(form_hash)s, %(headline)s, %(url)s, %(missing)s, raw_id, %(key)s,
       CASE WHEN %(missing)s > 0 THEN now() + interval '2 minutes' END
FROM kept
ON CONFLICT (source_id, external_id) DO UPDATE
SET revision = item.revision + 1, fingerprint = excluded.fingerprint, form_hash = excluded.form_hash,
    headline = excluded.headline, url = excluded.url, missing = excluded.missing, tries = 0,
    raw_id = excluded.raw_id, raw_key = excluded.raw_key, received_at = now(), withdrawn_at = NULL,
    try_again_at = excluded.try_again_at
WHERE item.fingerprint <> excluded.fingerprint OR item.withdrawn_at IS NOT NULL
RETURNING revision
"""
SAVE_PUSHED = f"""
WITH met AS (
    INSERT INTO source (source_id, kind, name, url, every_s, quiet_after_s)
    VALUES (%(source_id)s, 'push', %(source_name)s, %(source_url)s, %(every_s)s, %(quiet_after_s)s) ON CONFLICT DO NOTHING),
kept AS ({KEEP_ORIGINAL})
{SAVE_ITEM}, (SELECT state FROM source WHERE source.source_id = %(source_id)s),
    (SELECT kind FROM source WHERE source.source_id = %(source_id)s)
"""  # noqa: S608 - our own words


class Items:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, item: Written, raw_id: int, raw_key: str) -> int | None:
        """The item's new revision; None where this content is what we have already."""
        row = self._connection.execute(
            "WITH kept AS (SELECT %(raw_id)s::bigint AS raw_id)" + SAVE_ITEM,
            {**vars(item), "raw_id": raw_id, "key": raw_key},
        ).fetchone()
        return int(row[0]) if row else None

    def save_pushed(self, item: Written, original: NewOriginal, sender: Sender) -> int | None:
        """The same together with its original's row and, where it is the first of its source, the source's.

        Raises:
            SourcePaused: somebody paused the source.
            SourceNotPushed: its stories come in another way.

        """
        row = self._connection.execute(
            SAVE_PUSHED, {**vars(item), **vars(original), **vars(sender), "note": Jsonb(dict(original.note))}
        ).fetchone()
        if row and row[1] == "paused":
            raise SourcePaused(f"source {item.source_id!r} is paused; PUT /sources/{item.source_id}/state resumes it")
        if row and row[2] not in (None, "push"):
            raise SourceNotPushed(
                f"source {item.source_id!r} is of kind {row[2]}; choose a source_id of your own",
                fields=(("/body/source/source_id", f"is that of a source of kind {row[2]}"),),
            )
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

    def save(self, source_id: str, original: NewOriginal) -> int:
        """Its number; the same bytes of the same source are one original."""
        values = {**vars(original), "source_id": source_id, "note": Jsonb(dict(original.note))}
        row = self._connection.execute(KEEP_ORIGINAL, values).fetchone()
        assert row is not None  # noqa: S101 - RETURNING of an upsert
        return int(row[0])

    def get(self, raw_id: int) -> Original | None:
        with self._connection.cursor(row_factory=class_row(Original)) as cursor:
            return cursor.execute("SELECT * FROM raw WHERE raw_id = %s", (raw_id,)).fetchone()

    def forget_replaced(self, days: int, limit: int) -> int:
        """Forget old ones that are no item's newest original and no trouble's; at most so many, the oldest first. Returns how many.

        Their bytes are then no row's any more, and `depesha storage orphans --delete` collects them.
        """
        return self._connection.execute(
            """
            DELETE FROM raw WHERE raw_id IN (
                SELECT raw_id FROM raw WHERE came_at < now() - make_interval(days => %s)
                    AND NOT EXISTS (SELECT FROM item WHERE item.raw_id = raw.raw_id)
                    AND NOT EXISTS (SELECT FROM trouble WHERE trouble.raw_id = raw.raw_id)
                ORDER BY came_at LIMIT %s)
            """,
            (days, limit),
        ).rowcount


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
            INSERT INTO photo (story_id, place, hash, content_type, size_bytes, etag, last_modified, look_at)
            VALUES (%(story_id)s, %(place)s, %(hash)s, %(content_type)s, %(size_bytes)s, %(etag)s, %(last_modified)s,
                    CASE WHEN %(place)s LIKE 'http%%' AND %(etag)s || %(last_modified)s <> '' THEN now() + interval '10 minutes' END)
            ON CONFLICT (story_id, place) DO UPDATE SET hash = excluded.hash, content_type = excluded.content_type,
                size_bytes = excluded.size_bytes, etag = excluded.etag, last_modified = excluded.last_modified, fetched_at = now(),
                looks = 0, look_at = excluded.look_at
            WHERE photo.hash <> excluded.hash OR photo.etag <> excluded.etag OR photo.last_modified <> excluded.last_modified
            """,
            rows,
        )

    def claim_looks(self, limit: int) -> list[Look]:
        """Those of which it is time to ask whether they changed; each is put off in the same breath."""
        rows = self._connection.execute(
            """
            WITH due AS (
                UPDATE photo SET looks = looks + 1, look_at = CASE WHEN looks + 1 < %s THEN now() + interval '10 minutes' * power(3, looks + 1) END
                WHERE (story_id, place) IN (
                    SELECT story_id, place FROM photo WHERE look_at <= now() ORDER BY look_at LIMIT %s FOR UPDATE SKIP LOCKED)
                RETURNING *)
            SELECT source_id, external_id, raw_id, place, hash, content_type, size_bytes, etag, last_modified
            FROM due JOIN item USING (story_id)
            WHERE item.withdrawn_at IS NULL AND item.raw_id IS NOT NULL AND fetched_at > now() - interval '2 days'
            """,
            (MOST_LOOKS, limit),
        ).fetchall()
        return [Look(row[0], row[1], row[2], Photo(*row[3:])) for row in rows]


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
