"""What articles of feeds and pages have in common: HTML with pictures in it becomes the blocks and images of a form."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from contracts.content import Block, Embed, Heading, ListBlock, Paragraph, Quote
from ingestion.domain.markup import Part, Picture, html_to_parts, plain, text_to_blocks
from ingestion.domain.story_form import MAX_BLOCKS, MAX_IMAGES
from ingestion.domain.typography import drop_invisible

LONGEST_HEADLINE = 500
LONGEST_LEDE = 4_000
LONGEST_LINE = 2_000
LONGEST_CAPTION = 4_000
SENTENCE_ENDS = ".!?…"
BLOCK_EDGE = re.compile(
    r"<(?=/?(?:p|div|br|li|ul|ol|h[1-6]|tr|td|blockquote|figure|figcaption|section|article)\b)", re.IGNORECASE
)


@dataclass(frozen=True)
class Photo:
    """An image with the words that belong to it, from wherever in an item they come."""

    url: str
    caption: str = ""
    credit: str = ""
    credit_url: str = ""
    alt_text: str = ""

    def as_form(self) -> dict[str, str]:
        return {
            "url": self.url,
            "caption": self.caption[:LONGEST_CAPTION],
            "credit": self.credit[:LONGEST_LINE],
            "credit_url": self.credit_url[:LONGEST_LINE],
            "alt_text": self.alt_text[:LONGEST_LINE],
        }


@dataclass(frozen=True)
class Article:
    """The `body` and `images` of a story's form."""

    body: list[dict[str, Any]]
    images: list[dict[str, str]]


def compose(html: str, base_url: str, photos: Sequence[Photo] = ()) -> Article:
    """An article of HTML, led by `photos` that came beside it. One that stands in the text, too, brings its caption along."""
    parts = html_to_parts(html, base_url) if looks_like_html(html) else text_to_blocks(drop_invisible(html))
    return arrange(parts, photos)


def arrange(parts: Sequence[Part], photos: Sequence[Photo] = ()) -> Article:
    """The same of parts."""
    inline = [Photo(part.url, part.caption, alt_text=part.alt) for part in parts if isinstance(part, Picture)]
    merged = merge([*photos, *inline])[:MAX_IMAGES]
    places = {key_of(photo.url): number for number, photo in enumerate(merged)}
    body: list[dict[str, Any]] = []
    shown = {0}  # the lead stands on top of the page; nobody wants to see it twice
    for part in parts:
        if not isinstance(part, Picture):
            body.append(_as_form(part))
        elif (place := places.get(key_of(part.url))) is not None and place not in shown:
            shown.add(place)
            body.append({"kind": "image", "image": place})
    body += [{"kind": "image", "image": place} for place in range(len(merged)) if place not in shown]
    return Article(body[:MAX_BLOCKS], [photo.as_form() for photo in merged])


def merge(photos: Iterable[Photo]) -> list[Photo]:
    """Each photo once, with the first words that were found for it."""
    found: dict[str, Photo] = {}
    for photo in photos:
        known = found.get(key_of(photo.url))
        if known is None:
            found[key_of(photo.url)] = photo
            continue
        words = ("caption", "credit", "credit_url", "alt_text")
        found[key_of(photo.url)] = replace(
            known, **{name: getattr(known, name) or getattr(photo, name) for name in words}
        )
    return list(found.values())


def key_of(url: str) -> str:
    """The same for http and https of one photo."""
    scheme, sign, rest = url.partition("://")
    return rest if sign and scheme in ("http", "https") else url


def absolute(base_url: str, url: str) -> str:
    """The web address that is meant, or nothing."""
    try:
        whole = urljoin(base_url, url.strip())
    except ValueError:
        return ""
    is_good = whole.startswith(("http://", "https://")) and len(whole) <= LONGEST_LINE
    return whole if is_good and url.strip() else ""


def looks_like_html(text: str) -> bool:
    return "<" in text or "&" in text


def headline_of(title: str, text: str) -> str:
    """The title; of an item without one its first sentence, as posts have it."""
    words = " ".join(drop_invisible(title).split())
    if not words:
        words = first_sentence(" ".join(drop_invisible(text).split()))
    return shorten(words, LONGEST_HEADLINE)


def first_sentence(text: str) -> str:
    for place, sign in enumerate(text):
        if sign in SENTENCE_ENDS and place > 20 and text[place + 1 : place + 2] in ("", " "):
            return text[: place + 1] if sign != "." else text[:place]
    return text


def shorten(text: str, longest: int) -> str:
    """At most `longest` characters, cut between words."""
    if len(text) <= longest:
        return text
    return text[: longest - 1].rsplit(" ", 1)[0].rstrip(" ,;:—–-") + "…"


def text_of(html: str) -> str:
    """HTML or plain text as one line of plain text."""
    text = drop_invisible(html)
    return " ".join((plain(BLOCK_EDGE.sub(" <", text)) if looks_like_html(text) else text).split())


def _as_form(block: Block) -> dict[str, Any]:
    match block:
        case Paragraph():
            return {"kind": "paragraph", "html": block.html}
        case Heading():
            return {"kind": "heading", "text": block.text, "level": block.level}
        case Quote():
            return {"kind": "quote", "html": block.html}
        case ListBlock():
            return {"kind": "list", "items": list(block.items)[:500], "ordered": block.ordered}
        case Embed():
            return {"kind": "embed", "url": block.url}
    raise TypeError(f"no form for {type(block).__name__}")
