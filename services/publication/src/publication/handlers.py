"""What happens when a release is ordered: page and item first, then whoever must know. Older versions never overwrite newer ones."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from chassis import ledger
from chassis.bucket import Bucket, KeyTaken, ObjectMissing
from chassis.database import Database
from chassis.unit_of_work import UnitOfWork
from contracts.event import Event
from contracts.events import (
    ImageProcessed,
    ReleaseFailed,
    ReleaseOrdered,
    StoryCorrected,
    StoryKilled,
    StoryPublished,
    StoryUnpublished,
)
from publication.domain.feeds import rss
from publication.domain.ninjs import make_item
from publication.domain.page import Site, script_json
from publication.domain.slugs import rubric_path, story_path
from publication.domain.story import STATE_AFTER, Story
from publication.rendering import Theme
from publication.store import Releases, StaleLists, Stories

SHORT = "public, max-age=15, stale-while-revalidate=60"
LIST_LENGTH = 50
HTML, JSON, RSS = "text/html; charset=utf-8", "application/json; charset=utf-8", "application/rss+xml; charset=utf-8"


@dataclass(frozen=True)
class Press:
    """What publishing needs: the site, its theme, and the bucket that it is served from."""

    site: Site
    prefix: str
    theme: Theme
    bucket: Bucket

    def key(self, path: str) -> str:
        return f"{self.prefix}/{path}"

    def url(self, path: str) -> str:
        return f"{self.site.url}/{path}"


def carry_out(order: ReleaseOrdered, uow: UnitOfWork, press: Press) -> None:
    """Publish, correct, unpublish or kill. A late order changes nothing; a killed story stays dead unless somebody may revive it."""
    with uow.database.connection() as connection:
        old = Stories(connection).get(order.story_id)
    if old is not None and old.version >= order.version:
        with uow:
            Releases(uow.connection).save(order, "stale")
        return
    if (
        old is not None
        and old.state == "killed"
        and order.action in ("publish", "correct")
        and not order.revives_killed
    ):
        _refuse(order, uow, "Материал отозван (kill). Вернуть его может только редактор с правом снятия запрета.")
        return
    story = _next(order, old, press.site.zone)
    if not _write(story, press):
        with uow:
            Releases(uow.connection).save(order, "stale")
        return
    with uow:
        current = Stories(uow.connection).get(order.story_id, lock=True)
        if current is None or current.version < story.version:
            Stories(uow.connection).save(story)
            rubrics = {rubric.label for one in (story, old, current) if one for rubric in one.snapshot.rubrics}
            StaleLists(uow.connection).mark(rubrics)
            uow.publish(_fact(order, story, press))
            Releases(uow.connection).save(order, "released")
    with uow.database.connection() as connection:
        ledger.wake(connection, "publication", "write_lists")


def take_better_renditions(event: ImageProcessed, uow: UnitOfWork) -> None:
    """Renditions of a live story were made again; the next release carries them."""
    with uow:
        del event


def write_lists(database: Database, press: Press) -> None:
    """Write the front page, rubric pages and feeds that are stale. Many releases at once make one run."""
    with database.connection() as connection:
        stale = StaleLists(connection).all()
    for rubric, _ in stale:
        with database.connection() as connection:
            stories = [
                (story, press.url(f"{story.path}.html")) for story in Stories(connection).newest(LIST_LENGTH, rubric)
            ]
        _write_list(rubric, stories, press)
    if stale:
        with database.unit_of_work() as uow:
            StaleLists(uow.connection).clear(stale)


def _write_list(rubric: str, stories: list[tuple[Story, str]], press: Press) -> None:
    page, feed = (f"{rubric_path(rubric)}.html", f"{rubric_path(rubric)}.xml") if rubric else ("index.html", "rss.xml")
    title = rubric or press.site.name
    html = press.theme.listing(title, press.url(page), press.url(feed), stories)
    press.bucket.put(press.key(page), html, content_type=HTML, cache_control=SHORT)
    xml = rss(press.site, title, press.url(page), press.url(feed), stories)
    press.bucket.put(press.key(feed), xml, content_type=RSS, cache_control=SHORT)


def _refuse(order: ReleaseOrdered, uow: UnitOfWork, reason: str) -> None:
    failed = ReleaseFailed(
        release_id=order.release_id,
        story_id=order.story_id,
        version=order.version,
        reason=reason,
        will_retry=False,
        failed_at=datetime.now(UTC),
    )
    with uow:
        Releases(uow.connection).save(order, "refused")
        uow.publish(failed)


def _next(order: ReleaseOrdered, old: Story | None, zone: ZoneInfo) -> Story:
    path = (
        old.path
        if old
        else story_path(order.snapshot.slug, order.snapshot.headline, order.story_id, order.ordered_at, zone)
    )
    return Story(
        story_id=order.story_id,
        version=order.version,
        state=STATE_AFTER[order.action],
        path=path,
        snapshot=order.snapshot,
        first_published_at=old.first_published_at if old else order.ordered_at,
        changed_at=order.ordered_at,
        reason=order.reason,
    )


def _write(story: Story, press: Press) -> bool:
    """Page and item, both at once. False: newer ones stand there already."""
    url = press.url(f"{story.path}.html")
    page = press.theme.article(story, url) if story.state == "live" else press.theme.gone(story.reason)
    item = script_json(make_item(story, url, press.site.name)).encode()
    work: list[Callable[[], bool]] = [
        lambda: write_if_newer(press.bucket, press.key(f"{story.path}.html"), page, HTML, story.version),
        lambda: write_if_newer(press.bucket, press.key(f"{story.path}.json"), item, JSON, story.version),
    ]
    with ThreadPoolExecutor(len(work)) as threads:
        return all(list(threads.map(lambda one: one(), work)))


def write_if_newer(bucket: Bucket, key: str, body: bytes, content_type: str, version: int) -> bool:
    """Write unless a newer version stands there; two writers at once are told apart by the ETag."""
    while True:
        try:
            standing = bucket.head(key)
        except ObjectMissing:
            standing = None
        if standing is not None and int(standing["Metadata"].get("version", 0)) > version:
            return False
        try:
            bucket.put(
                key,
                body,
                content_type=content_type,
                cache_control=SHORT,
                if_match=standing["ETag"] if standing else None,
                if_none_match=standing is None,
                Metadata={"version": str(version)},
            )
        except KeyTaken:
            continue
        return True


def _fact(order: ReleaseOrdered, story: Story, press: Press) -> Event:
    url = press.url(f"{story.path}.html")
    common = {
        "release_id": order.release_id,
        "story_id": story.story_id,
        "version": story.version,
        "url": url,
        "data_url": press.url(f"{story.path}.json"),
        "item": make_item(story, url, press.site.name),
        "rubrics": story.snapshot.rubrics,
        "tags": story.snapshot.tags,
        "language": story.snapshot.language,
        "urgency": story.snapshot.urgency,
        "ordered_at": order.ordered_at,
        "released_at": datetime.now(UTC),
    }
    match order.action:
        case "publish":
            return StoryPublished(**common)
        case "correct":
            return StoryCorrected(**common)
        case "unpublish":
            return StoryUnpublished(**common, reason=order.reason)
        case "kill":
            return StoryKilled(**common, reason=order.reason)
