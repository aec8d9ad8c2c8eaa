"""Which story stands where in which list, and what of the lists is stale."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import psycopg

from publication.domain.listings import FRONT, Listing
from publication.domain.outputs import InList
from publication.domain.sitemaps import Line
from publication.domain.story import Story

STAND = """
WITH wanted AS (
    SELECT * FROM unnest(%(sites)s::text[], %(keys)s::text[], %(labels)s::text[]) AS given (site, list, label)
), stood AS (
    SELECT site, list, place, shown FROM listing WHERE story_id = %(story)s
), coming AS (
    INSERT INTO listing (site, list, story_id) SELECT site, list, %(story)s FROM wanted
    ON CONFLICT (story_id, site, list) DO UPDATE SET shown = true WHERE NOT listing.shown
), going AS (
    UPDATE listing l SET shown = false
    WHERE story_id = %(story)s AND shown AND NOT EXISTS (SELECT FROM wanted w WHERE w.site = l.site AND w.list = l.list)
), touched AS (
    SELECT site, list, coalesce(label, '') AS label, place FROM wanted FULL JOIN stood USING (site, list)
    WHERE shown OR label IS NOT NULL
)
INSERT INTO stale_list (site, list, label, place, is_primary)
SELECT site, list, label, place, list = 'front' OR list LIKE 'rubric/%%' FROM touched
UNION ALL SELECT site, 'around', '', place, false FROM touched WHERE list = 'front'
"""


@dataclass(frozen=True)
class Stale:
    """A list that is to be written again, with the archive pages of `places`. `marks` names what said so."""

    site: str
    listing: Listing
    places: Sequence[int]
    marks: Sequence[int]


class Shown(NamedTuple):
    """A story in a list: what is shown of it, and where."""

    story_id: UUID
    version: int
    rendering: int
    place: int


class Lists:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def stand(self, story: Story, wanted: Iterable[tuple[str, Listing]]) -> None:
        """Let the story stand in just these lists of (site, list), and mark those and all that it leaves as stale."""
        sites, keys, labels = [], [], []
        for site, listing in wanted:
            sites.append(site)
            keys.append(listing.key)
            labels.append(listing.label)
        given = {"story": story.story_id, "sites": sites, "keys": keys, "labels": labels}
        self._connection.execute(STAND, given)

    def of_story(self, story_id: UUID) -> list[InList]:
        """Where the story stands or stood; what surrounds the lists counts as one more."""
        rows = self._connection.execute(
            """
            SELECT site, list, shown, EXISTS (SELECT FROM stale_list s WHERE s.site = found.site AND s.list = found.list)
            FROM (
                SELECT site, list, shown FROM listing WHERE story_id = %(story)s
                UNION ALL SELECT site, 'around', shown FROM listing WHERE story_id = %(story)s AND list = 'front'
            ) AS found ORDER BY site, list
            """,
            {"story": story_id},
        ).fetchall()
        return [InList(*row) for row in rows]

    def stale(self, limit: int = 20_000) -> list[Stale]:
        """Each list once, however many releases marked it; `limit`: marks that are looked at."""
        rows = self._connection.execute(
            """
            SELECT site, list, max(label), coalesce(array_agg(DISTINCT place) FILTER (WHERE place IS NOT NULL), '{}'), array_agg(stale_id)
            FROM (SELECT * FROM stale_list ORDER BY NOT is_primary, stale_id LIMIT %s) AS mark GROUP BY site, list
            """,
            (limit,),
        ).fetchall()
        return [Stale(site, Listing(key, label), places, marks) for site, key, label, places, marks in rows]

    def mark_all(self, site: str) -> None:
        """Every list of a site is stale, from its first archive page on."""
        self._connection.execute("UPDATE list SET archived = 0 WHERE site = %s", (site,))
        self._connection.execute(
            "INSERT INTO stale_list (site, list, label, place, is_primary)"
            " SELECT site, key, label, NULL, key = 'front' OR key LIKE 'rubric/%%' FROM list WHERE site = %s",
            (site,),
        )
        self._connection.execute(
            "INSERT INTO stale_list (site, list, label, place, is_primary)"
            " SELECT %s, 'around', '', place, false FROM generate_series(0, (SELECT coalesce(max(place), 0) FROM listing WHERE site = %s AND list = 'front'), 250) AS place",
            (site, site),
        )

    def forget(self, written: Iterable[Stale]) -> None:
        marks = [mark for one in written for mark in one.marks]
        self._connection.execute("DELETE FROM stale_list WHERE stale_id = ANY(%s)", (marks,))

    def next_run(self) -> int:
        row = self._connection.execute("SELECT nextval('list_run')").fetchone()
        assert row is not None  # noqa: S101 - a sequence answers
        return int(row[0])

    def give_places(self, site: str, listing: Listing) -> tuple[str, int, int]:
        """Number the stories that came new to a list. Returns its label, its last place (-1: empty) and the archive pages written."""
        self._connection.execute(
            """
            WITH fresh AS (
                SELECT l.story_id, row_number() OVER (ORDER BY s.first_published_at, l.story_id) AS number
                FROM listing l JOIN story s USING (story_id) WHERE l.site = %(site)s AND l.list = %(key)s AND l.place IS NULL
            ), last AS (
                SELECT coalesce(max(place), -1) AS place FROM listing WHERE site = %(site)s AND list = %(key)s
            )
            UPDATE listing l SET place = last.place + fresh.number FROM fresh, last
            WHERE l.site = %(site)s AND l.list = %(key)s AND l.story_id = fresh.story_id
            """,
            {"site": site, "key": listing.key},
        )
        row = self._connection.execute(
            """
            INSERT INTO list (site, key, label, stories)
            VALUES (%(site)s, %(key)s, %(label)s, coalesce((SELECT max(place) FROM listing WHERE site = %(site)s AND list = %(key)s), -1) + 1)
            ON CONFLICT (site, key) DO UPDATE SET stories = excluded.stories, label = coalesce(nullif(excluded.label, ''), list.label)
            RETURNING label, stories - 1, archived
            """,
            {"site": site, "key": listing.key, "label": listing.label},
        ).fetchone()
        assert row is not None  # noqa: S101 - RETURNING of an upsert without WHERE
        return row[0], row[1], row[2]

    def save_archived(self, site: str, key: str, archived: int) -> None:
        self._connection.execute("UPDATE list SET archived = %s WHERE site = %s AND key = %s", (archived, site, key))

    def stories_between(self, site: str, key: str, first: int, end: int | None, limit: int) -> list[Shown]:
        """Those shown at places first … end-1, newest first."""
        rows = self._connection.execute(
            """
            SELECT l.story_id, s.version, s.rendering, l.place FROM listing l JOIN story s USING (story_id)
            WHERE l.site = %s AND l.list = %s AND l.place >= %s AND (%s::bigint IS NULL OR l.place < %s) AND l.shown
            ORDER BY l.place DESC LIMIT %s
            """,
            (site, key, first, end, end, limit),
        ).fetchall()
        return [Shown(*row) for row in rows]

    def paths_between(self, site: str, first: int, end: int) -> list[Line]:
        """For sitemaps: addresses and dates of the front list's stories at places first … end-1, oldest first."""
        rows = self._connection.execute(
            """
            SELECT s.path, s.first_published_at, s.changed_at FROM listing l JOIN story s USING (story_id)
            WHERE l.site = %s AND l.list = %s AND l.place >= %s AND l.place < %s AND l.shown ORDER BY l.place
            """,
            (site, FRONT, first, end),
        ).fetchall()
        return [Line(path, "", "", "", first_published_at, changed_at) for path, first_published_at, changed_at in rows]

    def rubrics(self, site: str, limit: int) -> list[Listing]:
        """The largest rubrics of a site."""
        rows = self._connection.execute(
            "SELECT key, label FROM list WHERE site = %s AND key LIKE 'rubric/%%' ORDER BY stories DESC, key LIMIT %s",
            (site, limit),
        ).fetchall()
        return [Listing(*row) for row in rows]
