"""A release is ordered: page and item first, then lists, then whoever must know. Older versions never overwrite newer ones."""

from dataclasses import replace
from datetime import UTC, datetime

from chassis.bucket import StorageDown
from chassis.unit_of_work import UnitOfWork
from contracts.content import Fault, Snapshot
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
from publication.domain.cleaning import clean_snapshot
from publication.domain.faults import fault, find_faults, in_words, name_of
from publication.domain.listings import Listing, listings_of
from publication.domain.ninjs import make_item
from publication.domain.slugs import moved_path, story_path
from publication.domain.story import STATE_AFTER, Story
from publication.domain.structured import script_json
from publication.press import Edition, Output, Press, mark_of
from publication.store.lists import Lists
from publication.store.posts import Posts
from publication.store.releases import Kills, Releases
from publication.store.stories import Stories

RENDERINGS = 10_000
"""A page's stamp is its version times this, plus how often the version was rendered again."""


def carry_out(order: ReleaseOrdered, uow: UnitOfWork, press: Press) -> None:
    """Publish, correct, unpublish or kill. A late order changes nothing; a killed story stays dead unless somebody may revive it."""
    with uow.database.connection() as connection:
        old, is_killed = Stories(connection).standing(order.story_id)
    if old is not None and old.version >= order.version:
        _note_stale(order, uow)
        return
    story = _next(order, old, press)
    if old is None and order.action == "unpublish":
        _refuse(order, uow, [fault("never-out")])
        return
    if faults := _why_not(order, story, press, is_killed=is_killed):
        _refuse(order, uow, faults)
        return
    if old is None:
        story = _settle(story, uow)
    try:
        is_newest = _write(story, press, is_first=old is None)
        if story.state == "killed":
            _remove_photos(old or story, uow, press)
    except StorageDown as error:
        _tell_delay(order, uow, str(error))
        raise
    if not is_newest:
        _note_stale(order, uow)
        return
    try:
        with uow:
            is_kept = _keep(order, story, uow, press)
    except KilledMeanwhileError:
        _put_notice_back(order, uow, press)
        raise  # tried again, it is refused as any order for a killed story
    press.wake(story if is_kept else None)


class KilledMeanwhileError(Exception):
    """While this order's page was being written, another worker killed the story."""


def _settle(story: Story, uow: UnitOfWork) -> Story:
    """Two first orders handled at once must agree on one address."""
    with uow.database.connection() as connection:
        path, first_published_at = Stories(connection).settle(story)
    return replace(story, path=path, first_path=path, first_published_at=first_published_at)


def _put_notice_back(order: ReleaseOrdered, uow: UnitOfWork, press: Press) -> None:
    with uow.database.connection() as connection:
        killed = Stories(connection).get(order.story_id)
    if killed is not None:
        _write(replace(killed, version=max(order.version, killed.version)), press)


def take_better_renditions(event: ImageProcessed, uow: UnitOfWork, press: Press) -> None:
    """A live story's photo was rendered again (an editor moved the focal point): its page shows the new files, under the same version."""
    with uow.database.connection() as connection:
        story = Stories(connection).get(event.story_id)
    better = _with_manifest(story, event) if story is not None and story.state == "live" else None
    if story is None or better is None or find_faults(better.snapshot):
        return
    if not _write(better, press):
        return  # a newer version stands there; its snapshot has the new files or they will be ordered again
    with uow:
        is_kept = Stories(uow.connection).save_rendering(better, press.marks(better.snapshot))
        if is_kept:
            _retire(story.snapshot, better, uow, press)
            Lists(uow.connection).stand(better, _wanted_lists(better, press))
    press.wake(better if is_kept else None)


def _with_manifest(story: Story, event: ImageProcessed) -> Story | None:
    images = [
        image.model_copy(update={"manifest": event.manifest})
        if image.image_id == event.image_id and image.manifest.version < event.manifest.version
        else image
        for image in story.snapshot.images
    ]
    if all(new is old for new, old in zip(images, story.snapshot.images, strict=True)):
        return None
    return replace(
        story, snapshot=story.snapshot.model_copy(update={"images": tuple(images)}), rendering=story.rendering + 1
    )


def _why_not(order: ReleaseOrdered, story: Story, press: Press, *, is_killed: bool) -> list[Fault]:
    if story.state != "live":
        return []
    if is_killed and not order.revives_killed:
        return [fault("stays-killed")]
    if not story.sites:
        return [fault("no-site")]
    faults = find_faults(story.snapshot)
    for image in story.snapshot.images if not faults else ():
        keys = press.main_media_keys(order.snapshot.model_copy(update={"images": (image,)}))
        if any(not press.has_media(key) for key in keys):
            faults.append(fault("photo-lost", photo=name_of(image)))
    return faults


def _next(order: ReleaseOrdered, old: Story | None, press: Press) -> Story:
    """The story as it will stand. Its address is frozen at first publication; another slug by the editor's wish moves it."""
    snapshot = clean_snapshot(order.snapshot)
    zone = press.editions[0].site.zone
    path = old.path if old else story_path(snapshot.slug, snapshot.headline, order.story_id, order.ordered_at, zone)
    old_paths = old.old_paths if old else ()
    wanted = moved_path(path, snapshot.slug)
    if old and order.action in ("publish", "correct") and wanted != path:
        old_paths = tuple(one for one in (*old_paths, path) if one != wanted)
        path = wanted
    state = STATE_AFTER[order.action]
    takers = [edition.site.key for edition in press.for_snapshot(snapshot)]
    if state != "live":
        takers = [] if old else [press.editions[0].site.key]
    return Story(
        story_id=order.story_id,
        version=order.version,
        state=state,
        path=path,
        snapshot=snapshot,
        first_published_at=old.first_published_at if old else order.ordered_at,
        changed_at=order.ordered_at,
        reason=order.reason,
        first_path=old.identity if old else path,
        old_paths=old_paths,
        sites=tuple(dict.fromkeys((*takers, *(old.sites if old else ())))) if takers or state != "live" else (),
    )


def _write(story: Story, press: Press, *, is_first: bool = False) -> bool:
    """Pages and items of all its sites, at once. False: newer ones stand there already."""
    outputs = [output for edition in press.of(story) for output in make_outputs(story, edition, is_first=is_first)]
    return all(press.shelf.write(outputs))


def make_outputs(story: Story, edition: Edition, *, is_first: bool = False) -> list[Output]:
    """All files of one story on one site: its page, its item, and what stands at its old addresses."""
    site, theme = edition.site, edition.theme
    stamp = story.version * RENDERINGS + story.rendering
    is_shown = story.state == "live" and site.takes(story.snapshot)
    gone = {"unpublished": 404, "killed": 410}.get(story.state, 404)
    page = theme.article(story) if is_shown else theme.gone(story)
    item = script_json(make_item(story, site)).encode("utf-8", "replace")
    status = 200 if is_shown else gone
    outputs = [
        Output(site.object_key(f"{story.path}.html"), page, "html", stamp, is_new=is_first, status=status),
        Output(site.object_key(f"{story.path}.json"), item, "json", stamp, is_new=is_first, status=status),
    ]
    if story.identity != story.path:
        outputs.append(Output(site.object_key(f"{story.identity}.json"), item, "json", stamp, status=status))
    url = site.address(f"{story.path}.html")
    moved = theme.moved(url) if is_shown and story.old_paths else page
    outputs += [
        Output(
            site.object_key(f"{path}.html"),
            moved,
            "html",
            stamp,
            status=301 if is_shown else gone,
            goes_to=url if is_shown else "",
        )
        for path in story.old_paths
    ]
    return outputs


def _remove_photos(story: Story, uow: UnitOfWork, press: Press) -> None:
    """A killed story's photos leave the bucket, also in renditions that it showed once, but for files that another story shows."""
    with uow.database.connection() as connection:
        stories = Stories(connection)
        keys = {*press.media_keys(story.snapshot), *stories.retired(story.story_id)}
        kept = stories.media_of_others(story.story_id, sorted({mark_of(key) for key in keys}))
    doomed = [*sorted(key for key in keys if mark_of(key) not in kept), *press.custom_media_keys(story.snapshot)]
    press.bucket.delete(doomed)
    press.forget_media(doomed)


def _retire(old: Snapshot, new: Story, uow: UnitOfWork, press: Press) -> None:
    if gone := set(press.media_keys(old)) - set(press.media_keys(new.snapshot)):
        Stories(uow.connection).retire(new.story_id, sorted(gone))


def _keep(order: ReleaseOrdered, story: Story, uow: UnitOfWork, press: Press) -> bool:
    """Story, lists, kill ledger, channels and the fact, in one transaction. False: a newer version stands."""
    is_newest, before = Stories(uow.connection).save(story, press.marks(story.snapshot))
    if not is_newest:
        Releases(uow.connection).save(order, "stale")
        return False
    is_live = story.state == "live"
    with uow.connection.pipeline():
        if before is not None and story.state != "killed":
            _retire(before, story, uow, press)
        Lists(uow.connection).stand(story, _wanted_lists(story, press))
        if order.action == "kill":
            Kills(uow.connection).note(order)
        elif order.revives_killed:
            Kills(uow.connection).lift(order)
        if press.channels or before is not None:
            Posts(uow.connection).want(story, list(press.channels))
        priority = uow.delivery.priority if uow.delivery is not None else "routine"
        fact = _fact(order, story, press)
        is_killed = Releases(uow.connection).conclude(order, fact, priority, is_removal=not is_live)
    if is_live and is_killed():
        raise KilledMeanwhileError(f"story {order.story_id}: killed while version {order.version} was written")
    return True


def _wanted_lists(story: Story, press: Press) -> list[tuple[str, Listing]]:
    if story.state != "live":
        return []
    return [
        (edition.site.key, listing)
        for edition in press.for_snapshot(story.snapshot)
        for listing in listings_of(story.snapshot)
    ]


def _note_stale(order: ReleaseOrdered, uow: UnitOfWork) -> None:
    with uow:
        Releases(uow.connection).save(order, "stale")


def _refuse(order: ReleaseOrdered, uow: UnitOfWork, faults: list[Fault]) -> None:
    with uow:
        Releases(uow.connection).save(order, "refused")
        uow.publish(_failure(order, faults, will_retry=False))


def _tell_delay(order: ReleaseOrdered, uow: UnitOfWork, reason: str) -> None:
    """The desk hears once that the order waits for the storage; the ledger tries it again."""
    with UnitOfWork(uow.database) as apart:
        if Releases(apart.connection).save(order, "delayed"):
            apart.publish(_failure(order, [fault("storage-down", reason=reason)], will_retry=True))


def _failure(order: ReleaseOrdered, faults: list[Fault], *, will_retry: bool) -> ReleaseFailed:
    return ReleaseFailed(
        release_id=order.release_id,
        story_id=order.story_id,
        version=order.version,
        reason=in_words(faults),
        faults=tuple(faults),
        will_retry=will_retry,
        failed_at=datetime.now(UTC),
    )


def _fact(order: ReleaseOrdered, story: Story, press: Press) -> Event:
    home = press.home_of(story).site
    common = {
        "release_id": order.release_id,
        "story_id": story.story_id,
        "version": story.version,
        "url": home.address(f"{story.path}.html"),
        "data_url": home.address(f"{story.identity}.json"),
        "item": make_item(story, home),
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
