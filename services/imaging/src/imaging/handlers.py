"""What happens to photos: each is rendered once for its words and its focus, and again when either changes."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from chassis import logs
from chassis.bucket import IMMUTABLE, Bucket, ObjectMissing, content_hash
from chassis.database import Database
from chassis.errors import NotFound
from chassis.ledger import inspect
from chassis.unit_of_work import UnitOfWork
from contracts.content import Image, Manifest, Rendition, UsageRights
from contracts.event import Event
from contracts.events import FocalPointMoved, ImageAttached, ImageProcessed, ImageRejected, StoryReceived
from imaging.decoder import Decoder, Look, Order, RenderedFile
from imaging.domain.limits import ImageRefusedError, is_slow, sniff
from imaging.domain.renditions import CONTENT_TYPES, EXTENSIONS, STANDARD_SET
from imaging.domain.renditions import Rendition as Size
from imaging.domain.rights import provenance_in, rights_in
from imaging.domain.words import Words
from imaging.store import Asset, Assets, RenditionSets, Todo

Stage = Literal["fast", "small"]

UPLOADS_AT_ONCE = 4
BACKGROUND = "background"
"""The timer that renders what no event asked for; whoever asks wakes it."""

log = logs.get()


@dataclass(frozen=True)
class Studio:
    """What rendering needs: the originals, the place for renditions, the child that decodes, and one for quiet moments."""

    originals: Bucket
    renditions: Bucket
    decoder: Decoder
    background: Decoder


class RacedError(Exception):
    """Two events about one photo were handled at once; the later one is tried again."""


@dataclass(frozen=True)
class Outcome:
    """A photo after rendering: the asset to save, and the event that tells of it; none where it has to wait."""

    asset: Asset
    event: Event | None
    refused: str | None = None


def process_story(event: StoryReceived, uow: UnitOfWork, studio: Studio) -> None:
    """Render the story's photos, those that are new or have new words."""
    with uow.database.connection() as connection:
        known = {image.image_id: Assets(connection).get(image.image_id) for image in event.content.images}
        sizes = RenditionSets(connection).newest()
    outcomes = [
        _render(asset, studio, sizes)
        for image in event.content.images
        if (asset := _with_words(image, event.story_id, event.revision, known[image.image_id])) is not None
    ]
    with uow:
        for outcome in outcomes:
            _save(outcome, uow)


def process_image(event: ImageAttached, uow: UnitOfWork, studio: Studio) -> None:
    """Render a photo that an editor added."""
    with uow.database.connection() as connection:
        known = Assets(connection).get(event.image.image_id)
        sizes = RenditionSets(connection).newest()
    asset = _with_words(event.image, event.story_id, 1, known)
    outcome = _render(asset, studio, sizes) if asset else None
    with uow:
        if outcome:
            _save(outcome, uow)


def move_focus(event: FocalPointMoved, uow: UnitOfWork, studio: Studio) -> None:
    """Crop again as an editor showed, with new words in the files where there are any.

    Raises:
        NotFound: the photo was never rendered here; tried again by nobody.

    """
    with uow.database.connection() as connection:
        known = Assets(connection).get(event.image_id)
        sizes = RenditionSets(connection).newest()
    if known is None:
        raise NotFound(f"image {event.image_id}: not known here")
    if known.focus_revision >= event.revision:
        with uow:
            return
    asset = replace(
        known,
        focal_point=event.focal_point or known.focal_point,
        crops={name: box for name, box in {**known.crops, **event.crops}.items() if box is not None},
        focus_revision=event.revision,
        caption=known.caption if event.caption is None else event.caption,
        credit=known.credit if event.credit is None else event.credit,
    )
    outcome = _render(asset, studio, sizes)
    with uow:
        _save(outcome, uow)


def _with_words(image: Image, story_id: UUID, revision: int, known: Asset | None) -> Asset | None:
    """The asset to render; None where it stands already with these words, or with newer ones."""
    key = image.original.key if image.original else ""
    if known is None:
        return Asset(image.image_id, story_id, key, image.caption, image.credit, revision)
    same_words = (known.caption, known.credit) == (image.caption, image.credit)
    if known.words_revision >= revision or (same_words and known.version) or known.focus_revision:
        return None
    return replace(known, original_key=key, caption=image.caption, credit=image.credit, words_revision=revision)


def _save(outcome: Outcome, uow: UnitOfWork) -> None:
    """Save the next version and tell of it.

    Raises:
        RacedError: another event changed the photo while this one rendered it; it is rendered again from what is true now.

    """
    assets = Assets(uow.connection)
    old = assets.get(outcome.asset.image_id, lock=True)
    if (old.version if old else 0) != outcome.asset.version:
        raise RacedError(
            f"image {outcome.asset.image_id}: version {outcome.asset.version} was rendered, but another is saved already"
        )
    if outcome.event is None:
        assets.save(outcome.asset)
        return
    version = outcome.asset.version + 1
    asset, event = replace(outcome.asset, version=version), outcome.event
    if isinstance(event, ImageProcessed):
        manifest = event.manifest.model_copy(update={"version": version})
        asset, event = replace(asset, manifest=manifest), event.model_copy(update={"manifest": manifest})
    assets.save(asset, outcome.refused)
    uow.publish(event)


class WaitsError(Exception):
    """A photo is too large for the quick road; the background worker takes it."""


def _render(asset: Asset, studio: Studio, sizes: Sequence[Size] = STANDARD_SET, stage: Stage = "fast") -> Outcome:
    """Read the original, make the set, put it in the public bucket. Files are there before anybody is told."""
    try:
        manifest = _make(asset, studio, sizes, stage)
    except WaitsError:
        return Outcome(replace(asset, todo="slow"), None)
    except ObjectMissing:
        return _refuse(asset, "missing", "Оригинал фотографии не найден в хранилище.")
    except ImageRefusedError as error:
        return _refuse(asset, error.reason, error.detail)
    event = ImageProcessed(story_id=asset.story_id, image_id=asset.image_id, manifest=manifest)
    return Outcome(replace(asset, todo="smaller" if stage == "fast" else None), event)


def _refuse(asset: Asset, reason: str, detail: str) -> Outcome:
    event = ImageRejected(story_id=asset.story_id, image_id=asset.image_id, reason=reason, detail=detail)
    return Outcome(replace(asset, manifest=None, todo=None), event, refused=f"{reason}: {detail}")


def _make(asset: Asset, studio: Studio, sizes: Sequence[Size], stage: Stage) -> Manifest:
    if not asset.original_key:
        raise ImageRefusedError("missing", "Фотография не была получена от источника.")
    body = studio.originals.get(asset.original_key)
    is_background = asset.todo in ("slow", "again") or stage == "small"
    if not is_background and asset.todo != "render" and is_slow(sniff(body), body):
        raise WaitsError
    order = Order(words_of(asset), asset.focal_point, asset.crops, sizes, is_second_pass=stage == "small")
    decoder = studio.background if is_background else studio.decoder
    uploads: list[Future[Rendition]] = []
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as threads:
        look = decoder.render(
            body, order, lambda file: uploads.append(threads.submit(_upload, file, studio.renditions))
        )
        renditions = [upload.result() for upload in uploads]
    renditions.sort(key=lambda one: (one.name, one.content_type))
    manifest = _manifest(look, tuple(renditions)).model_copy(update={"stage": stage})
    return manifest.model_copy(update={"rights": asset.rights}) if asset.rights else manifest


def words_of(asset: Asset) -> Words:
    """What is written into the files: an editor's words, and where there are none, the file's own."""
    rights = asset.rights or UsageRights()
    return Words(
        caption=asset.caption,
        credit=asset.credit,
        copyright=rights.holder,
        alt_text=asset.alt_text,
        terms=rights.terms,
        statement_url=rights.statement_url,
        instructions=rights.instructions,
        until=rights.until.isoformat() if rights.until else "",
    )


def work_off(database: Database, studio: Studio) -> None:
    """Render what somebody asked for, what is slow, and what a new set asks for."""
    while _work(database, studio, ("render", "slow", "again"), "fast"):
        pass


def make_smaller(database: Database, studio: Studio) -> None:
    """The second pass over one photo, in an idle moment."""
    with database.connection() as connection:
        is_idle = not any(lane.waiting or lane.sent for lane in inspect.lag(connection) if lane.consumer == "imaging")
    if is_idle:
        _work(database, studio, ("smaller",), "small")


def _work(database: Database, studio: Studio, kinds: Sequence[Todo], stage: Stage) -> bool:
    """Take one photo and render it. False: there is none."""
    with database.connection() as connection:
        asset = Assets(connection).take(kinds)
        sizes = RenditionSets(connection).newest()
    if asset is None:
        return False
    outcome = _render(asset, studio, sizes, stage)
    try:
        with database.unit_of_work() as uow:
            if is_same(asset.manifest, outcome.event):
                Assets(uow.connection).forget_todo(asset.image_id, asset.version)
            else:
                _save(outcome, uow)
    except RacedError:
        log.info("a photo changed while it was rendered in the background", image_id=str(asset.image_id))
    return True


def is_same(manifest: Manifest | None, event: Event | None) -> bool:
    """Whether the second pass found nothing smaller: then nobody is told."""
    if manifest is None or not isinstance(event, ImageProcessed) or event.manifest.stage != "small":
        return False
    return event.manifest.renditions == manifest.renditions


def _manifest(look: Look, renditions: tuple[Rendition, ...]) -> Manifest:
    words = look.words
    facts = {name: value for name, value in vars(look).items() if name != "words"}
    return Manifest(
        version=1,
        renditions=renditions,
        caption=words.caption,
        credit=words.credit or words.byline or words.copyright,
        byline=words.byline,
        alt_text=words.alt_text,
        rights=rights_in(words),
        provenance=provenance_in(words),
        **facts,
    )


def _upload(file: RenderedFile, bucket: Bucket) -> Rendition:
    digest = content_hash(file.body)
    key = f"media/{digest[:2]}/{digest}/{file.rendition}.{EXTENSIONS[file.format]}"
    content_type = CONTENT_TYPES[file.format]
    bucket.put(key, file.body, content_type=content_type, cache_control=IMMUTABLE)
    return Rendition(
        name=file.rendition,
        url=bucket.url(key),
        content_type=content_type,
        width=file.width,
        height=file.height,
        size_bytes=len(file.body),
    )
