"""Lists that are stale are written again: pages, feeds, sitemaps. Then the facts that waited for them are told.

Releases only mark what is stale. One writer at a time reads all marks, writes each list once however many releases touched it, and so
needs few runs under load. What readers and partners look at first (front page, rubrics) is written at once, the rest within two seconds.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Self
from uuid import UUID

import psycopg

from chassis import ledger, logs
from chassis.bucket import StorageDown
from chassis.database import Database
from publication.domain import feeds, sitemaps
from publication.domain.feeds import Feed, Piece
from publication.domain.listings import AROUND, FRONT, PAGE, Listing, archived_pages, page_of
from publication.domain.page import Entry, Link, entry_of
from publication.domain.story import Story
from publication.press import Edition, Output, Press
from publication.store.announcements import Announcement, Announcements
from publication.store.lists import Lists, Name, Numbered, Shown, Stale
from publication.store.stories import Stories

FEED_LENGTH = {"front": 50, "rubric": 30, "tag": 20, "author": 20}
SEARCHABLE = 250
NAV_LENGTH = 8
LOCK = 0x6465_7065_7368_61
"""The key of the advisory lock that one writer holds."""
FRESH = 500
SECONDARY_AFTER_S = 0.5
PASS_EVERY_S = 0.6
QUIET_S = 0.05
FEW = 3
"""After a pass that told more facts than this the next begins PASS_EVERY_S later, or as soon as no release came for QUIET_S."""
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

log = logs.get()


@dataclass
class Shelved:
    """Pieces of stories made before, so that a story is rendered once however many lists it stands in."""

    most: int = 3_000
    fresh: dict[tuple[UUID, int, int], Story] = field(default_factory=dict)
    """Stories that this process has just released, and so need not read."""
    _pieces: "OrderedDict[tuple[str, UUID, int, int], tuple[Piece, Entry]]" = field(default_factory=OrderedDict)

    def get(self, edition: Edition, found: Sequence[Shown], stories: Stories) -> list[tuple[Piece, Entry]]:
        """In the order of `found`."""
        site = edition.site
        names = [(site.key, one.story_id, one.version, one.rendering) for one in found]
        missing = {one.story_id: one for name, one in zip(names, found, strict=True) if name not in self._pieces}
        fresh = [self.fresh.get((one.story_id, one.version, one.rendering)) for one in missing.values()]
        known = [story for story in fresh if story is not None]
        unknown = missing.keys() - {story.story_id for story in known}
        for story in (*known, *(stories.many(list(unknown)) if unknown else ())):
            one = missing[story.story_id]
            self._pieces[site.key, one.story_id, one.version, one.rendering] = (
                Piece(story, site),
                entry_of(story, site),
            )
        made_now = [self._pieces[name] for name in names if name in self._pieces]
        while len(self._pieces) > self.most:
            self._pieces.popitem(last=False)
        return made_now

    def keep(self, story: Story) -> None:
        if len(self.fresh) >= FRESH:
            self.fresh.clear()
        self.fresh[story.story_id, story.version, story.rendering] = story


@dataclass
class Reading:
    """What the database says of the lists that are to be written, asked once for all of them."""

    run: int
    stale: Sequence[Stale]
    lists: Lists
    stories: Stories
    numbered: Mapping[Name, Numbered]
    newest: Mapping[Name, Sequence[Shown]]
    grown: dict[Name, int] = field(default_factory=dict)
    """How many archive pages a list has once all is written, where there are more."""
    _rubrics: dict[str, list[Listing]] = field(default_factory=dict)

    @classmethod
    def of(cls, stale: Sequence[Stale], run: int, connection: psycopg.Connection) -> Self:
        lists = Lists(connection)
        labels = {_name(one): one.listing.label for one in stale}
        lengths = {_name(one): _length(one.listing) for one in stale}
        numbered, newest = (lists.give_places(labels), lists.newest(lengths)) if stale else ({}, {})
        return cls(run, stale, lists, Stories(connection), numbered, newest)

    def rubrics(self, site: str) -> list[Listing]:
        if site not in self._rubrics:
            self._rubrics[site] = self.lists.rubrics(site, NAV_LENGTH)
        return self._rubrics[site]

    def keep_archived(self) -> None:
        """Only once all is written: what a run that broke did not write is written by the next."""
        self.lists.save_archived(self.grown)


def _name(stale: Stale) -> Name:
    """The list that its stories stand in: what surrounds the lists follows the front page."""
    return stale.site, FRONT if stale.listing.key == AROUND else stale.listing.key


def _length(listing: Listing) -> int:
    """How many of its newest stories are shown somewhere."""
    return sitemaps.NEWS_ENTRIES if listing.key == AROUND else max(2 * PAGE, FEED_LENGTH[listing.kind])


@dataclass
class ListWriter:
    """Writes what is stale. `run` may be called by anybody at any time; who finds another at work leaves it to them."""

    database: Database
    press: Press
    shelved: Shelved = field(default_factory=Shelved)
    _secondary_due_at: float = 0.0
    told: int = 0
    """Facts told by the last pass."""
    _chunks: dict[str, int] = field(default_factory=dict)

    def run(self, *, in_full: bool = True) -> bool:
        """One pass; `in_full` does not wait with tags and sitemaps. True if something is left to do in a moment.

        Raises:
            StorageDown: marks and facts stay, the next pass writes them.

        """
        with self.database.connection() as connection:
            if not _take_lock(connection):
                return False
            try:
                return self._pass(connection, in_full=in_full)
            except StorageDown:
                self._chunks.clear()
                raise
            finally:
                _give_lock(connection)

    def _pass(self, connection: psycopg.Connection, *, in_full: bool) -> bool:
        facts = Announcements(connection).waiting()
        self.told = len(facts)
        stale = Lists(connection).stale()
        first = [one for one in stale if one.listing.is_primary]
        second = [one for one in stale if not one.listing.is_primary]
        is_hurried = not in_full and not any(fact.is_removal for fact in facts) and not self._is_due(stale)
        run = Lists(connection).next_run()
        followers: list[Output] = []
        reading = Reading.of(first, run, connection)
        self.press.shelf.write(_without_followers(self._outputs(reading), followers))
        reading.keep_archived()
        self._tell([fact for fact in facts if not fact.is_removal])
        if is_hurried and len(facts) > FEW:
            return True  # there is more to come; the marks stay, and a later pass writes what may follow
        reading = Reading.of(() if is_hurried else second, run, connection)
        self.press.shelf.write(chain(followers, self._outputs(reading)))
        reading.keep_archived()
        self._tell([fact for fact in facts if fact.is_removal])
        written = first if is_hurried else stale
        if written:
            Lists(connection).forget(written)
        return len(written) < len(stale)

    def _is_due(self, stale: Sequence[Stale]) -> bool:
        """Tags, authors and sitemaps give way to what partners do when they are told; SECONDARY_AFTER_S later it is their turn."""
        now = time.monotonic()
        if not stale:
            self._secondary_due_at = 0.0
        elif not self._secondary_due_at:
            self._secondary_due_at = now + SECONDARY_AFTER_S
        elif now >= self._secondary_due_at:
            self._secondary_due_at = 0.0
            return True
        return False

    def _outputs(self, reading: Reading) -> Iterator[Output]:
        """One after another, so that some are written while others are made."""
        for edition in self.press.editions:
            of_edition = [one for one in reading.stale if one.site == edition.site.key]
            for one in sorted(of_edition, key=lambda mark: (mark.listing.key != FRONT, mark.listing.key)):
                write = self._around if one.listing.key == AROUND else self._list
                yield from write(edition, one, reading)

    def _list(self, edition: Edition, stale: Stale, reading: Reading) -> Iterator[Output]:
        """The list's own page and feeds, archive pages that are new, and those where something changed."""
        site, key = edition.site, stale.listing.key
        label, last, archived_before = reading.numbered[site.key, key]
        listing = Listing(key, label)
        archived = archived_pages(last)
        found = reading.newest[site.key, key]
        if not found and not archived and listing.kind in ("tag", "author"):
            self._take_down(edition, listing)
            return
        made = self.shelved.get(edition, found, reading.stories)
        shown = sum(one.place >= archived * PAGE for one in found[: 2 * PAGE])
        nav = _nav(edition, listing, reading)
        older = {"older": site.address(f"{listing.archive_path(archived - 1)}.html")} if archived else {}
        links = {"self": site.address(f"{listing.path}.html"), **_feed_links(edition, listing), **older}
        page = edition.theme.listing(listing, [entry for _, entry in made[:shown]], nav, links=links)
        yield Output(site.object_key(f"{listing.path}.html"), page, "html", reading.run)
        yield from _feeds(edition, listing, [piece for piece, _ in made[: FEED_LENGTH[listing.kind]]], reading.run)
        again = {page_of(place) for place in stale.places if page_of(place) < archived}
        if archived > archived_before:
            again |= set(range(max(archived_before - 1, 0), archived))
        for number in sorted(again):
            yield self._archive_page(edition, listing, number, archived, reading)
        if archived != archived_before:
            reading.grown[site.key, key] = archived

    def _take_down(self, edition: Edition, listing: Listing) -> None:
        """Nobody stands in this list any more, so that not even its name is left."""
        paths = [f"{listing.path}.html", *listing.feed_paths.values()]
        self.press.bucket.delete([edition.site.object_key(path) for path in paths])

    def _archive_page(self, edition: Edition, listing: Listing, number: int, archived: int, reading: Reading) -> Output:
        site = edition.site
        found = reading.lists.stories_between(site.key, listing.key, number * PAGE, (number + 1) * PAGE)
        entries = [entry for _, entry in self.shelved.get(edition, found, reading.stories)]
        newer = listing.archive_path(number + 1) if number + 1 < archived else listing.path
        links = {
            "self": site.address(f"{listing.archive_path(number)}.html"),
            "newer": site.address(f"{newer}.html"),
            **({"older": site.address(f"{listing.archive_path(number - 1)}.html")} if number else {}),
            **_feed_links(edition, listing),
        }
        page = edition.theme.listing(listing, entries, (), page=number + 1, links=links)
        return Output(site.object_key(f"{listing.archive_path(number)}.html"), page, "html", reading.run)

    def _around(self, edition: Edition, stale: Stale, reading: Reading) -> Iterator[Output]:
        site, run = edition.site, reading.run
        last = reading.numbered[site.key, FRONT].last
        pieces = [piece for piece, _ in self.shelved.get(edition, reading.newest[site.key, FRONT], reading.stories)]
        for dialect in ("dzen", "yandex"):
            feed = Feed(site, site.name, site.address("index.html"), site.address(f"{dialect}.xml"))
            body = feeds.rss(feed, pieces[: FEED_LENGTH["front"]], dialect)
            yield Output(site.object_key(f"{dialect}.xml"), body, "rss", run)
        lines = [piece.line for piece in pieces]
        yield Output(site.object_key("search.json"), sitemaps.search_data(site, lines[:SEARCHABLE]), "json", run)
        news = sitemaps.news_sitemap(site, lines, datetime.now(UTC))
        yield Output(site.object_key("sitemaps/news.xml"), news, "xml", run)
        chunks = last // sitemaps.CHUNK + 1
        newest = range(max(chunks - 1, 0), chunks)
        for number in sorted({place // sitemaps.CHUNK for place in stale.places} | set(newest)):
            paths = reading.lists.paths_between(site.key, number * sitemaps.CHUNK, (number + 1) * sitemaps.CHUNK)
            yield Output(site.object_key(f"sitemaps/{number + 1}.xml"), sitemaps.sitemap(site, paths), "xml", run)
        if self._chunks.get(site.key) == chunks:
            return
        self._chunks[site.key] = chunks  # what follows changes with a new chunk only; a new process writes it once
        yield Output(site.object_key("sitemap.xml"), sitemaps.sitemap_index(site, chunks), "xml", run)
        yield Output(site.object_key("robots.txt"), sitemaps.robots(site), "txt", run)
        for name, body in self.press.site_files.items():
            yield Output(site.object_key(name), body, "txt", run)
        yield Output(site.object_key("404.html"), edition.theme.missing(), "html", run)

    def _tell(self, facts: Sequence[Announcement]) -> None:
        if not facts:
            return
        with self.database.unit_of_work() as uow:
            ours = Announcements(uow.connection).take([fact.announcement_id for fact in facts])
            told = [fact for fact in facts if fact.announcement_id in ours]
            for priority in {fact.priority for fact in told}:
                uow.publish_all([fact.event for fact in told if fact.priority == priority], priority=priority)
        if self.press.channels:
            with self.database.connection() as connection:
                ledger.wake(connection, "publication", "tell_channels")


def _without_followers(outputs: Iterator[Output], followers: list[Output]) -> Iterator[Output]:
    """What must stand before the facts are told; the rest comes to `followers`."""
    for one in outputs:
        if one.can_follow:
            followers.append(one)
        else:
            yield one


def _nav(edition: Edition, listing: Listing, reading: Reading) -> list[Link]:
    return [
        Link(one.label, edition.site.address(f"{one.path}.html"), "here" if one.key == listing.key else "")
        for one in reading.rubrics(edition.site.key)
        if one.label
    ]


def _feed_links(edition: Edition, listing: Listing) -> dict[str, str]:
    return {name: edition.site.address(path) for name, path in listing.feed_paths.items()}


def _feeds(edition: Edition, listing: Listing, pieces: Sequence[Piece], run: int) -> Iterator[Output]:
    site = edition.site
    title = f"{listing.label} — {site.name}" if listing.label else site.name
    page_url = site.address(f"{listing.path}.html")
    for name, path in listing.feed_paths.items():
        feed = Feed(site, title, page_url, site.address(path))
        if name == "rss":
            yield Output(site.object_key(path), feeds.rss(feed, pieces), "rss", run)
        elif name == "atom":
            body = partial(feeds.atom, feed, pieces, EPOCH)
            yield Output(site.object_key(path), body, "atom", run, can_follow=True)
        else:
            yield Output(site.object_key(path), partial(feeds.json_feed, feed, pieces), "feed", run, can_follow=True)


def _take_lock(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
    return bool(row and row[0])


def _give_lock(connection: psycopg.Connection) -> None:
    if not connection.closed:
        connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


class Scribe:
    """A thread that runs the list writer as soon as it is woken, again and again while there is work."""

    def __init__(self, writer: ListWriter) -> None:
        self._writer = writer
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def wake(self, story: Story | None = None) -> None:
        if story is not None:
            self._writer.shelved.keep(story)
        self._woken.set()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="list writer", daemon=True)
                self._thread.start()

    def _gather(self, until: float) -> None:
        """Let more releases come, since one pass serves them all."""
        while (left_s := until - time.monotonic()) > 0:
            self._woken.clear()
            if not self._woken.wait(min(left_s, QUIET_S)):
                return

    def _work(self) -> None:
        wait_s: float | None = None
        begun_at = 0.0
        while True:
            self._woken.wait(wait_s)
            if self._writer.told > FEW:
                self._gather(begun_at + PASS_EVERY_S)
            self._woken.clear()
            begun_at = time.monotonic()
            try:
                wait_s = SECONDARY_AFTER_S if self._writer.run(in_full=False) else None
            except (StorageDown, psycopg.Error) as error:
                log.warning("the lists could not be written, they will be", reason=str(error).strip())
                wait_s = 1.0
            except Exception:
                log.exception("the list writer broke")
                wait_s = 5.0
