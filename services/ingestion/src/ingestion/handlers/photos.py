"""An item's photos: fetched, or taken from the files that came along, and kept under their content's hash."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID, uuid5

from chassis.bucket import Bucket, content_hash
from chassis.errors import Refusal
from chassis.safe_http import FetchFailed, FetchRefused, SafeClient
from contracts.content import Image, StoredObject
from ingestion.domain.items import File
from ingestion.domain.story_form import ImageForm
from ingestion.store.items import Photo

FETCHES_AT_ONCE = 4

FetchNamed = Callable[[str], File]
"""A plug-in's own way to a photo that the item only names."""


@dataclass(frozen=True)
class Missing:
    """A photo that could not be had. `field` is `url` or `file` of the form."""

    field: str
    reason: str


Had = Photo | Missing


@dataclass(frozen=True)
class Gatherer:
    """Where an item's photos come from and where they go.

    `known`: those of an earlier visit, by place. The site is asked whether they changed, unless `trusts_known`; where it
    does not answer we keep what we have.
    """

    client: SafeClient
    bucket: Bucket
    files: Mapping[str, File]
    known: Mapping[str, Photo]
    fetch_named: FetchNamed | None = None
    trusts_known: bool = False

    def gather(self, forms: Sequence[ImageForm]) -> list[Had]:
        """Every photo, in order, kept in the bucket; several are fetched at once."""
        if len(forms) < 2:
            return [self._one(form) for form in forms]
        with ThreadPoolExecutor(min(FETCHES_AT_ONCE, len(forms))) as threads:
            return list(threads.map(self._one, forms))

    def _one(self, form: ImageForm) -> Had:
        field, place = place_of(form)
        if self.trusts_known and place in self.known:
            return self.known[place]
        try:
            file = self._uploaded(place) if form.upload else self._fetch(place) if form.url else self._pick(place)
        except Refusal as refusal:
            return self.known.get(place) or Missing(field, refusal.detail)
        return file if isinstance(file, Photo) else self._keep(field, place, file)

    def _fetch(self, url: str) -> File | Photo:
        known = self.known.get(url)
        fetched = self.client.get(url, as_known(known) if known else {})
        if fetched.status == 304 and known:
            return known
        if fetched.status != 200:
            raise FetchFailed(f"{url}: answered {fetched.status}")
        kind = fetched.headers.get("content-type", "").partition(";")[0].strip().lower() or "application/octet-stream"
        if kind.startswith("text/"):
            raise FetchRefused(f"{url}: is {kind}, not an image")
        headers = fetched.headers
        return File(fetched.body, kind, headers.get("etag", ""), headers.get("last-modified", ""))

    def _uploaded(self, upload_id: str) -> File:
        head = self.bucket.head(upload_key(upload_id))
        if int(head["ContentLength"]) > self.client.max_bytes:
            raise FetchRefused(f"has {head['ContentLength']} bytes; the most that is taken is {self.client.max_bytes}")
        return File(self.bucket.get(upload_key(upload_id)), str(head["ContentType"]))

    def _pick(self, name: str) -> File | Photo:
        if name in self.files:
            return self.files[name]
        if name in self.known:
            return self.known[name]
        if self.fetch_named:
            return self.fetch_named(name)
        raise FetchRefused(f"no part named {name!r}; the request has: {', '.join(sorted(self.files)) or 'no files'}")

    def _keep(self, field: str, place: str, file: File) -> Had:
        if not file.body:
            return Missing(field, "has 0 bytes")
        if len(file.body) > self.client.max_bytes:
            return Missing(field, f"has {len(file.body)} bytes; the most that is taken is {self.client.max_bytes}")
        digest = content_hash(file.body)
        self.bucket.put(key_of(digest), file.body, content_type=file.content_type)
        return Photo(place, digest, file.content_type, len(file.body), file.etag, file.last_modified)


def as_known(photo: Photo) -> dict[str, str]:
    """The headers that ask for a photo only if it is another one now."""
    asked = {"if-none-match": photo.etag, "if-modified-since": photo.last_modified}
    return {name: value for name, value in asked.items() if value}


def place_of(form: ImageForm) -> tuple[str, str]:
    """(`url`, `file` or `upload`, its value)."""
    if form.upload:
        return "upload", form.upload
    return ("url", form.url) if form.url else ("file", form.file or "")


def upload_key(upload_id: str) -> str:
    return f"originals/uploads/{upload_id}"


def key_of(digest: str) -> str:
    return f"originals/{digest[:2]}/{digest}"


def as_image(photo: Had, form: ImageForm, story_id: UUID) -> Image:
    """What the others are told of a photo; of one that could not be had, why."""
    if isinstance(photo, Missing):
        return Image(image_id=uuid5(story_id, place_of(form)[1]), original=None, problem=photo.reason)
    original = StoredObject(
        bucket="private", key=key_of(photo.hash), content_type=photo.content_type, size_bytes=photo.size_bytes
    )
    return Image(image_id=uuid5(story_id, photo.hash), original=original)
