"""Reads the article on a web page: headline, byline, date, lead photo with its caption, text, canonical address."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import trafilatura
from lxml import etree
from trafilatura.settings import Document

from contracts.content import Heading, Paragraph, Quote
from ingestion.domain.articles import (
    LONGEST_LEDE,
    Article,
    Photo,
    absolute,
    arrange,
    headline_of,
    key_of,
    shorten,
    text_of,
)
from ingestion.domain.charsets import to_text
from ingestion.domain.feed_items import identity_of
from ingestion.domain.items import Item, Raw
from ingestion.domain.language import guess_language
from ingestion.domain.markup import Part, Picture, plain, tree_to_parts
from ingestion.domain.story_form import StoryForm
from ingestion.domain.typography import drop_invisible

MOST_AUTHORS = 20
BEGINNING = 5
"""So many parts of the text are looked at for its headline, lede and language."""
MOST_JSON = 500_000
HTML_TAGS = {
    "ref": "a",
    "graphic": "img",
    "item": "li",
    "quote": "blockquote",
    "lb": "br",
    "row": "tr",
    "cell": "td",
    "del": "s",
}
RENDERED = {"#b": "b", "#i": "i", "#u": "u", "#sub": "sub", "#sup": "sup", "#t": "code"}
"""trafilatura's tree has TEI's names; these are HTML's."""
DATES = (
    "//meta[@property='article:published_time']/@content",
    "//meta[@itemprop='datePublished']/@content",
    "//*[@itemprop='datePublished']/@datetime",
    "//article//time/@datetime",
)
AUTHOR_PARTS = re.compile(r"\s*[;|]\s*")


class NotAnArticleError(ValueError):
    """There is no article on the page."""


@dataclass(frozen=True)
class Page:
    """An article and the name of the site that it stands on."""

    item: Item
    site: str


@dataclass(frozen=True)
class _Facts:
    """What the page itself says besides the text, before trafilatura prunes its tree."""

    captions: dict[str, str]
    linked: dict[str, Any]
    dates: tuple[str, ...]


def read_page(raw: Raw) -> Page:
    """Raises NotAnArticleError, pydantic.ValidationError."""
    text = drop_invisible(to_text(raw.body, raw.media_type))
    tree = trafilatura.load_html(text)
    if tree is None:
        raise NotAnArticleError("this is no HTML page")
    facts = _Facts(_captions(tree, raw.url), _linked_data(tree), tuple(_dates(tree)))
    found = _extract(tree, raw.url)
    if not isinstance(found, Document):
        raise NotAnArticleError("no article was found on the page")
    return Page(Item(_form(found, facts, raw)), text_of(found.sitename or "") or host_of(raw.url))


def _extract(tree: etree._Element, url: str) -> Document | dict[str, Any] | None:
    try:
        return trafilatura.bare_extraction(
            tree,
            url=url or None,
            favor_precision=True,
            include_comments=False,
            include_images=True,
            include_links=True,
            include_formatting=True,
            with_metadata=True,
        )
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError, etree.LxmlError) as error:
        raise NotAnArticleError(f"the page cannot be read: {type(error).__name__}: {error}") from None


def _form(found: Document, facts: _Facts, raw: Raw) -> StoryForm:
    url = _canonical(found.url or "", raw.url)
    parts = [] if found.body is None else list(tree_to_parts(_as_html(found.body), raw.url))
    for part in parts:
        if isinstance(part, Picture):
            part.caption = part.caption or facts.captions.get(key_of(part.url), "")
    words = " ".join(plain(part.html) for part in parts[:BEGINNING] if isinstance(part, Paragraph | Quote))
    headline = headline_of(text_of(_text(facts.linked.get("headline")) or found.title or ""), words)
    if not headline:
        raise NotAnArticleError("the page has neither a headline nor text")
    article = _arrange(parts, headline, found, facts, raw.url)
    description = text_of(found.description or "")
    return StoryForm(
        external_id=identity_of("", url, headline, ""),
        headline=headline,
        lede="" if _is_beginning(description, words) else shorten(description, LONGEST_LEDE),
        body=article.body,
        images=article.images,
        authors=_authors(found, facts),
        language=guess_language(f"{headline} {words}"),
        canonical_url=url,
        published_at=_published(found, facts),
    )


def _arrange(parts: list[Part], headline: str, found: Document, facts: _Facts, base: str) -> Article:
    if parts and isinstance(parts[0], Heading) and parts[0].text.casefold() == headline.casefold():
        del parts[0]
    begins_with_photo = bool(parts) and isinstance(parts[0], Picture)
    url = absolute(base, found.image or "")
    shown = {key_of(part.url) for part in parts if isinstance(part, Picture)}
    is_lead = bool(url) and (not begins_with_photo or key_of(url) in shown)
    return arrange(parts, [Photo(url, caption=facts.captions.get(key_of(url), ""))] if is_lead else [])


def _as_html(body: etree._Element) -> etree._Element:
    for element in body.iter(etree.Element):
        tag, rendered = str(element.tag), element.get("rend") or ""
        if tag == "head":
            element.tag = "h2" if rendered in ("h1", "h2") else "h3"
        elif tag == "hi":
            element.tag = RENDERED.get(rendered, "i")
        elif tag == "list":
            element.tag = "ol" if rendered == "ol" else "ul"
        else:
            element.tag = HTML_TAGS.get(tag, tag)
        if target := element.get("target"):
            element.set("href", target)
    return body


def _captions(tree: etree._Element, base: str) -> dict[str, str]:
    """Address of a photo -> its caption, of all figures of the page."""
    captions: dict[str, str] = {}
    for figure in tree.xpath("//figure | //*[contains(@class, 'wp-caption') and not(self::p)]"):  # type: ignore[union-attr]
        for part in tree_to_parts(figure, base):  # type: ignore[arg-type]
            if isinstance(part, Picture) and part.caption:
                captions.setdefault(key_of(part.url), part.caption)
    return captions


def _linked_data(tree: etree._Element) -> dict[str, Any]:
    """The page's schema.org article, as JSON-LD gives it; empty where there is none."""
    for script in tree.iter("script"):
        if "ld+json" in (script.get("type") or "") and script.text and len(script.text) < MOST_JSON:
            for thing in _things(_json(script.text)):
                if "Article" in str(thing.get("@type", "")) or "BlogPosting" in str(thing.get("@type", "")):
                    return thing
    return {}


def _json(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _things(data: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    for one in data if isinstance(data, list) else [data]:
        if isinstance(one, dict):
            yield one
            graph = one.get("@graph")
            yield from (thing for thing in (graph if isinstance(graph, list) else ()) if isinstance(thing, dict))


def _dates(tree: etree._Element) -> Iterator[str]:
    for path in DATES:
        yield from map(str, tree.xpath(path)[:1])  # type: ignore[index]


def _published(found: Document, facts: _Facts) -> datetime | None:
    """With hour and zone, if the page says them anywhere; else the day."""
    moments = [_moment(text) for text in (_text(facts.linked.get("datePublished")), *facts.dates, found.date or "")]
    known = [moment for moment in moments if moment is not None]
    return next((moment for moment in known if moment.hour or moment.minute), known[0] if known else None)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _authors(found: Document, facts: _Facts) -> list[str]:
    said = facts.linked.get("author")
    names = [
        _text(one.get("name")) if isinstance(one, dict) else _text(one)
        for one in (said if isinstance(said, list) else [said])
    ]
    names = [name for name in names if name] or AUTHOR_PARTS.split(found.author or "")
    lines = dict.fromkeys(shorten(text_of(name), 2_000) for name in names if name and not name.startswith("http"))
    return [line for line in lines if line][:MOST_AUTHORS]


def _canonical(found: str, url: str) -> str:
    """What the page calls its own address, if that is on the same site; anybody may call himself anything."""
    address = absolute(url, found)
    return address if address and host_of(address) == host_of(url) else url[:2_000]


def host_of(url: str) -> str:
    """Without www; nothing where the address is none."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _is_beginning(description: str, words: str) -> bool:
    begin = plain(description).rstrip(" .…")
    return bool(begin) and words.startswith(begin)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
