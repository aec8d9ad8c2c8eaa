"""Sends the demo stories down the whole road through the same doors that everybody uses, and times each leg."""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from stack.demo import web
from stack.demo.channel import hand_in_post
from stack.demo.stories import CLINICS, STORIES, ChannelPost, DemoStory, Photo
from stack.house import House
from stack.processes import wait_until

LEG_TIMEOUT_S = 60
LEFT_BY_PEOPLE = ("unpublished", "killed", "spiked")
"""Somebody took the story away in an earlier run; the demo does not know better."""
PARTNER_NAME = "Вечерний Орск"
FEED = "feed:vecherniy-orsk"
ANY_AGE_DAYS = 36_500
"""Its news stay as they are while the calendar goes on; a feed that is new brings those of a week, unless it is told otherwise."""

Step = Callable[[str], None]
"""Called with each thing that is being done, for the progress display."""


@dataclass
class Trip:
    """One story on the road. Legs are in seconds."""

    headline: str
    story_id: str = ""
    page_url: str = ""
    legs: dict[str, float] = field(default_factory=dict)
    webhook: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    state: str = ""
    """Where it stood at the desk before this run did anything with it; a later run finds its stories where people left them."""
    trouble: str = ""
    """Why it did not arrive; empty if it did."""


def take(house: House, photos: Future[dict[str, Path]], step: Step) -> list[Trip]:
    """All stories, one after the other, with the partner subscribed first."""
    subscribe_partner(house)
    follow_feed(house)
    step("making photographs")
    files = photos.result()
    return [attempt(story, house, files, step) for story in (CLINICS, *STORIES)]


def follow_feed(house: House) -> None:
    """The partner's own news come in by its feed. Its address may have changed since the last run."""
    settings = {"url": f"{house.url('partner')}/feed.xml", "first_days": ANY_AGE_DAYS}
    if any(source["source_id"] == FEED for source in _ask(house, "ingestion", "GET", "/sources")):
        _ask(house, "ingestion", "PATCH", f"/sources/{FEED}", {"settings": settings})
    else:
        source = {"source_id": FEED, "kind": "feed", "name": PARTNER_NAME, "settings": settings, "every_s": 60}
        _ask(house, "ingestion", "POST", "/sources", source)


def stories_of_feed(house: House) -> int:
    """How many stories the feed has brought; waits for the first, which the first visit brings.

    Raises:
        TimeoutError: none came.

    """
    count = 0

    def look() -> bool:
        nonlocal count
        count = _ask(house, "ingestion", "GET", f"/sources/{FEED}")["items_all"]
        return bool(count)

    wait_until(look, f"the first story of {FEED}", timeout_s=LEG_TIMEOUT_S)
    return count


def attempt(story: DemoStory | ChannelPost, house: House, files: dict[str, Path], step: Step) -> Trip:
    """One story's travel; what stops it is told and stops nothing else, for the house itself is up."""
    trip = Trip(headline=story.headline)
    try:
        travel(trip, story, house, files, step)
    except (web.WebError, TimeoutError) as error:
        trip.trouble = str(error)
    return trip


def subscribe_partner(house: House) -> None:
    """Once for a data folder: the secret is shown only at subscription."""
    house.partner_folder.mkdir(parents=True, exist_ok=True)
    secret = house.partner_folder / "secret"
    url = f"{house.url('partner')}/webhook"
    endpoints = _ask(house, "delivery", "GET", "/endpoints")
    for old in endpoints:
        if old["name"] == PARTNER_NAME and (old["url"] != url or not secret.exists()):
            _ask(house, "delivery", "DELETE", f"/endpoints/{old['endpoint_id']}")
    if not secret.exists() or not any(one["name"] == PARTNER_NAME and one["url"] == url for one in endpoints):
        expecting = house.partner_folder / "expecting"
        expecting.touch()  # the partner answers a handshake only while it knows of one
        answer = _ask(house, "delivery", "POST", "/endpoints", {"name": PARTNER_NAME, "url": url})
        secret.touch(mode=0o600)
        secret.write_text(answer["secret"])
        expecting.unlink()


def make_photos(folder: Path) -> dict[str, Path]:
    """All photos of all stories, by name; kept for the next run. Made in processes whose memory goes with them."""
    photos = [photo for story in (CLINICS, *STORIES) for photo in story.photos]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        return dict(zip([photo.name for photo in photos], processes.map(partial(_make, folder), photos), strict=True))


def _make(folder: Path, photo: Photo) -> Path:
    from stack.demo.photos import make_photo, shrink_for_telegram  # noqa: PLC0415 - numpy and libvips only in the children

    caption, _, credit = photo.line.partition("|")
    credit = credit.partition(":")[2].partition(" / ")[0].strip()
    path = make_photo(folder / photo.name, photo.scene, photo.seed, caption.strip(), credit, photo.orientation)
    return shrink_for_telegram(path) if photo in CLINICS.photos else path


def travel(trip: Trip, story: DemoStory | ChannelPost, house: House, files: dict[str, Path], step: Step) -> None:
    """Push, wait for photos and tags at the desk, publish, wait for page and partner.

    Raises:
        WebError: an API refused.
        TimeoutError: a leg took longer than LEG_TIMEOUT_S.

    """
    started = time.monotonic()

    def leg(name: str) -> None:
        nonlocal started
        trip.legs[name], started = time.monotonic() - started, time.monotonic()

    if isinstance(story, ChannelPost):
        step(f"«{trip.headline}»: posting it in Telegram")
        trip.story_id = hand_in_post(story, house, files)
    else:
        step(f"«{trip.headline}»: handing in")
        trip.story_id = hand_in(story, house, files)
    leg("received")
    step(f"«{trip.headline}»: rendering photos, proposing tags")
    shown = _at_desk(trip, house, is_ready)
    trip.tags = tuple(tag["label"] for tag in shown["draft"]["tags"])
    trip.state = shown["state"]
    leg("photos and tags")
    if trip.state in LEFT_BY_PEOPLE:
        return
    step(f"«{trip.headline}»: publishing")
    if trip.state not in ("published", "publishing"):
        _ask(house, "desk", "POST", f"/api/stories/{trip.story_id}/releases", {"action": "publish"})
    trip.page_url = _published_url(trip, house)
    leg("page")
    step(f"«{trip.headline}»: reaching the partner")
    wait_until(lambda: _received(trip, house), f"the partner's webhook for {trip.page_url}", timeout_s=LEG_TIMEOUT_S)
    leg("partner")


def hand_in(story: DemoStory, house: House, files: dict[str, Path]) -> str:
    """Push it with its photos. Returns the story's id."""
    images = [{"file": photo.name, "caption": photo.line, "alt_text": photo.alt} for photo in story.photos]
    answer = web.post_multipart(
        f"{house.url('ingestion')}/stories",
        {**story.form, "images": images},
        {photo.name: files[photo.name] for photo in story.photos},
        token=house.engines.operator_token,
    )
    return str(answer["story_id"])


def is_ready(story: dict[str, Any]) -> bool:
    """Every photo rendered or refused, tags proposed."""
    answered = {image["image_id"] for image in story["images"] if image["manifest"] or image["rejected"]}
    return answered >= {image["image_id"] for image in story["draft"]["images"]} and story["tagged_revision"] > 0


def _at_desk(trip: Trip, house: House, is_good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def look() -> bool:
        try:
            seen.update(_ask(house, "desk", "GET", f"/api/stories/{trip.story_id}"))
        except web.WebError:
            return False
        return is_good(seen)

    wait_until(look, f"story {trip.story_id} at the desk", timeout_s=LEG_TIMEOUT_S)
    return seen


def _published_url(trip: Trip, house: House) -> str:
    url = ""

    def look() -> bool:
        nonlocal url
        try:
            url = _ask(house, "publication", "GET", f"/stories/{trip.story_id}")["url"]
        except web.WebError:
            return False
        return web.is_ok(url)

    wait_until(look, f"the page of story {trip.story_id}", timeout_s=LEG_TIMEOUT_S)
    return url


def _received(trip: Trip, house: House) -> bool:
    received = web.call("GET", f"{house.url('partner')}/received")["webhooks"]
    notes = [note for note in received if note.get("story_id") == trip.story_id]
    if notes:
        trip.webhook = notes[-1]
    return bool(notes)


def _ask(house: House, service: str, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    return web.call(method, f"{house.url(service)}{path}", body, token=house.engines.operator_token)
