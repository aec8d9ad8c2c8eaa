"""What happens when a story is pushed: archive it, fetch and keep its photos, tell the others."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from chassis.bucket import Bucket, content_hash
from chassis.database import Database
from chassis.errors import Conflict, Refusal
from chassis.safe_http import FetchFailed, FetchRefused, SafeClient
from chassis.unit_of_work import UnitOfWork
from contracts.content import Image, StoredObject
from contracts.events import StoryReceived
from ingestion.domain.story_form import ImageForm, StoryForm, fingerprint, source_of, to_content
from ingestion.store import AnsweredRequests, Items

FETCHES_AT_ONCE = 4
KEEP_ANSWERS_DAYS = 7


@dataclass(frozen=True)
class File:
    """An image's bytes as they came."""

    body: bytes
    content_type: str

    @property
    def hash(self) -> str:
        return content_hash(self.body)


@dataclass(frozen=True)
class Received:
    """The answer to a push."""

    story_id: UUID
    revision: int
    status: Literal["received", "unchanged"]


class ImageMissing(Refusal):
    """A photo that the story names is not there."""

    title = "An image cannot be had"
    slug = "image-missing"


class KeyReused(Conflict):
    """The same Idempotency-Key came with another body."""

    title = "This Idempotency-Key was used for another request"
    slug = "idempotency-key-reused"


def receive_story(
    form: StoryForm,
    raw: bytes,
    files: Mapping[str, File],
    idempotency_key: str | None,
    uow: UnitOfWork,
    bucket: Bucket,
    client: SafeClient,
) -> Received:
    """Take a story in. Its photos are fetched first: one that cannot be had refuses the whole, and nothing is kept.

    Raises:
        ImageMissing, KeyReused: with the field, or the key, that is wrong.

    """
    request_hash = _request_hash(raw, files)
    if idempotency_key and (answered := _answer_of(idempotency_key, request_hash, uow.database)):
        return answered
    photos = _gather(form.images, files, client)
    story_id = uuid5(NAMESPACE_URL, f"depesha:{form.source.source_id}:{form.external_id}")
    raw_key = _archive(raw, bucket)
    images = [_keep(photo, story_id, bucket) for photo in photos]
    content = to_content(form, images)

    with uow:
        item = Items(uow.connection).save(
            form.source.source_id,
            form.external_id,
            story_id,
            fingerprint(form, [photo.hash for photo in photos]),
            raw_key,
        )
        if item is None:
            known = Items(uow.connection).get(story_id)
            received = Received(story_id, known.revision if known else 1, "unchanged")
        else:
            uow.publish(
                StoryReceived(
                    story_id=story_id,
                    revision=item.revision,
                    source=source_of(form),
                    external_id=form.external_id,
                    content=content,
                    canonical_url=form.canonical_url,
                    raw_key=raw_key,
                    urgency=form.urgency,
                    published_at_source=form.published_at,
                    received_at=datetime.now(UTC),
                ),
                priority="urgent" if form.urgency <= 3 else "routine",
            )
            received = Received(story_id, item.revision, "received")
        if idempotency_key:
            answer = {"story_id": str(received.story_id), "revision": received.revision, "status": received.status}
            AnsweredRequests(uow.connection).save(idempotency_key, request_hash, answer)
    return received


def forget_old_answers(database: Database) -> None:
    with database.unit_of_work() as uow:
        AnsweredRequests(uow.connection).forget_old(KEEP_ANSWERS_DAYS)


def _request_hash(raw: bytes, files: Mapping[str, File]) -> str:
    parts = [content_hash(raw), *(f"{name}:{file.hash}" for name, file in sorted(files.items()))]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _answer_of(key: str, request_hash: str, database: Database) -> Received | None:
    with database.connection() as connection:
        answered = AnsweredRequests(connection).get(key)
    if answered is None:
        return None
    if answered.fingerprint != request_hash:
        raise KeyReused(f"Idempotency-Key {key!r} was answered for a request with another body")
    return Received(UUID(str(answered.answer["story_id"])), int(str(answered.answer["revision"])), "unchanged")


def _gather(forms: Sequence[ImageForm], files: Mapping[str, File], client: SafeClient) -> list[File]:
    """The bytes of every photo, in order; several are fetched at once."""
    if unused := set(files) - {form.file for form in forms}:
        raise ImageMissing(
            f"files {sorted(unused)} are not named by any image",
            fields=(("/images", f"no image names the file {min(unused)!r}"),),
        )
    with ThreadPoolExecutor(FETCHES_AT_ONCE) as threads:
        return list(
            threads.map(lambda numbered: _gather_one(numbered[0], numbered[1], files, client), enumerate(forms))
        )


def _gather_one(place: int, form: ImageForm, files: Mapping[str, File], client: SafeClient) -> File:
    file = _fetch(place, form.url, client) if form.url else _pick(place, form.file or "", files)
    if not file.body:
        raise ImageMissing(f"images.{place}: the file is empty", fields=((f"/images/{place}", "has 0 bytes"),))
    if len(file.body) > client.max_bytes:
        what = f"has {len(file.body)} bytes; the most that is taken is {client.max_bytes}"
        raise ImageMissing(f"images.{place}: {what}", fields=((f"/images/{place}", what),))
    return file


def _pick(place: int, name: str, files: Mapping[str, File]) -> File:
    if name not in files:
        there = f"the request has: {', '.join(sorted(files)) or 'no files'}"
        raise ImageMissing(
            f"images.{place}.file: no part named {name!r}; {there}", fields=((f"/images/{place}/file", there),)
        )
    return files[name]


def _fetch(place: int, url: str, client: SafeClient) -> File:
    try:
        fetched = client.get(url)
    except (FetchFailed, FetchRefused) as refusal:
        raise ImageMissing(
            f"images.{place}.url: {refusal.detail}", fields=((f"/images/{place}/url", refusal.detail),)
        ) from None
    return File(fetched.body, fetched.headers.get("content-type", "application/octet-stream").partition(";")[0].strip())


def _archive(raw: bytes, bucket: Bucket) -> str:
    digest = content_hash(raw)
    key = f"raw/{digest[:2]}/{digest}.json"
    bucket.put(key, raw, content_type="application/json")
    return key


def _keep(photo: File, story_id: UUID, bucket: Bucket) -> Image:
    key = f"originals/{photo.hash[:2]}/{photo.hash}"
    bucket.put(key, photo.body, content_type=photo.content_type)
    original = StoredObject(bucket="private", key=key, content_type=photo.content_type, size_bytes=len(photo.body))
    return Image(image_id=uuid5(story_id, photo.hash), original=original)
