"""What happens when a story is pushed: all or nothing, answered the same to the same key."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from chassis.bucket import content_hash
from chassis.database import Database
from chassis.errors import Conflict, Refusal, TooLarge
from ingestion.domain.items import File, Raw
from ingestion.domain.story_form import StoryForm
from ingestion.handlers.intake import Intake, Pushed, Received, keep_bytes, note, row_of
from ingestion.handlers.photos import Gatherer, Missing, upload_key
from ingestion.sources import push
from ingestion.store.answers import AnsweredRequests
from ingestion.store.items import Photo, Sender
from ingestion.store.uploads import Uploads

KEEP_ANSWERS_DAYS = 7
QUIET_AFTER_S = 7 * 24 * 3600
"""Programs push at very different rates; an editor who waits for one daily says so at the source."""


UPLOAD_S = 900


@dataclass(frozen=True)
class Ticket:
    """Where a file is put with PUT, and until when."""

    upload_id: str
    url: str
    expires_at: datetime


class ImageMissing(Refusal):
    """A photo that the story names is not there."""

    title = "An image cannot be had"
    slug = "image-missing"


class KeyReused(Conflict):
    """The same Idempotency-Key came with another body."""

    title = "This Idempotency-Key was used for another request"
    slug = "idempotency-key-reused"


def receive_story(
    form: StoryForm, raw: bytes, files: Mapping[str, File], idempotency_key: str | None, intake: Intake
) -> Received:
    """Take a story in. Its photos are fetched first: one that cannot be had refuses the whole, and nothing is noted.

    Raises:
        ImageMissing, KeyReused: with the field, or the key, that is wrong.
        SourcePaused: somebody paused the source.
        SourceNotPushed: its stories come in another way.

    """
    request_hash = _request_hash(raw, files)
    if idempotency_key and (answered := _answer_of(idempotency_key, request_hash, intake.database)):
        return answered
    photos = _gather(form, files, intake)
    note_of_files = {"files": {name: content_hash(file.body) for name, file in files.items()}} if files else {}
    original = Raw(raw, "application/json", note=note_of_files)
    key = keep_bytes(original, intake.bucket)

    with intake.database.unit_of_work() as uow:
        received = note(form, photos, Pushed(row_of(original, key), sender_of(form)), uow)
        if idempotency_key:
            answer = {"story_id": str(received.story_id), "revision": received.revision, "status": received.status}
            AnsweredRequests(uow.connection).save(idempotency_key, request_hash, answer)
    return received


def sender_of(form: StoryForm) -> Sender:
    """What a source that pushes for the first time is noted as; editors may change it."""
    source = form.source
    return Sender(source.name or source.source_id, source.url, push.PLUGIN.every_s, QUIET_AFTER_S)


def create_upload(content_type: str, size_bytes: int, intake: Intake) -> Ticket:
    """A place for one file, open for a quarter of an hour; type and size stand in the signature.

    Raises:
        TooLarge: more than a photo may have.

    """
    if size_bytes > intake.client.max_bytes:
        raise TooLarge(f"size_bytes: {size_bytes}; the most that is taken is {intake.client.max_bytes}")
    upload_id = uuid4().hex
    with intake.database.connection() as connection:
        Uploads(connection).save(upload_id)
    url = intake.bucket.presign_put(upload_key(upload_id), content_type, size_bytes, UPLOAD_S)
    return Ticket(upload_id, url, datetime.now(UTC) + timedelta(seconds=UPLOAD_S))


def forget_old_answers(database: Database) -> None:
    with database.unit_of_work() as uow:
        AnsweredRequests(uow.connection).forget_old(KEEP_ANSWERS_DAYS)


def _request_hash(raw: bytes, files: Mapping[str, File]) -> str:
    parts = [content_hash(raw), *(f"{name}:{content_hash(file.body)}" for name, file in sorted(files.items()))]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _answer_of(key: str, request_hash: str, database: Database) -> Received | None:
    with database.connection() as connection:
        answered = AnsweredRequests(connection).get(key)
    if answered is None:
        return None
    if answered.fingerprint != request_hash:
        raise KeyReused(f"Idempotency-Key {key!r} was answered for a request with another body")
    return Received(UUID(str(answered.answer["story_id"])), int(str(answered.answer["revision"])), "unchanged")


def _gather(form: StoryForm, files: Mapping[str, File], intake: Intake) -> list[Photo]:
    """The photos, in order.

    Raises:
        ImageMissing: one cannot be had, or a file came that no image names.

    """
    if unused := set(files) - {image.file for image in form.images}:
        raise ImageMissing(
            f"files {sorted(unused)} are not named by any image",
            fields=(("/images", f"no image names the file {min(unused)!r}"),),
        )
    photos = []
    for place, photo in enumerate(Gatherer(intake.client, intake.bucket, files, {}).gather(form.images)):
        if isinstance(photo, Missing):
            raise ImageMissing(
                f"images.{place}.{photo.field}: {photo.reason}",
                fields=((f"/images/{place}/{photo.field}", photo.reason),),
            )
        photos.append(photo)
    return photos
