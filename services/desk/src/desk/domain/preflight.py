"""The checks before a release: one table of rules, each finding either stops the release or only warns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

from contracts.content import Box, Image, ImageBlock, Manifest, status_of_alt_text
from desk.domain.draft import Draft, body_text, lead_of
from desk.domain.photos import ImageFact

Level = Literal["block", "warn", "off"]

LEVELS: Final[dict[str, Level]] = {
    "rubric_missing": "block",
    "text_missing": "block",
    "credit_missing": "block",
    "image_waiting": "block",
    "image_rejected": "warn",
    "image_warning": "warn",
    "rights_ended": "block",
    "rights_elsewhere": "warn",
    "made_by_ai": "warn",
    "alt_missing": "warn",
    "alt_short": "warn",
    "alt_same": "warn",
    "caption_missing": "warn",
    "crop_cuts_face": "warn",
    "tags_missing": "warn",
    "lede_missing": "warn",
    "lead_image_missing": "warn",
    "headline_long": "warn",
    "headline_stop": "warn",
    "duplicate_live": "warn",
    "source_changed": "warn",
    "source_withdrawn": "warn",
    "footnote_term": "warn",
}
"""code -> what a finding does unless ops say otherwise."""

ALT_FINDINGS: Final = {"missing": "alt_missing", "short": "alt_short", "same_as_caption": "alt_same"}

HEADLINE_LONGEST: Final = 110
"""Characters; search engines and messengers cut longer ones."""


NO_TIME: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Situation:
    """All that the checks look at."""

    draft: Draft
    images: Mapping[UUID, ImageFact]
    duplicates_live: Sequence[str] = ()
    """Headlines of published stories that tell the same."""
    has_new_source: bool = False
    is_withdrawn: bool = False
    now: datetime = NO_TIME
    """When it is to go out; rights that have ended by then are told."""


@dataclass(frozen=True)
class Finding:
    """One thing found. `about` completes the sentence: a number, a word, a crop's name."""

    code: str
    level: Level = "warn"
    about: str = ""
    image_id: UUID | None = None
    place: int = 0
    """The photo's place in the story, from 1; 0: not about a photo."""


def find_problems(
    situation: Situation, levels: Mapping[str, Level], footnote_terms: Sequence[str] = ()
) -> list[Finding]:
    """All findings that are not switched off, the blocking ones first."""
    found = [*_in_text(situation, footnote_terms), *_in_images(situation), *_around(situation)]
    table = {**LEVELS, **levels}
    kept = [Finding(one.code, table[one.code], one.about, one.image_id, one.place) for one in found]
    return sorted((one for one in kept if one.level != "off"), key=lambda one: one.level != "block")


def _in_text(situation: Situation, footnote_terms: Sequence[str]) -> Iterator[Finding]:
    draft = situation.draft
    text = body_text(draft)
    if not text:
        yield Finding("text_missing")
    if not draft.rubrics:
        yield Finding("rubric_missing")
    if not draft.tags:
        yield Finding("tags_missing")
    if not draft.lede:
        yield Finding("lede_missing")
    if len(draft.headline) > HEADLINE_LONGEST:
        yield Finding("headline_long", about=str(len(draft.headline)))
    if draft.headline.endswith(".") and not draft.headline.endswith("..."):
        yield Finding("headline_stop")
    whole = f"{draft.headline}\n{draft.lede}\n{text}".casefold()
    for term in footnote_terms:
        if re.search(rf"\b{re.escape(term.casefold())}", whole):
            yield Finding("footnote_term", about=term)


def _in_images(situation: Situation) -> Iterator[Finding]:
    draft = situation.draft
    if not draft.images:
        yield Finding("lead_image_missing")
    shown = {block.image_id for block in draft.blocks if isinstance(block, ImageBlock)} | {lead_of(draft)}
    for place, image in enumerate(draft.images, 1):
        fact = situation.images.get(image.image_id)
        manifest = fact.manifest if fact else None
        if fact and fact.rejected:
            yield Finding("image_rejected", about=fact.rejected, image_id=image.image_id, place=place)
            continue
        if manifest is None and image.image_id in shown:
            yield Finding("image_waiting", image_id=image.image_id, place=place)
        if not (image.credit or (manifest and manifest.credit)):
            yield Finding("credit_missing", image_id=image.image_id, place=place)
        if not (image.caption or (manifest and manifest.caption)):
            yield Finding("caption_missing", image_id=image.image_id, place=place)
        yield from _in_alt_text(image, place, manifest)
        if manifest is not None:
            yield from _in_manifest(image.image_id, place, manifest)
            yield from _in_rights(image.image_id, place, manifest, situation.now)


def _in_alt_text(image: Image, place: int, manifest: Manifest | None) -> Iterator[Finding]:
    alt_text = image.alt_text or (manifest.alt_text if manifest else "")
    status = status_of_alt_text(alt_text, image.caption or (manifest.caption if manifest else ""))
    if status != "present":
        yield Finding(ALT_FINDINGS[status], image_id=image.image_id, place=place)


def _in_manifest(image_id: UUID, place: int, manifest: Manifest) -> Iterator[Finding]:
    cut = sorted(name for name, crop in manifest.crops.items() if any(cuts_face(crop, face) for face in manifest.faces))
    if cut:
        yield Finding("crop_cuts_face", about=", ".join(cut), image_id=image_id, place=place)
    for warning in manifest.warnings:
        if warning != "faces_cut":
            yield Finding("image_warning", about=warning, image_id=image_id, place=place)


def _in_rights(image_id: UUID, place: int, manifest: Manifest, now: datetime) -> Iterator[Finding]:
    rights = manifest.rights
    if rights and rights.until and rights.until <= now:
        yield Finding("rights_ended", about=f"{rights.until:%Y-%m-%d}", image_id=image_id, place=place)
    if rights and rights.countries:
        yield Finding("rights_elsewhere", about=", ".join(rights.countries), image_id=image_id, place=place)
    if manifest.provenance and manifest.provenance.made_by_ai:
        yield Finding("made_by_ai", about=manifest.provenance.claim_generator, image_id=image_id, place=place)


def cuts_face(crop: Box, face: Box) -> bool:
    """Whether the crop's edge goes through the face: part of it is inside and more than a tenth of it is not."""
    width = min(crop.x + crop.width, face.x + face.width) - max(crop.x, face.x)
    height = min(crop.y + crop.height, face.y + face.height) - max(crop.y, face.y)
    if width <= 0 or height <= 0 or not face.width or not face.height:
        return False
    return width * height / (face.width * face.height) < 0.9


def _around(situation: Situation) -> Iterator[Finding]:
    for headline in situation.duplicates_live:
        yield Finding("duplicate_live", about=headline)
    if situation.has_new_source:
        yield Finding("source_changed")
    if situation.is_withdrawn:
        yield Finding("source_withdrawn")
