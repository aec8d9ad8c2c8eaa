"""What publishing needs: our sites with their looks, the bucket they are served from, and the careful way to write into it."""

import gzip
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from chassis.bucket import REDIRECT, Bucket, KeyTaken, ObjectMissing, StorageDown
from contracts.content import Snapshot
from publication.channels import Channel
from publication.domain.site import Site
from publication.domain.story import Story
from publication.rendering import Theme

SHORT = "public, max-age=15, stale-while-revalidate=60"
TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "feed": "application/feed+json; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class Output:
    """A file of a site. `stamp` grows: a lower one never stands over a higher one. `body` may be made when it is written."""

    key: str
    body: bytes | Callable[[], bytes]
    kind: str
    stamp: int
    is_new: bool = False
    status: int = 200
    goes_to: str = ""
    can_follow: bool = False
    """Whether it may be written a moment after the facts are told."""


@dataclass(frozen=True)
class Edition:
    """One site and its looks."""

    site: Site
    theme: Theme


Survey = Mapping[str, Mapping[str, str]]
"""Folder -> key -> ETag. It may be a little old: what came since is noticed when it would be overwritten."""
NO_SURVEY: Survey = MappingProxyType({})


class Shelf:
    """Writes outputs into the bucket: whole, in parallel, only what changed, and never an older over a newer one.

    It remembers what it wrote (a few bytes an object), so most writes need no look at the bucket first.
    """

    def __init__(self, bucket: Bucket, threads: ThreadPoolExecutor, *, compresses: bool = False) -> None:
        self.bucket = bucket
        self.compresses = compresses
        self._threads = threads
        self._known: dict[str, tuple[str, int]] = {}

    def write(self, outputs: Iterable[Output], survey: Survey = NO_SURVEY) -> list[bool]:
        """False for each that is too old: a newer one stands there. Those who write much `survey` the folders first.

        Raises:
            StorageDown: the storage does not answer; nothing is half written, and writing all again is harmless.

        """
        begun: list[Future[bool]] = []
        last: Output | None = None
        for output in outputs:
            if last is not None:
                begun.append(self._threads.submit(self._write_one, last, survey))
            last = output
        if last is None:
            return []
        try:
            is_last_written = self._write_one(last, survey)  # by this thread, which has nothing better to do
            return [*(one.result() for one in begun), is_last_written]
        finally:
            for one in begun:
                one.cancel()

    def survey(self, folders: Iterable[str], before: Survey = NO_SURVEY) -> Survey:
        """What lies in these folders, as far as it is not known from `before`: one question for a thousand objects."""
        return {folder: before.get(folder) or self.bucket.etags(folder) for folder in set(folders)}

    def _write_one(self, output: Output, survey: Survey) -> bool:
        body, attributes = self._pack(output)
        found = survey.get(output.key.rpartition("/")[0])
        is_new = output.is_new or (found is not None and output.key not in found)
        tag = "" if is_new else _etag(body)
        if found is not None and found.get(output.key) == tag and not output.goes_to:
            return True
        standing = None if is_new else self._known.get(output.key) or self._look(output.key)
        if standing is not None and standing[0] == tag:
            standing = self._look(output.key)  # another process may have written since
        while True:
            if standing is not None:
                if standing[1] > output.stamp:
                    return False
                if standing[0] == (tag or _etag(body)) and not output.goes_to:
                    self._remember(output.key, *standing)
                    return True
            try:
                written = self.bucket.put(
                    output.key,
                    body,
                    content_type=TYPES[output.kind],
                    cache_control=SHORT,
                    if_match=standing[0] if standing else None,
                    if_none_match=standing is None,
                    attributes=attributes,
                )
            except (KeyTaken, ObjectMissing) as error:
                if standing is None and isinstance(error, ObjectMissing):
                    raise StorageDown(f"{error}, and no bucket") from error
                standing = self._look(output.key)
                continue
            self._remember(output.key, written, output.stamp)
            return True

    def _pack(self, output: Output) -> tuple[bytes, dict[str, str]]:
        """The bytes to store, and what is said of them. `status`: what the edge should answer; S3 itself only knows 200."""
        attributes = {"version": str(output.stamp)}
        if output.status != 200:
            attributes["status"] = str(output.status)
        if output.goes_to:
            attributes[REDIRECT] = output.goes_to
        body = output.body if isinstance(output.body, bytes) else output.body()
        if self.compresses and len(body) > 1_000:
            return gzip.compress(body, 6, mtime=0), {**attributes, "Content-Encoding": "gzip"}
        return body, attributes

    def _look(self, key: str) -> tuple[str, int] | None:
        try:
            standing = self.bucket.head(key)
        except ObjectMissing:
            return None
        return standing["ETag"], int(standing["Metadata"].get("version", 0))

    def _remember(self, key: str, etag: str, stamp: int) -> None:
        if len(self._known) > 50_000:
            self._known.clear()
        self._known[key] = (etag, stamp)


def mark_of(key: str) -> str:
    """media/ab/abcdef…/w960.avif -> the first 64 bits of its content hash."""
    return key.rsplit("/", 2)[-2][:16]


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


@dataclass(frozen=True)
class Press:
    editions: tuple[Edition, ...]
    shelf: Shelf
    channels: Mapping[str, Channel] = field(default_factory=dict)
    site_files: Mapping[str, bytes] = field(default_factory=dict)
    """Small text files that every site has, such as IndexNow's key."""
    seen_media: set[str] = field(default_factory=set)
    wake: Callable[[Story | None], None] = lambda _: None
    """Tells the list writer that lists are stale, and which story has come, if one has."""

    @property
    def bucket(self) -> Bucket:
        return self.shelf.bucket

    def for_snapshot(self, snapshot: Snapshot) -> list[Edition]:
        """The sites that take such a story, in the order of the settings; the first is its home."""
        return [edition for edition in self.editions if edition.site.takes(snapshot)]

    def of(self, story: Story) -> list[Edition]:
        """The sites that a story stands on."""
        return [edition for edition in self.editions if edition.site.key in story.sites]

    def home_of(self, story: Story) -> Edition:
        """The first site that a story stands on; our first one where those are no longer in the settings."""
        return (self.of(story) or list(self.editions))[0]

    def edition(self, key: str) -> Edition | None:
        return next((edition for edition in self.editions if edition.site.key == key), None)

    def has_media(self, key: str) -> bool:
        """Whether a photo's file lies in the bucket; the answer yes is remembered."""
        if key in self.seen_media:
            return True
        if self.bucket.exists(key):
            if len(self.seen_media) > 50_000:
                self.seen_media.clear()
            self.seen_media.add(key)
            return True
        return False

    def forget_media(self, keys: Iterable[str]) -> None:
        self.seen_media.difference_update(keys)

    def media_keys(self, snapshot: Snapshot) -> list[str]:
        """Keys of the photos' files that lie in our own public bucket."""
        return [
            key for image in snapshot.images for one in image.manifest.renditions if (key := self.media_key(one.url))
        ]

    def custom_media_keys(self, snapshot: Snapshot) -> list[str]:
        """Keys of the sizes that imaging made of the photos when partners asked for them."""
        return [key for image in snapshot.images for key in self.bucket.list(f"media/r/{image.image_id}/")]

    def marks(self, snapshot: Snapshot) -> list[str]:
        """What tells the photos' files apart, short enough for an index: the content hash in each key."""
        return sorted({mark_of(key) for key in self.media_keys(snapshot)})

    def main_media_keys(self, snapshot: Snapshot) -> list[str]:
        """One file a photo, the widest JPEG: where it is there, the photo was rendered."""
        keys: list[str] = []
        for image in snapshot.images:
            jpegs: Sequence[Any] = [one for one in image.manifest.renditions if one.content_type == "image/jpeg"]
            if jpegs and (key := self.media_key(max(jpegs, key=lambda one: one.width).url)):
                keys.append(key)
        return keys

    def media_key(self, url: str) -> str:
        root = f"{self.bucket.base_url}/"
        return url.removeprefix(root) if url.startswith(root) else ""
