"""The one way in: archive the original, read it, fetch each item's photos, note its revision, tell the others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg

from chassis import logs
from chassis.bucket import Bucket, StorageDown, content_hash
from chassis.database import Database
from chassis.errors import Refusal
from chassis.safe_http import SafeClient
from chassis.unit_of_work import UnitOfWork
from contracts.events import StoryReceived, StoryWithdrawnAtSource
from ingestion.domain.items import Item, Part, Raw, Trouble, Withdrawn
from ingestion.domain.story_form import StoryForm, fingerprint, form_hash, source_of, to_content
from ingestion.domain.typography import drop_invisible
from ingestion.handlers.duplicates import find_duplicates
from ingestion.handlers.opened import OpenSource
from ingestion.handlers.photos import FetchNamed, Gatherer, Had, Missing, as_image, place_of
from ingestion.store.items import Items, NewOriginal, Originals, Photo, Photos, Sender, Troubles, Written

CHUNK = 100
MOST_PLACE, MOST_REASON = 300, 1_000

log = logs.get()


@dataclass(frozen=True)
class Intake:
    """Where things are kept, and who fetches photos."""

    database: Database
    bucket: Bucket
    client: SafeClient


@dataclass(frozen=True)
class Kept:
    """An archived original."""

    raw_id: int
    key: str


@dataclass(frozen=True)
class Pushed:
    """An original that a program pushed: archived, its row not written yet."""

    original: NewOriginal
    sender: Sender

    @property
    def key(self) -> str:
        return self.original.key


@dataclass(frozen=True)
class Received:
    """What became of one item."""

    story_id: UUID
    revision: int
    status: Literal["received", "unchanged"]


@dataclass(frozen=True)
class Taken:
    """What became of one original: counts of its parts."""

    received: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    troubles: int = 0
    too_old: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(**{name: count + getattr(other, name) for name, count in vars(self).items()})


def take_raw(raw: Raw, source: OpenSource, intake: Intake) -> Taken:
    """Take all that is in an original. What cannot be read is noted with it, and stops nothing else.

    Raises:
        Refusal: the original as a whole cannot be read; that, too, is noted.

    """
    kept = archive(raw, source.source_id, intake)
    counts = dict.fromkeys(vars(Taken()), 0)
    for chunk in _chunks(_parts(raw, source, kept, intake)):
        for outcome in _take_chunk(chunk, source, kept, intake):
            counts[outcome] += 1
    return Taken(**counts)


def archive(raw: Raw, source_id: str, intake: Intake) -> Kept:
    """Keep an original as it came: first the bytes, then the row that names them."""
    key = keep_bytes(raw, intake.bucket)
    with intake.database.connection() as connection:
        return Kept(Originals(connection).save(source_id, row_of(raw, key)), key)


def keep_bytes(raw: Raw, bucket: Bucket) -> str:
    digest = content_hash(raw.body)
    key = f"raw/{digest[:2]}/{digest}"
    bucket.put(key, raw.body, content_type=raw.media_type)
    return key


def row_of(raw: Raw, key: str) -> NewOriginal:
    return NewOriginal(key, raw.media_type, raw.url, raw.note, len(raw.body))


def take_in(item: Item, kept: Kept, source: OpenSource, intake: Intake, *, is_again: bool = False) -> Received:
    """Take one item in. A photo that cannot be had is told of, at the source and in the story, and tried again later.

    `is_again`: photos that we have already are not asked for.
    """
    form = source.sign(item.form)
    story_id = story_id_of(form)
    with intake.database.connection() as connection:
        known = Photos(connection).of(story_id) if form.images else {}
    gatherer = Gatherer(
        intake.client, intake.bucket, item.files, known, _named(source, intake.client), trusts_known=is_again
    )
    photos = gatherer.gather(form.images)
    with intake.database.unit_of_work() as uow:
        for image, photo in zip(form.images, photos, strict=True):
            if isinstance(photo, Missing):
                place = f"{form.external_id}: {place_of(image)[1]}"
                _note(Trouble(place, photo.reason), source.source_id, kept, uow.connection)
        return note(form, photos, kept, uow)


def note(form: StoryForm, photos: Sequence[Had], kept: Kept | Pushed, uow: UnitOfWork) -> Received:
    """The item's row, its photos' rows, and the event; inside the caller's transaction.

    Raises:
        SourcePaused, SourceNotPushed: it was pushed for a source that somebody paused, or that does not push.

    """
    story_id = story_id_of(form)
    images = [as_image(photo, image, story_id) for photo, image in zip(photos, form.images, strict=True)]
    content = to_content(form, images)
    had = [photo for photo in photos if isinstance(photo, Photo)]
    source_id, external_id = form.source.source_id, form.external_id
    items = Items(uow.connection)
    marks = fingerprint(form, [photo.hash if isinstance(photo, Photo) else "" for photo in photos])
    written = Written(
        source_id,
        external_id,
        story_id,
        marks,
        form_hash(form),
        content.headline,
        form.canonical_url,
        len(photos) - len(had),
    )
    revision = (
        items.save(written, kept.raw_id, kept.key)
        if isinstance(kept, Kept)
        else items.save_pushed(written, kept.original, kept.sender)
    )
    if revision is None:
        items.touch(source_id, external_id, written.form_hash)
        known = items.get(source_id, external_id)
        return Received(story_id, known.revision if known else 1, "unchanged")
    Photos(uow.connection).save(story_id, had)
    same = find_duplicates(story_id, form.canonical_url, content, uow.connection)
    event = StoryReceived(
        story_id=story_id,
        revision=revision,
        source=source_of(form),
        external_id=external_id,
        content=content,
        canonical_url=form.canonical_url,
        raw_key=kept.key,
        urgency=form.urgency,
        duplicate_of=same,
        published_at_source=form.published_at,
        received_at=datetime.now(UTC),
    )
    uow.publish(event, priority="urgent" if form.urgency <= 3 else "routine")
    return Received(story_id, revision, "received")


def withdraw(withdrawn: Withdrawn, source: OpenSource, database: Database) -> bool:
    """Tell that the source took a story back; False where it is unknown or was told already."""
    with database.unit_of_work() as uow:
        known = Items(uow.connection).withdraw(source.source_id, withdrawn.external_id)
        if known is None:
            return False
        uow.publish(
            StoryWithdrawnAtSource(
                story_id=known.story_id,
                revision=known.revision,
                reason=withdrawn.reason,
                noticed_at=datetime.now(UTC),
            )
        )
    return True


def story_id_of(form: StoryForm) -> UUID:
    return uuid5(NAMESPACE_URL, f"depesha:{form.source.source_id}:{form.external_id}")


def _named(source: OpenSource, client: SafeClient) -> FetchNamed | None:
    fetch = source.plugin.fetch
    return (lambda name: fetch(name, source.settings, client)) if fetch else None


def _parts(raw: Raw, source: OpenSource, kept: Kept, intake: Intake) -> Iterator[Part]:
    """What the plug-in reads. Where it gives up on the whole, that is noted before anybody hears of it."""
    try:
        yield from source.plugin.parse(raw, source.settings)
    except (psycopg.Error, StorageDown):
        raise
    except Exception as error:
        reason = error.detail if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"
        with intake.database.connection() as connection:
            _note(Trouble(raw.url or "original", reason), source.source_id, kept, connection)
        raise


def _chunks(parts: Iterable[Part]) -> Iterator[list[Part]]:
    parts = iter(parts)
    while chunk := list(islice(parts, CHUNK)):
        yield chunk


Outcome = Literal["received", "unchanged", "withdrawn", "troubles", "too_old"]


def _take_chunk(parts: Sequence[Part], source: OpenSource, kept: Kept, intake: Intake) -> Iterator[Outcome]:
    """What we have already in these very words costs one question for all of them."""
    wanted = [part.form.external_id for part in parts if isinstance(part, Item)]
    with intake.database.connection() as connection:
        known = Items(connection).known(source.source_id, wanted)
    for part in parts:
        if isinstance(part, Item):
            have = known.get(part.form.external_id)
            if have and have.form_hash == form_hash(part.form) and not have.is_withdrawn:
                yield "unchanged"
                continue
            if have is None and source.is_too_old(part.form):
                yield "too_old"
                continue
        yield _take_part(part, source, kept, intake)


def _take_part(part: Part, source: OpenSource, kept: Kept, intake: Intake) -> Outcome:
    if isinstance(part, Withdrawn):
        return "withdrawn" if withdraw(part, source, intake.database) else "unchanged"
    if isinstance(part, Item):
        try:
            return take_in(part, kept, source, intake).status
        except (psycopg.OperationalError, StorageDown):
            raise  # nothing of ours answers: the visit is made again
        except Exception as error:
            log.exception("an item cannot be taken in", source_id=source.source_id, item=part.form.external_id)
            part = Trouble(part.form.external_id, f"{type(error).__name__}: {error}")
    with intake.database.connection() as connection:
        _note(part, source.source_id, kept, connection)
    return "troubles"


def _note(trouble: Trouble, source_id: str, kept: Kept, connection: psycopg.Connection) -> None:
    place, reason = drop_invisible(trouble.place)[:MOST_PLACE], drop_invisible(trouble.reason)[:MOST_REASON]
    Troubles(connection).note(source_id, place, reason, kept.raw_id)
