"""The form in which a story is pushed to us, and how it becomes the normal form that all other services know."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from contracts.content import (
    Block,
    Embed,
    Heading,
    Image,
    ImageBlock,
    ListBlock,
    Moment,
    Paragraph,
    Quote,
    Source,
    StoryContent,
)
from ingestion.domain import markup
from ingestion.domain.captions import split_caption
from ingestion.domain.labels import split_labels
from ingestion.domain.language import guess_language
from ingestion.domain.typography import drop_invisible, tidy, tidy_html

MAX_IMAGES = 50
MAX_BLOCKS = 1_000
BLOCKS_LOOKED_AT = 10
"""So many of the text are looked at for its language."""

Clean = BeforeValidator(lambda value: drop_invisible(value) if isinstance(value, str) else value)
"""Signs that nobody sees and no database takes are dropped before anything is looked at."""
Whole = BeforeValidator(lambda value: int(value) if isinstance(value, float) and value.is_integer() else value)
"""In JSON 3.0 is an integer (JSON Schema 2020-12, validation 6.1.1); text and `true` are none."""
Text = Annotated[str, Field(max_length=100_000), Clean]
Line = Annotated[str, Field(max_length=2_000), Clean]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ImageForm(Form):
    """A photo: by address, by the name of a file part of the same multipart request, or by an upload that was made before."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"type": "string"}}} for name in ("url", "file", "upload")
            ]
        }
    )

    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://"), Clean] | None = None
    file: Annotated[str, Field(max_length=200), Clean] | None = Field(
        default=None, description="name of the multipart part that holds the file"
    )
    upload: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = Field(
        default=None, description="upload_id of POST /uploads, after the file was put there"
    )
    caption: Annotated[str, Field(max_length=4_000), Clean] = Field(
        default="", description="«подпись | Фото: источник / ссылка» is taken apart"
    )
    credit: Line = ""
    credit_url: Line = ""
    alt_text: Line = ""

    @model_validator(mode="after")
    def comes_from_one_place(self) -> "ImageForm":
        if [self.url, self.file, self.upload].count(None) != 2:
            raise ValueError("give either url, file or upload")
        return self


class ParagraphForm(Form):
    kind: Literal["paragraph"]
    html: Text


class HeadingForm(Form):
    kind: Literal["heading"]
    text: Line
    level: Literal[2, 3] = 2


class QuoteForm(Form):
    kind: Literal["quote"]
    html: Text
    attribution: Line = ""


class ListForm(Form):
    kind: Literal["list"]
    items: Annotated[list[Text], Field(min_length=1, max_length=500)]
    ordered: bool = False


class ImagePlaceForm(Form):
    kind: Literal["image"]
    image: int = Field(ge=0, description="position in `images`, from 0")


class EmbedForm(Form):
    kind: Literal["embed"]
    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://"), Clean]
    title: Line = ""


BlockForm = Annotated[
    ParagraphForm | HeadingForm | QuoteForm | ListForm | ImagePlaceForm | EmbedForm, Field(discriminator="kind")
]


class SourceForm(Form):
    source_id: Annotated[str, Field(min_length=1, max_length=200), Clean] = "api"
    name: Line = "API"
    kind: Literal["api", "telegram", "max", "feed", "link", "mail", "upload"] = "api"
    url: Line = ""


EXAMPLE: dict[str, Any] = {
    "source": {
        "source_id": "telegram:solntsev",
        "name": "Telegram-канал Евгения Солнцева",
        "kind": "telegram",
        "url": "https://t.me/solntsev_official",
    },
    "external_id": "1204",
    "headline": "Оренбуржье и Актюбинская область договорились о новых рейсах",
    "lede": "Евгений Солнцев рассказал об итогах поездки в Казахстан.",
    "body": "Стороны обсудили автобусные рейсы.\n\nПервый пройдёт весной.",
    "images": [
        {
            "url": "https://example.org/photo.jpg",
            "caption": "Подписание соглашения | Фото: telegram-канал Евгения Солнцева / t.me/solntsev_official",
        }
    ],
    "rubrics": ["Политика"],
    "tags": ["губернатор"],
}


class StoryForm(Form):
    """A story as a source pushes it. `source_id` and `external_id` together name it: sent again with changes it is a new revision."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    source: SourceForm = SourceForm()
    external_id: Annotated[str, Field(min_length=1, max_length=500), Clean]
    headline: Annotated[str, Field(min_length=1, max_length=500), Clean]
    lede: Annotated[str, Field(max_length=4_000), Clean] = ""
    body: (
        Annotated[str, Field(max_length=500_000), Clean] | Annotated[list[BlockForm], Field(max_length=MAX_BLOCKS)]
    ) = Field(default="", description="plain text (blank lines part paragraphs), or blocks")
    body_html: Annotated[str, Field(max_length=500_000), Clean] = Field(default="", description="instead of body")
    images: Annotated[list[ImageForm], Field(max_length=MAX_IMAGES)] = Field(
        default=[], description="the first is the lead"
    )
    rubrics: Annotated[list[Line], Field(max_length=20)] = []
    tags: Annotated[list[Line], Field(max_length=50)] = []
    authors: Annotated[list[Line], Field(max_length=20)] = []
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None
    urgency: Annotated[int, Field(ge=1, le=9, strict=True), Whole] = 5
    canonical_url: Line = ""
    published_at: Moment | None = None

    @model_validator(mode="after")
    def body_is_given_once(self) -> "StoryForm":
        if self.body and self.body_html:
            raise ValueError("give either body or body_html")
        if isinstance(self.body, list):
            for place, block in enumerate(self.body):
                if isinstance(block, ImagePlaceForm) and block.image >= len(self.images):
                    raise ValueError(f"body.{place}: image {block.image} is not among the {len(self.images)} images")
        if not drop_invisible(self.headline).strip():
            raise ValueError("headline: is empty")
        return self


def fingerprint(form: StoryForm, image_hashes: Sequence[str]) -> str:
    """The same for the same content; hex. A photo that was had is what its bytes are ("" for one that was not): addresses turn."""
    whole = form.model_dump(mode="json", exclude_defaults=True)
    for image, had in zip(whole.get("images", []), image_hashes, strict=False):
        for place in ("url", "file", "upload") if had else ():
            image.pop(place, None)
    marks = json.dumps([whole, list(image_hashes)], ensure_ascii=False, sort_keys=True)
    return hashlib.blake2b(marks.encode(), digest_size=16).hexdigest()


def form_hash(form: StoryForm) -> str:
    """The same for the same words and the same addresses of photos, whatever the source is called; hex."""
    return hashlib.blake2b(form.model_dump_json(exclude={"source"}).encode(), digest_size=16).hexdigest()


def to_content(form: StoryForm, images: Sequence[Image]) -> StoryContent:
    """The normal form: clean blocks, tidy typography, captions parted from credits, every photo in its place.

    `images` are the stored files, in the order of the form's.
    """
    text, rubrics, tags = split_labels(_blocks(form, [image.image_id for image in images]))
    is_russian = (language := form.language or _language_of(form, text)).startswith("ru")
    return StoryContent(
        headline=_line(form.headline, tidy_it=is_russian),
        lede=_line(form.lede, tidy_it=is_russian),
        blocks=tuple(_tidy_block(block) for block in text) if is_russian else text,
        images=_each_once(
            _with_words(image, words, tidy_it=is_russian) for image, words in zip(images, form.images, strict=True)
        ),
        lead_image_id=images[0].image_id if images else None,
        language=language,
        authors=tuple(form.authors),
        rubrics=tuple(dict.fromkeys((*form.rubrics, *rubrics))),
        tags=tuple(dict.fromkeys((*form.tags, *tags))),
    )


def _language_of(form: StoryForm, blocks: Sequence[Block]) -> str:
    """By the body too: a headline may be nothing but foreign names."""
    return guess_language(" ".join([form.headline, form.lede, *map(_words_of, blocks[:BLOCKS_LOOKED_AT])]))


def _words_of(block: Block) -> str:
    match block:
        case Paragraph() | Quote():
            return markup.plain(block.html)
        case Heading():
            return block.text
        case ListBlock():
            return markup.plain(" ".join(block.items))
    return ""


def source_of(form: StoryForm) -> Source:
    return Source(**form.source.model_dump())


def _line(text: str, *, tidy_it: bool) -> str:
    text = " ".join(drop_invisible(text).split())
    return tidy(text) if tidy_it else text


def _each_once(images: Iterable[Image]) -> tuple[Image, ...]:
    """The same file twice in a story is one image, with the first words that it has."""
    found: dict[UUID, Image] = {}
    for image in images:
        known = found.setdefault(image.image_id, image)
        words = {
            name: getattr(known, name) or getattr(image, name)
            for name in ("caption", "credit", "credit_url", "alt_text")
        }
        found[image.image_id] = known.model_copy(update=words)
    return tuple(found.values())


def _with_words(image: Image, words: ImageForm, *, tidy_it: bool) -> Image:
    split = split_caption(words.caption)
    return image.model_copy(
        update={
            "caption": tidy(split.caption) if tidy_it else split.caption,
            "credit": words.credit or split.credit,
            "credit_url": words.credit_url or split.credit_url,
            "alt_text": words.alt_text,
            "source_url": words.url or "",
        }
    )


def _blocks(form: StoryForm, image_ids: Sequence[UUID]) -> tuple[Block, ...]:
    if isinstance(form.body, list):
        return tuple(_block(block, image_ids) for block in form.body)
    text = markup.html_to_blocks(form.body_html) if form.body_html else markup.text_to_blocks(drop_invisible(form.body))
    others = [image_id for image_id in dict.fromkeys(image_ids) if image_id != image_ids[0]]
    return text + tuple(ImageBlock(image_id=image_id) for image_id in others)


def _block(block: BlockForm, image_ids: Sequence[UUID]) -> Block:
    match block:
        case ParagraphForm():
            return Paragraph(html=markup.clean_inline(block.html))
        case HeadingForm():
            return Heading(text=drop_invisible(block.text), level=block.level)
        case QuoteForm():
            return Quote(html=markup.clean_inline(block.html), attribution=drop_invisible(block.attribution))
        case ListForm():
            return ListBlock(items=tuple(markup.clean_inline(item) for item in block.items), ordered=block.ordered)
        case ImagePlaceForm():
            return ImageBlock(image_id=image_ids[block.image])
        case EmbedForm():
            return Embed(url=block.url, title=block.title)


def _tidy_block(block: Block) -> Block:
    match block:
        case Paragraph():
            return block.model_copy(update={"html": tidy_html(block.html)})
        case Quote():
            return block.model_copy(update={"html": tidy_html(block.html), "attribution": tidy(block.attribution)})
        case Heading():
            return block.model_copy(update={"text": tidy(block.text)})
        case ListBlock():
            return block.model_copy(update={"items": tuple(tidy_html(item) for item in block.items)})
    return block
