"""Valid things; a test says only what it is about."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from contracts.content import (
    Box,
    Image,
    Manifest,
    Paragraph,
    Point,
    Rendition,
    Rubric,
    RubricProposal,
    Source,
    StoredObject,
    StoryContent,
    Tag,
    TagProposal,
)
from contracts.events import DeliveryChanged, ImageProcessed, StoryPublished, StoryReceived, StoryTagged

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
STORY = UUID("01890000-0000-7000-8000-000000000001")
SOURCE = Source(source_id="telegram:uprava", name="Управа", kind="telegram", url="https://t.me/uprava")


def image(number: int = 1, **changes: Any) -> Image:
    values = {
        "image_id": uuid5(STORY, f"image {number}"),
        "original": StoredObject(bucket="private", key=f"originals/{number}", content_type="image/jpeg", size_bytes=9),
        "caption": "Мост через Тую",
        "credit": "пресс-служба управы",
        "alt_text": "Мост в тумане",
    }
    return Image(**{**values, **changes})


def content(**changes: Any) -> StoryContent:
    values = {
        "headline": "Мост через Тую откроют в мае",
        "lede": "Ремонт шёл два года.",
        "blocks": (Paragraph(html="Движение по мосту откроют <b>12 мая</b>."), Paragraph(html="Работы завершены.")),
        "images": (image(),),
        "rubrics": ("Общество",),
    }
    return StoryContent(**{**values, **changes})


def received(story_id: UUID = STORY, revision: int = 1, **changes: Any) -> StoryReceived:
    values = {
        "story_id": story_id,
        "revision": revision,
        "source": SOURCE,
        "external_id": "17",
        "content": content(),
        "received_at": NOW,
    }
    return StoryReceived(**{**values, **changes})


def manifest(version: int = 1, **changes: Any) -> Manifest:
    values = {
        "version": version,
        "width": 4000,
        "height": 3000,
        "renditions": tuple(
            Rendition(
                name=name,
                url=f"http://127.0.0.1:1/depesha-public/{name}.jpg",
                content_type="image/jpeg",
                width=w,
                height=h,
                size_bytes=9,
            )
            for name, w, h in (("w320", 320, 240), ("w640", 640, 480), ("16x9", 1280, 720), ("1x1", 1280, 1280))
        ),
        "focal_point": Point(x=0.5, y=0.5),
        "crops": {"16x9": Box(x=0, y=0.1, width=1, height=0.75)},
        "perceptual_hash": "00ff00ff00ff00ff",
    }
    return Manifest(**{**values, **changes})


def processed(number: int = 1, story_id: UUID = STORY, version: int = 1) -> ImageProcessed:
    return ImageProcessed(story_id=story_id, image_id=image(number).image_id, manifest=manifest(version))


def proposal(label: str, band: str = "auto", confidence: float = 0.97) -> TagProposal:
    return TagProposal(
        tag=Tag(label=label, kind="place", concept_id=f"c:{label}"),
        confidence=confidence,
        band=band,
        reason="в заголовке",
    )


def tagged(story_id: UUID = STORY, revision: int = 1, **changes: Any) -> StoryTagged:
    values = {
        "story_id": story_id,
        "revision": revision,
        "language": "ru",
        "tags": (proposal("Туя"), proposal("Мост", "suggest", 0.6)),
        "rubrics": (RubricProposal(rubric=Rubric(label="Транспорт", concept_id="r:1"), confidence=0.98, band="auto"),),
    }
    return StoryTagged(**{**values, **changes})


def published(
    release_id: UUID, story_id: UUID = STORY, version: int = 1, kind: type[Any] = StoryPublished, **changes: Any
) -> Any:
    values = {
        "release_id": release_id,
        "story_id": story_id,
        "version": version,
        "url": "http://127.0.0.1:1/depesha-public/most.html",
        "item": {},
        "ordered_at": NOW,
        "released_at": NOW,
    }
    return kind(**{**values, **changes})


def delivered(story_id: UUID = STORY, sequence: int = 1, state: str = "delivered", **changes: Any) -> DeliveryChanged:
    values = {
        "story_id": story_id,
        "version": 1,
        "endpoint_id": uuid5(STORY, "site"),
        "endpoint_name": "Вестник",
        "state": state,
        "attempts": 1,
        "status_code": 204,
        "delivered": 1 if state == "delivered" else 0,
        "total": 1,
        "sequence": sequence,
        "changed_at": NOW,
    }
    return DeliveryChanged(**{**values, **changes})


def new_story_id() -> UUID:
    return uuid4()
