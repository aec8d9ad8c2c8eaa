"""RSS 2.0, Atom 1.0, JSON Feed 1.1, and the two Russian dialects of RSS: Dzen's and the one that Yandex News began.

Sources: RSS 2.0 specification, content module 1.0; RFC 4287; JSON Feed 1.1; Dzen's "RSS feed requirements"; Yandex News' "RSS format".
In each the story's id is the identity, so that a new address is not a new story. Written with lxml.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import cached_property
from typing import Any, Literal

from lxml import etree
from markupsafe import escape

from publication.domain.listings import listings_of
from publication.domain.markup import body_html, body_text, filled, inner
from publication.domain.page import Picture, picture
from publication.domain.site import Site
from publication.domain.sitemaps import Line
from publication.domain.story import Story
from publication.domain.words import words_for

CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
ATOM = "http://www.w3.org/2005/Atom"
MEDIA = "http://search.yahoo.com/mrss/"
YANDEX = "http://news.yandex.ru"
ATOM_ONLY: dict[str, str] = {None: ATOM}  # type: ignore[dict-item] # lxml takes None, its stubs do not
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
ADULT = ("16+", "18+")

Dialect = Literal["rss", "dzen", "yandex"]
SPACES: dict[Dialect, dict[str, str]] = {
    "rss": {"content": CONTENT, "dc": DC, "atom": ATOM},
    "dzen": {"content": CONTENT, "dc": DC, "media": MEDIA, "atom": ATOM},
    "yandex": {"yandex": YANDEX, "media": MEDIA, "atom": ATOM},
}
"""Declared on the root, so that items need not."""


@dataclass(frozen=True)
class Feed:
    """One feed: what it is called, the page that it follows, its own address."""

    site: Site
    title: str
    page_url: str
    url: str


class Piece:
    """A story as feeds carry it, on one site. Each form is written once and its bytes stand in every feed."""

    def __init__(self, story: Story, site: Site) -> None:
        self.story = story
        self.site = site
        self.url = site.address(f"{story.path}.html")
        self.guid = f"urn:uuid:{story.story_id}"

    @cached_property
    def pictures(self) -> list[Picture]:
        """The lead first."""
        images = sorted(self.story.snapshot.images, key=lambda image: image is not self.story.lead)
        return [picture(image) for image in images]

    @cached_property
    def html(self) -> str:
        """The whole text with its photos; the lead on top unless it stands in the text."""
        words = words_for(self.story.snapshot.language)
        snapshot = self.story.snapshot
        figures = {image.image_id: _figure(picture(image), words["photo"]) for image in snapshot.images}
        placed = {block.image_id for block in snapshot.blocks if block.kind == "image"}
        lead = self.story.lead
        top = f"{figures[lead.image_id]}\n" if lead and lead.image_id not in placed else ""
        return top + body_html(snapshot.blocks, figures)

    @cached_property
    def labels(self) -> list[str]:
        return [one.label for one in listings_of(self.story.snapshot) if one.kind in ("rubric", "tag")]

    @cached_property
    def json(self) -> str:
        """A JSON Feed 1.1 item."""
        snapshot = self.story.snapshot
        item: dict[str, Any] = {
            "id": self.guid,
            "url": self.url,
            "title": snapshot.headline,
            "summary": snapshot.lede,
            "content_html": self.html or f"<p>{escape(snapshot.lede or snapshot.headline)}</p>",
            "image": self.pictures[0].src if self.pictures else "",
            "date_published": _iso(self.story.first_published_at, self.site),
            "date_modified": _iso(self.story.changed_at, self.site),
            "authors": [{"name": name} for name in snapshot.authors],
            "tags": self.labels,
            "language": snapshot.language,
            "attachments": [
                {
                    "url": one.src,
                    "mime_type": "image/jpeg",
                    "title": one.caption or one.alt,
                    "size_in_bytes": one.size_bytes,
                }
                for one in self.pictures
            ],
        }
        return _json({name: value for name, value in item.items() if value})

    @cached_property
    def atom(self) -> bytes:
        snapshot = self.story.snapshot
        entry = etree.SubElement(etree.Element(f"{{{ATOM}}}feed", nsmap=ATOM_ONLY), f"{{{ATOM}}}entry")
        entry.set(XML_LANG, snapshot.language)
        _text(entry, f"{{{ATOM}}}id", self.guid)
        _text(entry, f"{{{ATOM}}}title", snapshot.headline)
        etree.SubElement(entry, f"{{{ATOM}}}link", rel="alternate", type="text/html", href=self.url)
        for one in self.pictures:
            etree.SubElement(
                entry, f"{{{ATOM}}}link", rel="enclosure", type="image/jpeg", href=one.src, length=str(one.size_bytes)
            )
        _text(entry, f"{{{ATOM}}}published", _iso(self.story.first_published_at, self.site))
        _text(entry, f"{{{ATOM}}}updated", _iso(self.story.changed_at, self.site))
        for name in snapshot.authors:
            _text(etree.SubElement(entry, f"{{{ATOM}}}author"), f"{{{ATOM}}}name", name)
        for label in self.labels:
            etree.SubElement(entry, f"{{{ATOM}}}category", term=label)
        _text(entry, f"{{{ATOM}}}summary", snapshot.lede)
        if self.html:
            etree.SubElement(entry, f"{{{ATOM}}}content", type="html").text = self.html
        return inner(entry)

    @cached_property
    def rss(self) -> bytes:
        item = self._item("rss")
        for name in self.story.snapshot.authors:
            _text(item, f"{{{DC}}}creator", name)
        for label in self.labels:
            _text(item, "category", label)
        self._enclose(item, self.pictures[:1])  # RSS 2.0 readers take one
        _text(item, f"{{{CONTENT}}}encoded", self.html)
        return inner(item)

    @cached_property
    def dzen(self) -> bytes:
        item = self._item("dzen")
        _text(item, "author", ", ".join(self.story.snapshot.authors) or self.site.name)
        rating = etree.SubElement(item, f"{{{MEDIA}}}rating", scheme="urn:simple")
        rating.text = "adult" if self.story.snapshot.age_mark in ADULT[1:] else "nonadult"
        for label in ("format-article", "index", "comment-all"):
            _text(item, "category", label)
        self._enclose(item, self.pictures)
        _text(item, f"{{{CONTENT}}}encoded", self.html)
        return inner(item)

    @cached_property
    def yandex(self) -> bytes:
        item = self._item("yandex")
        snapshot = self.story.snapshot
        _text(item, "author", ", ".join(snapshot.authors) or self.site.name)
        _text(item, "category", next(iter(self.labels), ""))
        self._enclose(item, self.pictures)
        _text(item, f"{{{YANDEX}}}genre", "message")
        _text(item, f"{{{YANDEX}}}full-text", body_text(snapshot.blocks) or snapshot.lede or snapshot.headline)
        return inner(item)

    @cached_property
    def line(self) -> Line:
        """As sitemaps and the search page carry it."""
        snapshot = self.story.snapshot
        return Line(
            self.story.path,
            snapshot.headline,
            snapshot.lede,
            snapshot.language,
            self.story.first_published_at,
            self.story.changed_at,
        )

    def _item(self, dialect: Dialect) -> etree._Element:
        snapshot = self.story.snapshot
        item = etree.SubElement(etree.Element("rss", nsmap=SPACES[dialect]), "item")
        _text(item, "title", snapshot.headline)
        _text(item, "link", self.url)
        etree.SubElement(item, "guid", isPermaLink="false").text = self.guid
        _text(item, "description", snapshot.lede)
        _text(item, "pubDate", format_datetime(self.story.first_published_at.astimezone(self.site.zone)))
        return item

    def _enclose(self, item: etree._Element, pictures: Sequence[Picture]) -> None:
        for one in pictures:
            etree.SubElement(item, "enclosure", url=one.src, type="image/jpeg", length=str(one.size_bytes))


def _figure(shown: Picture, photo: str) -> str:
    credit = f' <span class="copyright">{escape(photo)}: {escape(shown.credit)}</span>' if shown.credit else ""
    words = f"<figcaption>{escape(shown.caption)}{credit}</figcaption>" if shown.caption or credit else ""
    size = f'width="{shown.width}" height="{shown.height}"'
    return f'<figure><img src="{escape(shown.src)}" {size} alt="{escape(shown.alt)}">{words}</figure>'


def rss(feed: Feed, pieces: Sequence[Piece], dialect: Dialect = "rss") -> bytes:
    """Newest first."""
    root = etree.Element("rss", version="2.0", nsmap=SPACES[dialect])
    channel = etree.SubElement(root, "channel")
    _text(channel, "title", feed.title)
    _text(channel, "link", feed.page_url)
    _text(channel, "description", feed.site.description or feed.site.name)
    _text(channel, "language", feed.site.language)
    etree.SubElement(channel, f"{{{ATOM}}}link", href=feed.url, rel="self", type="application/rss+xml")
    if pieces:
        newest = max(piece.story.changed_at for piece in pieces).astimezone(feed.site.zone)
        _text(channel, "lastBuildDate", format_datetime(newest))
    return filled(root, (getattr(piece, dialect) for piece in pieces), b"</channel></rss>")


def atom(feed: Feed, pieces: Sequence[Piece], epoch: datetime) -> bytes:
    """`epoch`: what "updated" says while the feed is empty."""
    root = etree.Element(f"{{{ATOM}}}feed", nsmap=ATOM_ONLY)
    root.set(XML_LANG, feed.site.language)
    _text(root, f"{{{ATOM}}}id", feed.url)
    _text(root, f"{{{ATOM}}}title", feed.title)
    etree.SubElement(root, f"{{{ATOM}}}link", rel="self", type="application/atom+xml", href=feed.url)
    etree.SubElement(root, f"{{{ATOM}}}link", rel="alternate", type="text/html", href=feed.page_url)
    newest = max((piece.story.changed_at for piece in pieces), default=epoch)
    _text(root, f"{{{ATOM}}}updated", _iso(newest, feed.site))
    _text(etree.SubElement(root, f"{{{ATOM}}}author"), f"{{{ATOM}}}name", feed.site.name)
    return filled(root, (piece.atom for piece in pieces), b"</feed>")


def json_feed(feed: Feed, pieces: Sequence[Piece]) -> bytes:
    value = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.page_url,
        "feed_url": feed.url,
        "description": feed.site.description or feed.site.name,
        "language": feed.site.language,
        "authors": [{"name": feed.site.name}],
        "items": [],
    }
    return f"{_json(value).removesuffix(']}')}{','.join(piece.json for piece in pieces)}]}}".encode()


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _iso(moment: datetime, site: Site) -> str:
    return moment.astimezone(site.zone).isoformat(timespec="seconds")


def _text(parent: etree._Element, name: str, value: str) -> None:
    if value:
        etree.SubElement(parent, name).text = value
