"""The public preview of a channel (t.me/s/CHANNEL): its page parted into posts, and each post read by the same rules as the Bot API's.

The page is nobody's documented interface. So each post's stretch of HTML is cut out as it came and read alone: what changes in
one post's markup troubles that post only, and a page that holds no posts at all is told of as a whole.
"""

import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from ingestion.domain.items import Item, Part, Trouble, Withdrawn, attempt
from ingestion.domain.posts import Post, read_post
from ingestion.domain.spans import Mark, MarkedText
from ingestion.domain.story_form import EmbedForm, ImageForm, ImagePlaceForm, StoryForm
from ingestion.domain.telegram import Channel

WRAP = re.compile(rb'<div class="tgme_widget_message_wrap[\s"]')
POST_ID = re.compile(rb'data-post="[\w-]+/(\d+)"')
SINGLE = re.compile(rb'href="https://t\.me/[\w/-]+?/(\d+)\?[^"]*single')
FOOTER = re.compile(rb'<div class="tgme_widget_message_footer.*', re.DOTALL)
VIEW = re.compile(rb'\sdata-view="[^"]*"')
TITLE = re.compile(r'<meta property="og:title" content="([^"]*)"')
NOT_FOUND = b"tgme_widget_message_error"
BACKGROUND = re.compile(r"background-image:\s*url\(['\"]?([^'\")]+)['\"]?\)")
TAGS = {"b": "b", "strong": "b", "i": "i", "em": "i", "u": "u", "ins": "u", "s": "s", "del": "s", "code": "code"}
BLOCKS = {"pre": "pre", "blockquote": "quote"}
OTHER_MEDIA = {
    "tgme_widget_message_video_player": "Видео",
    "tgme_widget_message_voice_player": "Голосовое сообщение",
    "tgme_widget_message_document_wrap": "Документ",
    "tgme_widget_message_poll": "Опрос",
    "tgme_widget_message_location_wrap": "Карта",
}


@dataclass(frozen=True)
class Stretch:
    """One post's HTML as it came. `members`: the ids of an album's messages. `mark` changes when the post does, not with its views."""

    post_id: int
    members: tuple[int, ...]
    body: bytes
    mark: str


@dataclass(frozen=True)
class Page:
    title: str
    posts: tuple[Stretch, ...]


def split_page(body: bytes) -> Page:
    """The posts of a page, oldest first; service messages («channel photo updated») are none.

    Raises:
        ValueError: there is no post on it.

    """
    edges = [*(found.start() for found in WRAP.finditer(body)), len(body)]
    pieces = [body[start:end] for start, end in pairwise(edges)]
    posts = [stretch for piece in pieces if (stretch := _stretch(piece))]
    if not posts:
        raise ValueError("no post on the page: the channel is closed, empty, or its page looks different now")
    title = TITLE.search(body[:20_000].decode(errors="replace"))
    return Page(html.unescape(title[1]) if title else "", tuple(posts))


def _stretch(piece: bytes) -> Stretch | None:
    found = POST_ID.search(piece)
    if not found or b"service_message" in piece[: found.end()]:
        return None
    post_id = int(found[1])
    members = {post_id, *(int(one) for one in SINGLE.findall(piece))}
    return Stretch(post_id, tuple(sorted(members)), piece, _digest(VIEW.sub(b"", FOOTER.sub(b"", piece))))


def _digest(piece: bytes) -> str:
    return hashlib.blake2b(piece, digest_size=12).hexdigest()


def is_gone(body: bytes) -> bool:
    """Whether a single post's page (?embed=1) says that there is no such post."""
    return NOT_FOUND in body and not POST_ID.search(body)


def parse(body: bytes, note: Mapping[str, Any], username: str, credit: str) -> Iterator[Part]:
    """One post. `note`: `title` of the channel; `external_id` where it is not the post's own number; `gone` for a post taken back."""
    if gone := note.get("gone"):
        yield Withdrawn(str(gone), "the post is gone from the channel")
        return
    found = POST_ID.search(body)
    if not found:
        yield Trouble(
            f"t.me/s/{username}", "no post on the page: the channel is closed, empty, or its page looks different now"
        )
        return
    post_id = found[1].decode()
    channel = Channel(str(note.get("title") or username), username)
    yield attempt(
        f"post {post_id}", lambda: _item(body, post_id, str(note.get("external_id") or post_id), channel, credit)
    )


def _item(body: bytes, post_id: str, external_id: str, channel: Channel, credit: str) -> Item:
    root = _tree(body)
    words = _first(root, "js-message_text")
    post = (read_post(marked_text(words), channel.is_own) if words is not None else None) or Post("")
    owner = _origin(root)
    name, url = (owner.credit(""), owner.url) if owner else (channel.credit(credit), channel.url)
    if post.credit.credit:
        name, url = post.credit.credit, post.credit.credit_url
    images = [ImageForm(url=address, credit=name[:2_000], credit_url=url) for address in _photos(root)]
    form = StoryForm(
        external_id=external_id,
        headline=post.headline or f"{channel.title}: фото без подписи",
        lede=post.lede,
        body=[
            *post.body,
            *(ImagePlaceForm(kind="image", image=place) for place in range(1, len(images))),
            *_embeds(root, f"{channel.url}/{post_id}"),
        ],
        images=images,
        tags=list(post.tags)[:50],
        canonical_url=f"{channel.url}/{post_id}",
        published_at=_time(root),
    )
    return Item(form)


def _tree(body: bytes) -> lxml_html.HtmlElement:
    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    return lxml_html.document_fromstring(b"<html><body>" + body, parser=parser)


def _having(root: lxml_html.HtmlElement, name: str) -> list[lxml_html.HtmlElement]:
    return list(root.xpath("//*[contains(concat(' ', normalize-space(@class), ' '), $name)]", name=f" {name} "))


def _first(root: lxml_html.HtmlElement, name: str) -> lxml_html.HtmlElement | None:
    return next(iter(_having(root, name)), None)


def _photos(root: lxml_html.HtmlElement) -> list[str]:
    found = (BACKGROUND.search(one.get("style") or "") for one in _having(root, "tgme_widget_message_photo_wrap"))
    return [_absolute(one[1]) for one in found if one]


def _absolute(url: str) -> str:
    return f"https:{url}" if url.startswith("//") else url


def _origin(root: lxml_html.HtmlElement) -> Channel | None:
    link = _first(root, "tgme_widget_message_forwarded_from_name")
    username = (link.get("href") or "").removeprefix("https://t.me/").split("/")[0] if link is not None else ""
    return Channel(link.text_content().strip(), username) if link is not None and username else None


def _embeds(root: lxml_html.HtmlElement, url: str) -> Iterator[EmbedForm]:
    for name, title in OTHER_MEDIA.items():
        for one in _having(root, name):
            inner = one.xpath(".//*[contains(@class, 'tgme_widget_message_document_title')]")
            shown = inner[0].text_content().strip() if inner else ""
            yield EmbedForm(
                kind="embed", url=_absolute(one.get("href") or url).partition("?")[0], title=(shown or title)[:2_000]
            )


def _time(root: lxml_html.HtmlElement) -> datetime | None:
    for one in root.xpath("//a[contains(@class, 'tgme_widget_message_date')]//time/@datetime"):
        return datetime.fromisoformat(str(one))
    return None


def marked_text(element: lxml_html.HtmlElement) -> MarkedText:
    """An element's words with their marks, line breaks as line feeds."""
    pieces: list[str] = []
    marks: list[Mark] = []
    _walk(element, pieces, marks, 0)
    marks.sort(key=lambda mark: (mark.start, -mark.end))
    return MarkedText("".join(pieces), tuple(mark for mark in marks if mark.start < mark.end))


def _walk(element: etree._Element, pieces: list[str], marks: list[Mark], at: int) -> int:
    """Adds an element's text and marks; returns where the text ends. An emoji's picture is its sign alone."""
    start = at
    at = _add(element.text, pieces, at)
    for child in element:
        at = _walk(child, pieces, marks, at) if isinstance(child.tag, str) else at
        if child.tag == "br":
            at = _add("\n", pieces, at)
        at = _add(child.tail, pieces, at)
    kind, url = _mark_of(element)
    if kind:
        marks.append(Mark(start, at, kind, url))
    return at


def _add(text: str | None, pieces: list[str], at: int) -> int:
    pieces.append(text or "")
    return at + len(text or "")


def _mark_of(element: etree._Element) -> tuple[str, str]:
    parent = element.getparent()
    if element.get("class") == "emoji" or (parent is not None and parent.get("class") == "emoji"):
        return "", ""
    if element.tag == "a":
        url = element.get("href") or ""
        return ("a", url) if url.startswith(("http:", "https:", "mailto:", "tel:")) else ("", "")
    return BLOCKS.get(element.tag) or TAGS.get(element.tag, ""), ""
