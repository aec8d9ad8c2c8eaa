"""A story as one plain text, with the way back to its fields."""

import html
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from contracts.content import Block, Heading, ListBlock, Paragraph, Quote, Span, StoryContent
from tagging.domain.kazakh import is_kazakh

TAGS = re.compile(r"<[^>]+>")
CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
LATIN = re.compile(r"[a-z]", re.IGNORECASE)
INVISIBLE = dict.fromkeys([0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF])
MOST_CHARACTERS = 60_000
"""What is read of a story, about forty pages; a longer one is about the same things on page forty-one."""
PARTS = "\n\n"


@dataclass(frozen=True)
class Field:
    """`start`: where its text begins in the whole. `places`: for each character the place it had before invisible ones were left out."""

    name: str
    start: int
    text: str
    places: tuple[int, ...] | None


@dataclass(frozen=True)
class Text:
    whole: str
    fields: tuple[Field, ...]

    @property
    def language(self) -> Literal["ru", "en", "kk"]:
        """By Kazakh letters, then by script."""
        if is_kazakh(self.whole):
            return "kk"
        return "en" if len(LATIN.findall(self.whole)) > len(CYRILLIC.findall(self.whole)) else "ru"

    def span(self, start: int, end: int) -> Span:
        """Where a stretch of the whole stands in its field, as the field's reader counts."""
        field = self.fields[bisect_right([one.start for one in self.fields], start) - 1]
        first, last = start - field.start, min(end - field.start, len(field.text)) - 1
        if field.places:
            return Span(field=field.name, start=field.places[first], end=field.places[last] + 1)
        return Span(field=field.name, start=first, end=last + 1)


def text_of(content: StoryContent) -> Text:
    """The headline, the lede, the blocks and the photos' captions, in this order; the first MOST_CHARACTERS of them."""
    fields: list[Field] = []
    start = 0
    for name, shown in fields_of(content):
        room = MOST_CHARACTERS - start
        if room <= 0:
            break
        plain, places = _visible(shown[:room])
        if plain.strip():
            fields.append(Field(name, start, plain, places))
            start += len(plain) + len(PARTS)
    return Text(PARTS.join(field.text for field in fields), tuple(fields))


def fields_of(content: StoryContent) -> list[tuple[str, str]]:
    """(field, plain text) in reading order."""
    texts = [("headline", content.headline), ("lede", content.lede)]
    texts += [(f"blocks.{place}", _text(block)) for place, block in enumerate(content.blocks)]
    texts += [(f"images.{place}.caption", image.caption) for place, image in enumerate(content.images)]
    return [(name, text) for name, text in texts if text]


def _text(block: Block) -> str:
    match block:
        case Paragraph() | Quote():
            return html.unescape(TAGS.sub("", block.html))
        case Heading():
            return block.text
        case ListBlock():
            return "\n".join(html.unescape(TAGS.sub("", item)) for item in block.items)
    return ""


def _visible(text: str) -> tuple[str, tuple[int, ...] | None]:
    if not INVISIBLE.keys() & set(map(ord, set(text))):
        return text, None
    places = tuple(place for place, sign in enumerate(text) if ord(sign) not in INVISIBLE)
    return text.translate(INVISIBLE), places
