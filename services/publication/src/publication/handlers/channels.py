"""Tell channels what they still have to be told. Each story has its own state on each channel; a deaf channel holds up no other."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from chassis import logs
from chassis.database import Database
from contracts.events import ChannelChanged
from publication.channels import Channel, ChannelRefused, ChannelUnavailable, Telling, Told
from publication.domain.page import picture
from publication.domain.story import Story
from publication.press import Press
from publication.store.posts import ChannelState, Post, Posts
from publication.store.stories import Stories

LEASE = timedelta(seconds=120)
BATCH = 20
MOST_ATTEMPTS = 12

log = logs.get()


def tell_channels(database: Database, press: Press) -> None:
    """One batch of what is due, several at once."""
    with database.unit_of_work() as uow:
        due = Posts(uow.connection).claim(BATCH, LEASE)
    if due:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda post: _tell(post, database, press), due))


def _tell(post: Post, database: Database, press: Press) -> None:
    channel = press.channels.get(post.channel)
    with database.connection() as connection:
        story = Stories(connection).get(post.story_id)
    if channel is None or story is None:
        _fail(post, database, "the channel is no longer in the settings", None)
        return
    try:
        state, told = _carry(post, channel, make_telling(story, press))
    except ChannelUnavailable as error:
        _fail(post, database, str(error), pause(post.attempts, error.retry_after_s))
    except ChannelRefused as error:
        _fail(post, database, str(error), None)
    except Exception as error:
        log.warning("a channel broke", channel=post.channel, reason=str(error), exc_info=True)
        _fail(post, database, f"{type(error).__name__}: {error}", pause(post.attempts, None))
    else:
        _succeed(post, database, state, told)


def _carry(post: Post, channel: Channel, telling: Telling) -> tuple[ChannelState, Told]:
    if post.wanted == "shown":
        told = channel.show(telling, post.reference)
        return ("edited" if post.reference else "posted"), told
    if post.reference is None:
        return "deleted", Told({})
    return "deleted", channel.hide(telling, post.reference)


def make_telling(story: Story, press: Press) -> Telling:
    editions = press.of(story)
    home = press.home_of(story).site
    pages = [
        edition.site.address(f"{path}.{ending}")
        for edition in editions
        for path in (story.path, *story.old_paths)
        for ending in ("html", "json")
    ]
    media = [press.bucket.url(key) for key in press.media_keys(story.snapshot)] if story.state == "killed" else []
    return Telling(
        story_id=str(story.story_id),
        version=story.version,
        headline=story.snapshot.headline,
        lede=story.snapshot.lede,
        url=home.address(f"{story.path}.html"),
        tags=tuple(tag.label for tag in story.snapshot.tags),
        pictures=tuple(
            picture(image) for image in sorted(story.snapshot.images, key=lambda one: one is not story.lead)
        ),
        feed_urls=tuple(
            edition.site.address(path) for edition in editions for path in ("rss.xml", "atom.xml", "feed.json")
        ),
        all_urls=(*pages, *media),
    )


def pause(attempts: int, asked_s: float | None) -> timedelta | None:
    """What the channel asks for, else 5 s doubled with each attempt up to an hour, a fifth either way; None after the last."""
    if attempts + 1 >= MOST_ATTEMPTS:
        return None
    wait_s = asked_s if asked_s is not None else min(5 * 2**attempts, 3_600) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter is no secret
    return timedelta(seconds=wait_s)


def _succeed(post: Post, database: Database, state: ChannelState, told: Told) -> None:
    reference = None if state == "deleted" else told.reference
    with database.unit_of_work() as uow:
        Posts(uow.connection).done(post, state, reference, told.url if state != "deleted" else "")
        uow.publish(_fact(post, state, told.url, ""))


def _fail(post: Post, database: Database, detail: str, retry_after: timedelta | None) -> None:
    with database.unit_of_work() as uow:
        Posts(uow.connection).failed(post, detail, retry_after)
        uow.publish(_fact(post, "failed", "", detail))


def _fact(post: Post, state: ChannelState, url: str, detail: str) -> ChannelChanged:
    return ChannelChanged(
        story_id=post.story_id,
        version=post.wanted_version,
        channel=post.channel,
        state=state,
        url=url,
        detail=detail,
        changed_at=datetime.now(UTC),
    )
