"""What events speak of: stories, photos, renditions, tags. The names are IPTC's (ninjs, NewsML-G2) wherever it has one."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator


def _no_number(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and value.replace(".", "").strip("+-").isdigit()):
        raise ValueError("is a number; a moment is written as in RFC 3339, with its offset: 2026-11-12T10:30:00+05:00")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""A moment as others write it; pydantic alone also takes a number, and guesses whether it is seconds or milliseconds."""


class Content(BaseModel):
    """Frozen, and blind to fields that a newer producer added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


InlineHtml = Annotated[
    str,
    Field(
        max_length=100_000,
        description="text with a[href], b, strong, i, em, u, s, code, sub, sup, br only; already cleaned",
    ),
]
Line = Annotated[str, Field(max_length=2_000, description="plain text, one line")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="BCP 47: ru, en, kk")]
Fraction = Annotated[float, Field(ge=0, le=1)]


def _kind_is_required(schema: dict[str, Any]) -> None:
    """Without it nobody can tell one block from another; only our own constructors fill it in."""
    schema["required"] = ["kind", *schema.get("required", [])]


class BlockContent(Content):
    model_config = ConfigDict(json_schema_extra=_kind_is_required)


class Paragraph(BlockContent):
    kind: Literal["paragraph"] = "paragraph"
    html: InlineHtml


class Heading(BlockContent):
    kind: Literal["heading"] = "heading"
    text: Line
    level: Literal[2, 3] = 2


class Quote(BlockContent):
    """Somebody's words, set apart."""

    kind: Literal["quote"] = "quote"
    html: InlineHtml
    attribution: Line = ""


class ListBlock(BlockContent):
    kind: Literal["list"] = "list"
    items: tuple[InlineHtml, ...]
    ordered: StrictBool = False


class ImageBlock(BlockContent):
    """The place in the text where one of the story's images stands."""

    kind: Literal["image"] = "image"
    image_id: UUID


class Embed(BlockContent):
    """A link to a post, a video or a map which a page may show as such."""

    kind: Literal["embed"] = "embed"
    url: Annotated[str, Field(max_length=2_000)]
    title: Line = ""


Block = Annotated[Paragraph | Heading | Quote | ListBlock | ImageBlock | Embed, Field(discriminator="kind")]


class StoredObject(Content):
    """A file in S3. The key holds a hash of the content, so the same key is always the same bytes."""

    bucket: Literal["private", "public"]
    key: Annotated[str, Field(min_length=1, max_length=1_024)]
    content_type: str
    size_bytes: int = Field(ge=0)


class Image(Content):
    """A photo as it came in: its original in the private bucket, and the words that belong to it.

    `original` is None where it could not be fetched; `problem` then says why, for the editor.
    """

    image_id: UUID
    original: StoredObject | None
    caption: Annotated[str, Field(max_length=4_000)] = ""
    credit: Line = Field(default="", description="«Фото: …» without the word, e.g. telegram-канал Евгения Солнцева")
    credit_url: str = ""
    alt_text: Annotated[str, Field(max_length=2_000)] = ""
    source_url: str = ""
    problem: str = ""


class Source(Content):
    """Where a story comes from."""

    source_id: str = Field(max_length=200, description="the newsroom's own name for it, e.g. telegram:solntsev")
    name: Line
    kind: Literal["api", "telegram", "max", "feed", "link", "mail", "upload"] = "api"
    url: str = ""


class StoryContent(Content):
    """A story's words and photos, in the order a reader meets them. The lead image is `images[0]` unless said otherwise."""

    headline: Annotated[str, Field(min_length=1, max_length=500)]
    lede: Annotated[str, Field(max_length=4_000)] = ""
    blocks: tuple[Block, ...] = ()
    images: tuple[Image, ...] = ()
    lead_image_id: UUID | None = None
    language: Language = "ru"
    authors: tuple[Line, ...] = ()
    rubrics: tuple[Line, ...] = Field(default=(), description="as the source filed it")
    tags: tuple[Line, ...] = Field(default=(), description="as the source tagged it")

    @model_validator(mode="after")
    def images_in_the_text_exist(self) -> "StoryContent":
        known = {image.image_id for image in self.images}
        shown = {block.image_id for block in self.blocks if isinstance(block, ImageBlock)}
        missing = (shown | ({self.lead_image_id} - {None})) - known
        if missing:
            raise ValueError(f"images: {sorted(map(str, missing))} stand in the text but not among the story's images")
        return self


class Point(Content):
    """A place in an image as fractions of width and height, from the upper left corner of the upright photo."""

    x: Fraction
    y: Fraction


class Box(Content):
    """A rectangle in an image as fractions of width and height."""

    x: Fraction
    y: Fraction
    width: Fraction
    height: Fraction


class Rendition(Content):
    """One ready file of an image: `name` is w320…w1920, 16x9, 4x3, 1x1 or card, the same in each format."""

    name: str
    url: str = Field(description="public, immutable")
    content_type: Literal["image/avif", "image/jpeg", "image/webp"]
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    size_bytes: int = Field(gt=0)


class UsageRights(Content):
    """Who lets us show a photo, until when, and where. What nobody has said is empty, and forbids nothing."""

    holder: Line = Field(default="", description="who holds the rights")
    terms: Line = Field(default="", description="on what terms, in words")
    statement_url: str = Field(default="", description="where the terms stand")
    instructions: Line = Field(default="", description="the supplier's special instructions")
    until: AwareDatetime | None = Field(default=None, description="not to be shown from then on")
    countries: tuple[str, ...] = Field(default=(), description="ISO 3166-1 alpha-2; empty: everywhere")
    said_by: Literal["file", "editor"] = "file"


class Provenance(Content):
    """What a C2PA manifest in the original says. Facts about the file, not a judgement."""

    claim_generator: str = ""
    signed_by: str = ""
    signed_at: AwareDatetime | None = None
    state: Literal["valid", "invalid", "untrusted"] = "untrusted"
    made_by_ai: bool = False
    actions: tuple[str, ...] = Field(default=(), description="c2pa.created, c2pa.edited …")


AltTextStatus = Literal["present", "missing", "short", "same_as_caption"]
SHORT_ALT_TEXT = 12
"""Characters; a description that is shorter, or is one word, describes nothing."""


def status_of_alt_text(alt_text: str, caption: str) -> AltTextStatus:
    """Whether a photo's description tells those who cannot see it anything that the caption does not."""
    words, told = re.findall(r"\w+", alt_text.casefold()), re.findall(r"\w+", caption.casefold())
    if not words:
        return "missing"
    if words == told:
        return "same_as_caption"
    return "short" if len(words) < 2 or len(alt_text.strip()) < SHORT_ALT_TEXT else "present"


class Manifest(Content):
    """All that is known of a processed image. `version` grows each time its renditions are made again."""

    version: int = Field(ge=1)
    width: int = Field(gt=0, description="of the upright original, px")
    height: int = Field(gt=0)
    renditions: tuple[Rendition, ...]
    focal_point: Point
    focal_point_by: Literal["editor", "faces", "default"] = "default"
    crops: dict[str, Box] = Field(
        default_factory=dict, description="rendition name of a crop -> what it shows of the original"
    )
    faces: tuple[Box, ...] = ()
    thumbhash: str = Field(default="", description="base64")
    dominant_color: str = Field(default="", pattern=r"^(#[0-9a-f]{6})?$")
    perceptual_hash: str = Field(default="", description="64 bits in hex")
    caption: str = Field(default="", description="found in the file's own metadata")
    credit: str = Field(default="", description="found in the file's own metadata")
    byline: str = Field(default="", description="who took it, found in the file's own metadata")
    alt_text: str = Field(default="", description="found in the file's own metadata")
    alt_text_status: AltTextStatus = Field(
        default="missing", description="of the words in the renditions: an editor's, the source's, or the file's own"
    )
    rights: UsageRights | None = None
    provenance: Provenance | None = None
    frames: int = Field(default=1, ge=1, description="more than one: animated, in the WebP renditions")
    stage: Literal["fast", "small"] = Field(
        default="fast", description="small: the files were made again in a quiet hour, smaller and not worse"
    )
    warnings: tuple[str, ...] = Field(default=(), description="small, blurred, damaged, faces_cut, …")


class Tag(Content):
    """What a story is about, in the nominative."""

    label: Line
    kind: Literal["person", "office", "place", "organisation", "subject", "event", "other"] = "other"
    concept_id: str | None = Field(default=None, description="id in the vocabulary; None for a free word")


class Rubric(Content):
    """A section of the newsroom's site."""

    label: Line
    concept_id: str | None = None


class Span(Content):
    """A stretch of text: characters (code points) from the start of a field."""

    field: Annotated[str, Field(description="headline, lede, or blocks.<index>")]
    start: int = Field(ge=0)
    end: int = Field(gt=0)


class Fault(Content):
    """Why a release was refused, so that whoever tells it may choose the language."""

    code: str = Field(max_length=40, description="stays-killed, no-site, photo-unready …")
    values: dict[str, str] = Field(default_factory=dict, description="what the words have places for: photo, place …")


class TagProposal(Content):
    """A tag that the machine found, with how sure it is and why."""

    tag: Tag
    confidence: Fraction
    band: Literal["auto", "suggest", "hide"]
    reason: str = Field(default="", description="in words: 9 упоминаний, в заголовке")
    reasons: dict[str, str] = Field(default_factory=dict, description="the same in each language we have: ru, en, kk")
    evidence: tuple[Span, ...] = ()


class RubricProposal(Content):
    rubric: Rubric
    confidence: Fraction
    band: Literal["auto", "suggest", "hide"]
    reason: str = Field(default="", description="in words: заметна другая страна: Казахстан")
    reasons: dict[str, str] = Field(default_factory=dict, description="the same in each language we have: ru, en, kk")


class ReleasedImage(Content):
    """A photo as it goes out: words approved by an editor, renditions ready."""

    image_id: UUID
    caption: str = ""
    credit: str = ""
    credit_url: str = ""
    alt_text: str = ""
    manifest: Manifest


class Snapshot(Content):
    """The whole story as an editor released it. Every output is made from this and nothing else."""

    headline: Annotated[str, Field(min_length=1, max_length=500)]
    lede: Annotated[str, Field(max_length=4_000)] = ""
    blocks: tuple[Block, ...] = ()
    images: tuple[ReleasedImage, ...] = ()
    lead_image_id: UUID | None = None
    language: Language = "ru"
    authors: tuple[Line, ...] = ()
    source: Source | None = None
    rubrics: tuple[Rubric, ...] = ()
    tags: tuple[Tag, ...] = ()
    slug: str = Field(default="", max_length=200, description="as the editor wishes it; empty: made from the headline")
    urgency: int = Field(default=5, ge=1, le=9, description="IPTC urgency: 1 flash … 9")
    age_mark: Literal["", "0+", "6+", "12+", "16+", "18+"] = ""
    correction_note: Annotated[str, Field(max_length=2_000)] = ""
    embargo_until: Moment | None = None
