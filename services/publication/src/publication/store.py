"""Our tables: stories on the sites, releases, kills, lists and what is stale of them, facts to be told, channel posts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from pydantic import BaseModel

from contracts.content import Snapshot
from contracts.event import Event, Priority
from contracts.events import ReleaseOrdered
from publication.domain.listings import FRONT, Listing
from publication.domain.outputs import InList
from publication.domain.sitemaps import Line
from publication.domain.story import Story

COLUMNS = "story_id, version, state, path, snapshot::text, first_published_at, changed_at, reason, first_path, old_paths, sites, rendering"
GET = f"SELECT {COLUMNS} FROM story WHERE story_id = %s"  # noqa: S608 - the columns are ours
GET_MANY = f"SELECT {COLUMNS} FROM story WHERE story_id = ANY(%s)"  # noqa: S608
AFTER = f"SELECT {COLUMNS} FROM story WHERE story_id > %s ORDER BY story_id LIMIT %s"  # noqa: S608
KILLED = "SELECT 1 FROM kill WHERE story_id = %s AND lifted_at IS NULL"
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

    def standing(self, story_id: UUID, *, lock: bool = False) -> tuple[Story | None, bool]:
        """The story as it stands, and whether it is killed for good; one round trip."""
        with self._connection.pipeline():
            found = self._connection.execute(f"{GET} FOR UPDATE" if lock else GET, (story_id,))
            kill = self._connection.execute(KILLED, (story_id,))
        row = found.fetchone()
        return (_story(row) if row else None), kill.fetchone() is not None

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

    def save(self, story: Story, media: Sequence[str]) -> None:
        """Keep this version; the day of first publication stays as it was."""
        self._connection.execute(
            """
            INSERT INTO story (story_id, version, state, path, snapshot, rubrics, first_published_at, changed_at, reason,
                first_path, old_paths, sites, media)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (story_id) DO UPDATE SET version = excluded.version, state = excluded.state, snapshot = excluded.snapshot,
                path = excluded.path, old_paths = excluded.old_paths, sites = excluded.sites, media = excluded.media,
                rubrics = excluded.rubrics, changed_at = excluded.changed_at, reason = excluded.reason, rendering = 0
            WHERE story.version < excluded.version
            """,
            (
                story.story_id,
                story.version,
                story.state,
                story.path,
                _jsonb(story.snapshot),
                [rubric.label for rubric in story.snapshot.rubrics],
                story.first_published_at,
                story.changed_at,
                story.reason,
                story.identity,
                list(story.old_paths),
                list(story.sites),
                list(media),
            ),
        )

    def save_rendering(self, story: Story, media: Sequence[str]) -> bool:
        """Keep better renditions under the same version; False where that is no longer what stands."""
        return bool(
            self._connection.execute(
                "UPDATE story SET snapshot = %s, media = %s, rendering = %s WHERE story_id = %s AND version = %s AND rendering < %s",
                (
                    _jsonb(story.snapshot),
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


class Releases:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, order: ReleaseOrdered, outcome: str) -> bool:
        """True where it was not noted before, or with another outcome."""
        return bool(
            self._connection.execute(
                "INSERT INTO release (release_id, story_id, version, action, ordered_by, ordered_at, outcome) VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (release_id) DO UPDATE SET outcome = excluded.outcome, released_at = now() WHERE release.outcome <> excluded.outcome",
                (
                    order.release_id,
                    order.story_id,
                    order.version,
                    order.action,
                    order.ordered_by,
                    order.ordered_at,
                    outcome,
                ),
            ).rowcount
        )

    def of_story(self, story_id: UUID) -> list[dict[str, Any]]:
        names = ("release_id", "story_id", "version", "action", "ordered_by", "ordered_at", "outcome", "released_at")
        rows = self._connection.execute(
            "SELECT release_id, story_id, version, action, ordered_by, ordered_at, outcome, released_at FROM release"
            " WHERE story_id = %s ORDER BY version DESC, ordered_at DESC LIMIT 200",
            (story_id,),
        ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]


class Kills:
    """The ledger of kills: nothing is ever deleted from it."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def note(self, order: ReleaseOrdered) -> None:
        self._connection.execute(
            "INSERT INTO kill (story_id, killed_at, killed_by, reason) VALUES (%s, %s, %s, %s) ON CONFLICT (story_id) DO UPDATE"
            " SET killed_at = excluded.killed_at, killed_by = excluded.killed_by, reason = excluded.reason, lifted_at = NULL, lifted_by = NULL",
            (order.story_id, order.ordered_at, order.ordered_by, order.reason),
        )

    def lift(self, order: ReleaseOrdered) -> None:
        self._connection.execute(
            "UPDATE kill SET lifted_at = %s, lifted_by = %s WHERE story_id = %s AND lifted_at IS NULL",
            (order.ordered_at, order.ordered_by, order.story_id),
        )


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


@dataclass(frozen=True)
class Announcement:
    announcement_id: int
    event: Event
    priority: Priority
    is_removal: bool


class Announcements:
    """Facts that wait until the lists are written."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, event: Event, priority: Priority, *, is_removal: bool) -> None:
        self._connection.execute(
            "INSERT INTO announcement (event_type, event, priority, is_removal) VALUES (%s, %s, %s, %s)",
            (event.event_type, _jsonb(event), priority, is_removal),
        )

    def waiting(self, limit: int = 2_000) -> list[Announcement]:
        rows = self._connection.execute(
            "SELECT announcement_id, event_type, event::text, priority, is_removal FROM announcement ORDER BY announcement_id LIMIT %s",
            (limit,),
        ).fetchall()
        return [
            Announcement(number, Event.registry[event_type].model_validate_json(event), priority, is_removal)
            for number, event_type, event, priority, is_removal in rows
        ]

    def take(self, announcement_ids: Sequence[int]) -> set[int]:
        """Those that were still there: only who takes one may tell it."""
        query = "DELETE FROM announcement WHERE announcement_id = ANY(%s) RETURNING announcement_id"
        return {row[0] for row in self._connection.execute(query, (list(announcement_ids),)).fetchall()}


ChannelState = Literal["waiting", "posted", "edited", "deleted", "failed"]


@dataclass(frozen=True)
class Post:
    """A story on a channel: what is wanted there and what stands there. `reference` is the channel's own id of it."""

    story_id: UUID
    channel: str
    wanted_version: int
    wanted: Literal["shown", "gone"]
    posted_version: int
    reference: dict[str, Any] | None
    attempts: int


class Posts:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def want(self, story: Story, channels: Sequence[str]) -> None:
        """A newer version is to be shown, or the story is to be gone, on these channels; those that show it already included."""
        self._connection.execute(
            """
            INSERT INTO channel_post (story_id, channel, wanted_version, wanted, due_at)
            SELECT %(story)s, channel, %(version)s, %(wanted)s, now() FROM (
                SELECT unnest(%(channels)s::text[]) AS channel
                UNION SELECT channel FROM channel_post WHERE story_id = %(story)s) AS every
            WHERE %(wanted)s = 'shown' OR EXISTS (SELECT FROM channel_post p WHERE p.story_id = %(story)s AND p.channel = every.channel)
            ON CONFLICT (story_id, channel) DO UPDATE
                SET wanted_version = excluded.wanted_version, wanted = excluded.wanted, due_at = now(), attempts = 0, state = 'waiting'
                WHERE channel_post.wanted_version < excluded.wanted_version
            """,
            {
                "story": story.story_id,
                "version": story.version,
                "wanted": "shown" if story.state == "live" else "gone",
                "channels": list(channels),
            },
        )

    def claim(self, limit: int, lease: timedelta) -> list[Post]:
        """Due posts, ours for the time of the lease."""
        rows = self._connection.execute(
            """
            UPDATE channel_post p SET due_at = now() + %s FROM (
                SELECT story_id, channel FROM channel_post WHERE due_at <= now() ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED) AS due
            WHERE p.story_id = due.story_id AND p.channel = due.channel
            RETURNING p.story_id, p.channel, p.wanted_version, p.wanted, p.posted_version, p.reference, p.attempts
            """,
            (lease, limit),
        ).fetchall()
        return [Post(*row) for row in rows]

    def done(self, post: Post, state: ChannelState, reference: dict[str, Any] | None, url: str) -> None:
        """What was wanted is so; a newer wish that came meanwhile stays due."""
        self._connection.execute(
            """
            UPDATE channel_post SET state = %(state)s, reference = %(reference)s, url = %(url)s, detail = '', attempts = 0, changed_at = now(),
                posted_version = %(version)s, due_at = CASE WHEN wanted_version > %(version)s THEN now() END
            WHERE story_id = %(story)s AND channel = %(channel)s
            """,
            {
                "state": state,
                "reference": Jsonb(reference) if reference is not None else None,
                "url": url,
                "version": post.wanted_version,
                "story": post.story_id,
                "channel": post.channel,
            },
        )

    def failed(self, post: Post, detail: str, retry_after: timedelta | None) -> None:
        """It did not work; without `retry_after` nobody tries again until the next release."""
        self._connection.execute(
            """
            UPDATE channel_post SET state = 'failed', detail = %s, attempts = attempts + 1, changed_at = now(), due_at = now() + %s
            WHERE story_id = %s AND channel = %s AND wanted_version = %s
            """,
            (detail[:2_000], retry_after, post.story_id, post.channel, post.wanted_version),
        )

    def of_story(self, story_id: UUID) -> list[dict[str, Any]]:
        names = ("channel", "state", "version", "url", "detail", "attempts", "next_attempt_at", "changed_at")
        rows = self._connection.execute(
            "SELECT channel, state, posted_version, url, detail, attempts, due_at, changed_at FROM channel_post WHERE story_id = %s ORDER BY channel",
            (story_id,),
        ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]


class Rebuilds:
    """How far a rebuild has come, so that a broken one goes on."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, site: str) -> tuple[UUID | None, int]:
        row = self._connection.execute("SELECT after, done FROM rebuild WHERE site = %s", (site,)).fetchone()
        return (row[0], row[1]) if row else (None, 0)

    def save(self, site: str, after: UUID, done: int) -> None:
        self._connection.execute(
            "INSERT INTO rebuild (site, after, done) VALUES (%s, %s, %s) ON CONFLICT (site) DO UPDATE SET after = excluded.after, done = excluded.done",
            (site, after, done),
        )

    def end(self, site: str) -> None:
        self._connection.execute("DELETE FROM rebuild WHERE site = %s", (site,))


def _jsonb(model: BaseModel) -> Jsonb:
    """As pydantic writes it, which takes a fifth of the time of a dict and json.dumps."""
    return Jsonb(model, dumps=BaseModel.model_dump_json)


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
