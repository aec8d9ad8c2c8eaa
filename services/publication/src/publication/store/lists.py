"""Which story stands where in which list, and what of the lists is stale."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import psycopg

from publication.domain.listings import FRONT, Listing
from publication.domain.outputs import InList
from publication.domain.sitemaps import Line
from publication.domain.story import Story

Name = tuple[str, str]
"""A list: the key of its site, its own key."""


STAND = """
WITH wanted AS (
    SELECT * FROM unnest(%(sites)s::text[], %(keys)s::text[], %(labels)s::text[]) AS given (site, list, label)
), stood AS (
    SELECT site, list, place, shown FROM listing WHERE story_id = %(story)s
), coming AS (
    INSERT INTO listing (site, list, story_id, version, rendering) SELECT site, list, %(story)s, %(version)s, %(rendering)s FROM wanted
    ON CONFLICT (story_id, site, list) DO UPDATE SET shown = true, version = excluded.version, rendering = excluded.rendering
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
GIVE_PLACES = """
WITH wanted AS (
    SELECT *, (SELECT coalesce(max(place), -1) FROM listing l WHERE l.site = given.site AND l.list = given.list) AS last
    FROM unnest(%(sites)s::text[], %(keys)s::text[], %(labels)s::text[]) AS given (site, list, label)
), fresh AS (
    SELECT site, list, story_id, last + row_number() OVER (PARTITION BY site, list ORDER BY s.first_published_at, story_id) AS place
    FROM listing JOIN wanted USING (site, list) JOIN story s USING (story_id) WHERE listing.place IS NULL
), placed AS (
    UPDATE listing l SET place = fresh.place FROM fresh
    WHERE l.story_id = fresh.story_id AND l.site = fresh.site AND l.list = fresh.list
)
INSERT INTO list (site, key, label, stories)
SELECT site, list, label, greatest(last, (SELECT max(place) FROM fresh f WHERE f.site = wanted.site AND f.list = wanted.list)) + 1 FROM wanted
ON CONFLICT (site, key) DO UPDATE SET stories = excluded.stories, label = coalesce(nullif(excluded.label, ''), list.label)
RETURNING site, key, label, stories - 1, archived
"""
NEWEST = """
SELECT site, list, story_id, version, rendering, place
FROM unnest(%(sites)s::text[], %(keys)s::text[], %(limits)s::integer[]) AS wanted (site, list, most), LATERAL (
    SELECT story_id, version, rendering, place FROM listing l
    WHERE l.site = wanted.site AND l.list = wanted.list AND l.place >= 0 AND l.shown ORDER BY l.place DESC LIMIT wanted.most
) AS newest
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


class Numbered(NamedTuple):
    """A list whose new stories have their places."""

    label: str
    last: int
    """Its last place; -1: empty."""
    archived: int
    """Archive pages that are written."""


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
        given = {
            "story": story.story_id,
            "version": story.version,
            "rendering": story.rendering,
            "sites": sites,
            "keys": keys,
            "labels": labels,
        }
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

    def give_places(self, wanted: Mapping[Name, str]) -> dict[Name, Numbered]:
        """Number the stories that came new to these lists. `wanted`: their labels, "" where it is not known."""
        given = {
            "sites": [site for site, _ in wanted],
            "keys": [key for _, key in wanted],
            "labels": list(wanted.values()),
        }
        rows = self._connection.execute(GIVE_PLACES, given).fetchall()
        return {(site, key): Numbered(*numbered) for site, key, *numbered in rows}

    def save_archived(self, grown: Mapping[Name, int]) -> None:
        """How many archive pages of these lists are written."""
        for (site, key), archived in grown.items():
            self._connection.execute(
                "UPDATE list SET archived = %s WHERE site = %s AND key = %s", (archived, site, key)
            )

    def newest(self, wanted: Mapping[Name, int]) -> dict[Name, list[Shown]]:
        """What each list shows, newest first. `wanted`: how many stories of each."""
        given = {
            "sites": [site for site, _ in wanted],
            "keys": [key for _, key in wanted],
            "limits": list(wanted.values()),
        }
        found: dict[Name, list[Shown]] = {name: [] for name in wanted}
        for site, key, *shown in self._connection.execute(NEWEST, given).fetchall():
            found[site, key].append(Shown(*shown))
        return found

    def stories_between(self, site: str, key: str, first: int, end: int) -> list[Shown]:
        """Those shown at places first … end-1, newest first."""
        rows = self._connection.execute(
            "SELECT story_id, version, rendering, place FROM listing"
            " WHERE site = %s AND list = %s AND place >= %s AND place < %s AND shown ORDER BY place DESC",
            (site, key, first, end),
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
