"""Builds the snapshot that publication makes every output from."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from contracts.content import Image, Manifest, ReleasedImage, Snapshot, Source
from desk.domain.draft import Draft, blocks_with_known_images


def build_snapshot(
    draft: Draft,
    manifests: Mapping[UUID, Manifest],
    source: Source | None,
    *,
    correction_note: str = "",
    embargo_until: datetime | None = None,
) -> Snapshot:
    """The story as it is to go out. Photos without renditions stay behind, in the text too; a missing lead is the next photo."""
    images = tuple(_released(image, manifests[image.image_id]) for image in draft.images if image.image_id in manifests)
    ids = [image.image_id for image in images]
    return Snapshot(
        headline=draft.headline,
        lede=draft.lede,
        blocks=blocks_with_known_images(draft.blocks, set(ids)),
        images=images,
        lead_image_id=draft.lead_image_id if draft.lead_image_id in ids else next(iter(ids), None),
        language=draft.language,
        authors=draft.authors,
        source=source,
        rubrics=draft.rubrics,
        tags=draft.tags,
        slug=draft.slug,
        urgency=draft.urgency,
        age_mark=draft.age_mark,
        correction_note=correction_note,
        embargo_until=embargo_until,
    )


def _released(image: Image, manifest: Manifest) -> ReleasedImage:
    """Where the source gave no words, those in the file's own metadata speak."""
    return ReleasedImage(
        image_id=image.image_id,
        caption=image.caption or manifest.caption,
        credit=image.credit or manifest.credit,
        credit_url=image.credit_url,
        alt_text=image.alt_text or manifest.alt_text,
        manifest=manifest,
    )
