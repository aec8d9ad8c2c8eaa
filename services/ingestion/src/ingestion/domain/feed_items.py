"""One item of a feed, whatever its format, becomes a story's form."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ingestion.domain.articles import (
    LONGEST_LEDE,
    LONGEST_LINE,
    Photo,
    absolute,
    compose,
    headline_of,
    shorten,
    text_of,
)
from ingestion.domain.items import Item
from ingestion.domain.language import guess_language
from ingestion.domain.story_form import StoryForm
from ingestion.domain.typography import drop_invisible

LONGEST_ID = 500
MOST_RUBRICS, MOST_AUTHORS = 20, 20
BEGINNING = 800
"""So much of a text, markup included, is looked at for its headline and language."""
MOST_MARKUP = 200
"""Signs of markup that a paragraph which is only the lede may have."""
EARLY = timedelta(days=1)
"""Clocks are wrong by minutes and zones by hours; a date further ahead is no date."""
CUT_OFF = re.compile(r"\s*(?:\[?(?:…|\.\.\.|&#8230;)\]?|Читать далее.*|Read more.*)\s*$", re.IGNORECASE)
MAIL_AND_NAME = re.compile(r"^\S+@\S+\s*\((?P<name>.+)\)$")
OUR_LANGUAGES = ("ru", "en")


@dataclass(frozen=True)
class Entry:
    """An item as its format gives it. `summary` and `content` are HTML or plain text; addresses may be relative."""

    identity: str
    link: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    authors: Sequence[str] = ()
    categories: Sequence[str] = ()
    language: str = ""
    published_at: datetime | None = None
    photos: Sequence[Photo] = field(default=())
    films: Sequence[str] = ()


def to_item(entry: Entry, base_url: str, at: datetime) -> Item:
    """`at` is when the feed was read.

    Raises:
        ValueError: there is neither a headline nor text in it.

    """
    link = absolute(base_url, entry.link)
    base = link or base_url
    photos = [_placed(photo, base) for photo in entry.photos]
    article = compose(entry.content or entry.summary, base, [photo for photo in photos if photo.url])
    summary = text_of(entry.summary[: 2 * LONGEST_LEDE])
    text = text_of((entry.content or entry.summary)[: BEGINNING + 2 * len(summary)])
    headline = headline_of(entry.title and text_of(entry.title), text)
    if not headline:
        raise ValueError("has neither a headline nor text")
    body = article.body + [{"kind": "embed", "url": film} for film in entry.films if film.startswith("http")]
    lede = _lede(summary, text) if entry.content else ""
    if lede and body and _says(body[0], lede):
        body = body[1:]
    return Item(
        StoryForm(
            external_id=entry.identity,
            headline=headline,
            lede=lede,
            body=body,
            images=article.images,
            rubrics=_lines(entry.categories)[:MOST_RUBRICS],
            authors=_lines([_name_of(author) for author in entry.authors])[:MOST_AUTHORS],
            language=_language(entry.language, f"{headline} {text}"),
            canonical_url=link,
            published_at=entry.published_at if entry.published_at and entry.published_at <= at + EARLY else None,
        )
    )


def identity_of(guid: str, link: str, title: str, published: str) -> str:
    """The source's own id; without one the address; without either what cannot change: when, and what."""
    for name in (guid, link):
        words = "".join(drop_invisible(name).split())
        if words:
            return words if len(words) <= LONGEST_ID else f"{words[: LONGEST_ID - 33]}#{_hash(words)}"
    return f"#{_hash(f'{published}|{title}')}"


def is_far_ahead(entry: Entry, at: datetime) -> bool:
    return entry.published_at is not None and entry.published_at > at + EARLY


def _placed(photo: Photo, base: str) -> Photo:
    return replace(photo, url=absolute(base, photo.url))


def _says(block: dict[str, Any], text: str) -> bool:
    html = str(block.get("html", ""))
    return len(text) <= len(html) < len(text) + MOST_MARKUP and text_of(html) == text


def _lede(summary: str, text: str) -> str:
    """The summary, unless it is only the beginning of the text, cut off."""
    if not summary or len(summary) > LONGEST_LEDE:
        return ""
    whole = CUT_OFF.sub("", summary)
    is_cut = whole != summary or (text.startswith(summary) and text[len(summary) : len(summary) + 1].isalnum())
    return "" if is_cut and text.startswith(whole[:200]) else summary


def _language(declared: str, text: str) -> str:
    """Feeds say `en` for whatever their software was installed in; other languages are said on purpose."""
    code = declared.strip().partition("-")[0].partition("_")[0].lower()
    guessed = guess_language(text)
    if code in ("", *OUR_LANGUAGES) or not re.fullmatch(r"[a-z]{2,3}", code):
        return guessed
    return code


def _name_of(author: str) -> str:
    found = MAIL_AND_NAME.match(author.strip())
    return found["name"] if found else author


def _lines(texts: Sequence[str]) -> list[str]:
    lines = (shorten(text_of(text), LONGEST_LINE) for text in texts)
    return list(dict.fromkeys(line for line in lines if line))


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()
