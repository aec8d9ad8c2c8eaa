"""What happens to photos: each is rendered once for its words and its focus, and again when either changes."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from chassis import logs
from chassis.bucket import IMMUTABLE, Bucket, ObjectMissing, content_hash
from chassis.database import Database
from chassis.ledger import inspect
from chassis.unit_of_work import UnitOfWork
from contracts.content import Image, Manifest, Rendition, UsageRights, status_of_alt_text
from contracts.event import Event
from contracts.events import (
    FocalPointMoved,
    ImageAttached,
    ImageProcessed,
    ImageRejected,
    StoryKilled,
    StoryReceived,
    StoryRevised,
)
from imaging.decoder import Decoder, Look, Order, RenderedFile
from imaging.domain.limits import ImageRefusedError, is_slow, sniff
from imaging.domain.renditions import CONTENT_TYPES, EXTENSIONS, STANDARD_SET
from imaging.domain.renditions import Rendition as Size
from imaging.domain.rights import rights_in
from imaging.domain.wishes import Wish, together
from imaging.domain.words import Words
from imaging.store import Asset, Assets, RenditionSets, Stories, Todo

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
    shows_headline: bool = False


def process_story(event: StoryReceived, uow: UnitOfWork, studio: Studio) -> None:
    """Render the story's photos, those that are new or have new words."""
    with uow.database.connection() as connection:
        assets = Assets(connection)
        before = [(image, assets.get(image.image_id), assets.wishes(image.image_id)) for image in event.content.images]
        sizes = RenditionSets(connection).newest()
        headline = Stories(connection).headline(event.story_id, event.content.headline, event.revision)
        is_killed = Stories(connection).is_killed(event.story_id)
    outcomes = []
    for image, known, wishes in before:
        asset = _with_words(image, event.story_id, event.revision, known)
        if asset is not None:
            asset = replace(asset, headline=headline, wishes=tuple(wishes))
            is_rendered = known is not None and known.version and looks_of(known) == looks_of(asset)
            outcomes.append(Outcome(asset, None) if is_rendered or is_killed else _render(asset, studio, sizes))
    with uow:
        _note_headline(event.story_id, event.content.headline, event.revision, uow)
        for outcome in outcomes:
            _save(outcome, uow)


def process_image(event: ImageAttached, uow: UnitOfWork, studio: Studio) -> None:
    """Render a photo that an editor added."""
    with uow.database.connection() as connection:
        assets = Assets(connection)
        asset = _with_words(event.image, event.story_id, 1, assets.get(event.image.image_id))
        wishes = assets.wishes(event.image.image_id)
        sizes = RenditionSets(connection).newest()
        headline = Stories(connection).headline(event.story_id)
    outcome = _render(replace(asset, headline=headline, wishes=tuple(wishes)), studio, sizes) if asset else None
    with uow:
        if outcome:
            _save(outcome, uow, is_asked=True)


def move_focus(event: FocalPointMoved, uow: UnitOfWork, studio: Studio) -> None:
    """Crop again as an editor showed, with new words in the files where there are any. Kept for a photo that has not come yet."""
    wish = Wish(
        revision=event.revision,
        focal_point=event.focal_point,
        crops=event.crops,
        caption=event.caption,
        credit=event.credit,
    )
    with uow.database.connection() as connection:
        known = Assets(connection).get(event.image_id)
        sizes = RenditionSets(connection).newest()
    outcome = None
    if known is not None and not any(one.revision == wish.revision and one.said_by == "desk" for one in known.wishes):
        asset = replace(known, wishes=(*known.wishes, wish))
        if looks_of(asset) != looks_of(known):
            outcome = _render(asset, studio, sizes)
    with uow:
        assets = Assets(uow.connection)
        now = assets.lock(event.image_id)
        assets.add_wish(event.image_id, wish)
        if outcome:
            _save(outcome, uow, is_asked=True)
        elif now != known:
            raise RacedError(f"image {event.image_id}: came or changed while its focus was moved")


def revise_headline(event: StoryRevised, uow: UnitOfWork) -> None:
    """An editor's headline stands on the cards that show one, in a few seconds."""
    with uow:
        _note_headline(event.story_id, event.content.headline, event.revision, uow, is_edited=True)


def drop_killed(event: StoryKilled, uow: UnitOfWork) -> None:
    """Nothing more is made of a killed story's photos until somebody asks for it.

    What was made of them publication has removed: it knows what other stories show, and may list and delete in the bucket.
    """
    with uow:
        Stories(uow.connection).kill(event.story_id, event.version)


def _note_headline(story_id: UUID, headline: str, revision: int, uow: UnitOfWork, *, is_edited: bool = False) -> None:
    """Keep it; where the set has cards that show it, they are made again soon."""
    is_new = Stories(uow.connection).note_headline(story_id, headline, revision, is_edited=is_edited)
    if is_new and any(size.with_headline for size in RenditionSets(uow.connection).newest()):
        Assets(uow.connection).render_story_again(story_id)


def _with_words(image: Image, story_id: UUID, revision: int, known: Asset | None) -> Asset | None:
    """The asset with the source's words; None where it has them, or newer ones."""
    key = image.original.key if image.original else ""
    if known is None:
        return Asset(image.image_id, story_id, key, image.caption, image.credit, revision, alt_text=image.alt_text)
    if known.words_revision >= revision:
        return None
    return replace(
        known,
        original_key=key,
        caption=image.caption,
        credit=image.credit,
        alt_text=image.alt_text,
        words_revision=revision,
    )


def _save(outcome: Outcome, uow: UnitOfWork, *, is_asked: bool = False) -> None:
    """Save the next version and tell of it; of a killed story's photo only where somebody asked for it.

    Raises:
        RacedError: another event changed the photo while this one rendered it; it is rendered again from what is true now.

    """
    assets = Assets(uow.connection)
    old = assets.lock(outcome.asset.image_id)
    if (old.version if old else 0) != outcome.asset.version or (
        old and old.words_revision > outcome.asset.words_revision
    ):
        raise RacedError(
            f"image {outcome.asset.image_id}: was rendered at version {outcome.asset.version}, and has changed"
        )
    if (old.wanted if old else together(assets.wishes(outcome.asset.image_id))) != outcome.asset.wanted:
        raise RacedError(f"image {outcome.asset.image_id}: somebody wants it otherwise since it was rendered")
    if outcome.shows_headline and Stories(uow.connection).headline(outcome.asset.story_id) != outcome.asset.headline:
        raise RacedError(f"image {outcome.asset.image_id}: the story has another headline since it was rendered")
    if not is_asked and Stories(uow.connection).is_killed(outcome.asset.story_id):
        manifest = old.manifest if old else None
        outcome = Outcome(replace(outcome.asset, manifest=manifest, todo="again"), None)
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
        return _refuse(asset, "missing", f"{asset.original_key}: the storage has no such original")
    except ImageRefusedError as error:
        return _refuse(asset, error.reason, error.detail)
    event = ImageProcessed(story_id=asset.story_id, image_id=asset.image_id, manifest=manifest)
    todo: Todo | None = "smaller" if stage == "fast" else None
    return Outcome(replace(asset, todo=todo), event, shows_headline=any(size.with_headline for size in sizes))


def _refuse(asset: Asset, reason: str, detail: str) -> Outcome:
    event = ImageRejected(story_id=asset.story_id, image_id=asset.image_id, reason=reason, detail=detail)
    return Outcome(replace(asset, manifest=None, todo=None), event, refused=f"{reason}: {detail}")


def _make(asset: Asset, studio: Studio, sizes: Sequence[Size], stage: Stage) -> Manifest:
    if not asset.original_key:
        raise ImageRefusedError("missing", "the photo was never had from its source")
    body = studio.originals.get(asset.original_key)
    is_background = asset.todo in ("slow", "again") or stage == "small"
    if not is_background and asset.todo != "render" and is_slow(sniff(body), body):
        raise WaitsError
    wanted = asset.wanted
    order = Order(
        words_of(asset),
        wanted.focal_point,
        wanted.crops,
        sizes,
        is_second_pass=stage == "small",
        headline=asset.headline,
    )
    decoder = studio.background if is_background else studio.decoder
    uploads: list[Future[Rendition]] = []
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as threads:
        look = decoder.render(
            body, order, lambda file: uploads.append(threads.submit(_upload, file, studio.renditions))
        )
        renditions = [upload.result() for upload in uploads]
    renditions.sort(key=lambda one: (one.name, one.content_type))
    manifest = _manifest(look, tuple(renditions), order.words).model_copy(update={"stage": stage})
    return manifest.model_copy(update={"rights": wanted.rights}) if wanted.rights else manifest


def looks_of(asset: Asset) -> tuple[object, ...]:
    """All that a rendering depends on beside the set and the headline."""
    return asset.original_key, words_of(asset), asset.wanted.focal_point, asset.wanted.crops


def words_of(asset: Asset) -> Words:
    """What is written into the files: an editor's words, else the source's; the renderer adds the file's own where there are none."""
    wanted = asset.wanted
    rights = wanted.rights or UsageRights()
    return Words(
        caption=asset.caption if wanted.caption is None else wanted.caption,
        credit=asset.credit if wanted.credit is None else wanted.credit,
        copyright=rights.holder,
        alt_text=asset.alt_text if wanted.alt_text is None else wanted.alt_text,
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
                _save(outcome, uow, is_asked=asset.todo == "render")
    except RacedError:
        log.info("a photo changed while it was rendered in the background", image_id=str(asset.image_id))
    return True


def is_same(manifest: Manifest | None, event: Event | None) -> bool:
    """Whether the second pass found nothing smaller: then nobody is told. Addresses may differ: a signature is never the same."""
    if manifest is None or not isinstance(event, ImageProcessed) or event.manifest.stage != "small":
        return False
    sizes = [
        {(one.name, one.content_type, one.size_bytes) for one in of.renditions} for of in (manifest, event.manifest)
    ]
    return sizes[0] == sizes[1]


def _manifest(look: Look, renditions: tuple[Rendition, ...], said: Words) -> Manifest:
    words, shown = look.words, said.or_else(look.words)
    facts = {name: value for name, value in vars(look).items() if name != "words"}
    return Manifest(
        version=1,
        renditions=renditions,
        caption=words.caption,
        credit=words.credit or words.byline or words.copyright,
        byline=words.byline,
        alt_text=words.alt_text,
        alt_text_status=status_of_alt_text(shown.alt_text, shown.caption),
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
