"""A story as it lies on the desk: its words, photos, tags and marks, and which of them an editor has touched."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.content import (
    Block,
    Embed,
    Heading,
    Image,
    ImageBlock,
    Language,
    Line,
    ListBlock,
    Paragraph,
    Quote,
    Rubric,
    StoryContent,
    Tag,
)

TAGS = re.compile(r"<[^>]*>")
SPACES = re.compile(r"\s+")


class Draft(BaseModel):
    """What an editor may change, field by field. `images` are in the order in which readers meet them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    headline: Annotated[str, Field(min_length=1, max_length=500)]
    lede: Annotated[str, Field(max_length=4_000)] = ""
    slug: Annotated[str, Field(max_length=200, pattern=r"^[a-z0-9-]*$")] = ""
    blocks: tuple[Block, ...] = ()
    images: tuple[Image, ...] = ()
    lead_image_id: UUID | None = None
    language: Language = "ru"
    authors: tuple[Line, ...] = ()
    rubrics: tuple[Rubric, ...] = ()
    tags: tuple[Tag, ...] = ()
    urgency: int = Field(default=5, ge=1, le=9)
    age_mark: Literal["", "0+", "6+", "12+", "16+", "18+"] = ""


Seen = int | Mapping[str, int]
"""The revision that an author has seen: of the whole story, or field by field where a screen shows older and newer ones."""

TEXT_FIELDS = frozenset({"headline", "lede", "blocks"})
"""A change of one of these makes the tagger look again."""


def draft_of(content: StoryContent, urgency: int) -> Draft:
    """The first draft of a story, as its source told it. Tags and rubrics as filed there are free words."""
    return Draft(
        headline=content.headline,
        lede=content.lede,
        blocks=content.blocks,
        images=content.images,
        lead_image_id=content.lead_image_id or (content.images[0].image_id if content.images else None),
        language=content.language,
        authors=content.authors,
        rubrics=tuple(Rubric(label=label) for label in content.rubrics),
        tags=tuple(Tag(label=label) for label in content.tags),
        urgency=urgency,
    )


def content_of(draft: Draft) -> StoryContent:
    """The draft as the other services read a story."""
    return StoryContent(
        headline=draft.headline,
        lede=draft.lede,
        blocks=blocks_with_known_images(draft.blocks, {image.image_id for image in draft.images}),
        images=draft.images,
        lead_image_id=lead_of(draft),
        language=draft.language,
        authors=draft.authors,
        rubrics=tuple(rubric.label for rubric in draft.rubrics),
        tags=tuple(tag.label for tag in draft.tags),
    )


def lead_of(draft: Draft) -> UUID | None:
    """The lead image: the one that was chosen if it is still among the images, else the first."""
    ids = [image.image_id for image in draft.images]
    if draft.lead_image_id in ids:
        return draft.lead_image_id
    return ids[0] if ids else None


def blocks_with_known_images(blocks: Sequence[Block], known: set[UUID]) -> tuple[Block, ...]:
    return tuple(block for block in blocks if not isinstance(block, ImageBlock) or block.image_id in known)


def changed_fields(old: Draft, new: Draft) -> frozenset[str]:
    return frozenset(name for name in Draft.model_fields if getattr(old, name) != getattr(new, name))


def conflicting_fields(
    patched: Iterable[str], old: Draft, new: Draft, field_revisions: Mapping[str, int], seen: Seen
) -> frozenset[str]:
    """The fields of a patch that somebody else has changed since the patch's author last saw them, to another value."""

    def seen_of(name: str) -> int:
        return seen if isinstance(seen, int) else seen.get(name, 0)

    return frozenset(
        name
        for name in patched
        if field_revisions.get(name, 0) > seen_of(name) and getattr(old, name) != getattr(new, name)
    )


def plain_text(html: str) -> str:
    """Inline HTML as a reader sees it, in one line."""
    return SPACES.sub(" ", unescape(TAGS.sub("", html.replace("<br>", " ")))).strip()


def block_text(block: Block) -> str:
    if isinstance(block, Paragraph | Quote):
        return plain_text(block.html)
    if isinstance(block, Heading):
        return block.text
    if isinstance(block, ListBlock):
        return "\n".join(plain_text(item) for item in block.items)
    return block.title if isinstance(block, Embed) else ""


def body_text(draft: Draft | StoryContent) -> str:
    """The text without marks, a block a line."""
    return "\n".join(text for block in draft.blocks if (text := block_text(block)))
