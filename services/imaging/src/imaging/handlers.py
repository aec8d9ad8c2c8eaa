"""What happens to photos: each is rendered once for its words and its focus, and again when either changes."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from uuid import UUID

from chassis.bucket import IMMUTABLE, Bucket, ObjectMissing, content_hash
from chassis.errors import NotFound
from chassis.unit_of_work import UnitOfWork
from contracts.content import Image, Manifest, Rendition
from contracts.event import Event
from contracts.events import FocalPointMoved, ImageAttached, ImageProcessed, ImageRejected, StoryReceived
from imaging.decoder import Decoder, Look, Order, RenderedFile
from imaging.domain.limits import ImageRefusedError
from imaging.domain.renditions import CONTENT_TYPES, EXTENSIONS
from imaging.domain.rights import rights_in
from imaging.domain.words import Words
from imaging.store import Asset, Assets

UPLOADS_AT_ONCE = 4


@dataclass(frozen=True)
class Studio:
    """What rendering needs: the originals, the place for renditions, the child that decodes."""

    originals: Bucket
    renditions: Bucket
    decoder: Decoder


class RacedError(Exception):
    """Two events about one photo were handled at once; the later one is tried again."""


@dataclass(frozen=True)
class Outcome:
    """A photo after rendering: the asset to save, and the event that tells of it."""

    asset: Asset
    event: Event
    refused: str | None = None


def process_story(event: StoryReceived, uow: UnitOfWork, studio: Studio) -> None:
    """Render the story's photos, those that are new or have new words."""
    with uow.database.connection() as connection:
        known = {image.image_id: Assets(connection).get(image.image_id) for image in event.content.images}
    outcomes = [
        _render(asset, studio)
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
    asset = _with_words(event.image, event.story_id, 1, known)
    outcome = _render(asset, studio) if asset else None
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
    outcome = _render(asset, studio)
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
    version = outcome.asset.version + 1
    asset, event = replace(outcome.asset, version=version), outcome.event
    if isinstance(event, ImageProcessed):
        manifest = event.manifest.model_copy(update={"version": version})
        asset, event = replace(asset, manifest=manifest), event.model_copy(update={"manifest": manifest})
    assets.save(asset, outcome.refused)
    uow.publish(event)


def _render(asset: Asset, studio: Studio) -> Outcome:
    """Read the original, make the set, put it in the public bucket. Files are there before anybody is told."""
    try:
        manifest = _make(asset, studio)
    except ObjectMissing:
        return _refuse(asset, "missing", "Оригинал фотографии не найден в хранилище.")
    except ImageRefusedError as error:
        return _refuse(asset, error.reason, error.detail)
    return Outcome(asset, ImageProcessed(story_id=asset.story_id, image_id=asset.image_id, manifest=manifest))


def _refuse(asset: Asset, reason: str, detail: str) -> Outcome:
    event = ImageRejected(story_id=asset.story_id, image_id=asset.image_id, reason=reason, detail=detail)
    return Outcome(replace(asset, manifest=None), event, refused=f"{reason}: {detail}")


def _make(asset: Asset, studio: Studio) -> Manifest:
    if not asset.original_key:
        raise ImageRefusedError("missing", "Фотография не была получена от источника.")
    body = studio.originals.get(asset.original_key)
    order = Order(Words(asset.caption, asset.credit), asset.focal_point, asset.crops)
    uploads: list[Future[Rendition]] = []
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as threads:
        look = studio.decoder.render(
            body, order, lambda file: uploads.append(threads.submit(_upload, file, studio.renditions))
        )
        renditions = [upload.result() for upload in uploads]
    renditions.sort(key=lambda one: (one.name, one.content_type))
    return _manifest(look, tuple(renditions))


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
