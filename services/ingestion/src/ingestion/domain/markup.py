"""From HTML or plain text of a stranger to blocks: an allow-list of inline tags, everything else becomes structure or is dropped."""

import html
import re
import textwrap
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urljoin

import nh3
from lxml import etree
from lxml import html as lxml_html

from contracts.content import Block, Embed, Heading, ListBlock, Paragraph, Quote
from ingestion.domain.captions import CREDIT_MARK
from ingestion.domain.typography import drop_invisible

INLINE_TAGS = {"a", "b", "strong", "i", "em", "u", "s", "code", "sub", "sup", "br"}
CLEANER = nh3.Cleaner(
    tags=INLINE_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto", "tel"}, link_rel=None
)
STRIPPER = nh3.Cleaner(tags=set())
BLANK_LINES = re.compile(r"\n\s*\n")
SPACE = re.compile(r"[ \t\r\n\f]+")
SPACES = re.compile(r"[\t\r\n\f]|  ")
BLOCK_TAGS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "aside",
        "address",
        "center",
        "blockquote",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "figure",
        "table",
        "tr",
        "hr",
        "pre",
        "details",
        "summary",
    ]
)
DROPPED = {"script", "style", "head", "title", "noscript", "template", "svg", "form", "button", "select", "textarea"}
CAPTION_CLASS = re.compile(
    r"(?:^|[\s_-])(?:wp-caption-text|caption|photo-?desc\w*|image-?desc\w*)(?:$|[\s_-])", re.IGNORECASE
)
EMPTY_INLINE = re.compile(r"<(a|b|strong|i|em|u|s|code|sub|sup)(?: [^>]*)?>(\s*)</\1>")
EMPTY_TAG = re.compile(r">\s*</")
BREAKS_AT_ENDS = re.compile(r"^(?:\s|<br>)+|(?:\s|<br>)+$")
MOST_URL = LONGEST_LINE = 2_000
LONGEST_PARAGRAPH, CUT_AT = 100_000, 20_000
"""Escaping makes of one sign at most five."""
LONGEST_CREDIT_LINE = 300


@dataclass
class Picture:
    """The place of an image in HTML."""

    url: str
    alt: str = ""
    caption: str = ""


Part: TypeAlias = Block | Picture


def clean_inline(text: str) -> str:
    """HTML with the allowed inline tags only; links keep http(s), mailto and tel."""
    return (CLEANER.clean(text) if "<" in text or "&" in text else text.replace(">", "&gt;")).strip()


def plain(text: str) -> str:
    """The text of inline HTML."""
    return (html.unescape(STRIPPER.clean(text)) if "<" in text or "&" in text else text).strip()


def text_to_blocks(text: str) -> tuple[Block, ...]:
    """Plain text: blank lines part paragraphs, single line ends become breaks."""
    paragraphs = (html.escape(part.strip(), quote=False).replace("\n", "<br>") for part in BLANK_LINES.split(text))
    return tuple(Paragraph(html=piece) for part in paragraphs if part for piece in _fitting(part))


def html_to_blocks(text: str) -> tuple[Block, ...]:
    """HTML: paragraphs, headings, quotes, lists and links to frames; nothing else survives."""
    return tuple(part for part in html_to_parts(text) if not isinstance(part, Picture))


def html_to_parts(text: str, base_url: str = "") -> tuple[Part, ...]:
    """The same with pictures in their places, each with its caption. Relative addresses are taken from `base_url`."""
    text = drop_invisible(text)
    if not text.strip():
        return ()
    tree = _tree_of(text)
    return text_to_blocks(plain(text)) if tree is None else tree_to_parts(tree, base_url)


def tree_to_parts(tree: etree._Element, base_url: str = "") -> tuple[Part, ...]:
    """The same of HTML that is a tree already."""
    collector = _Collector(base_url)
    collector.walk(tree)
    collector.flush()
    return tuple(collector.parts)


def _tree_of(text: str) -> etree._Element | None:
    """The document; nothing where it is nested deeper than the parser walks (255)."""
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    tree = etree.fromstring(f"<html><body>{text}</body></html>".encode(), parser)
    is_whole = all(error.level < etree.ErrorLevels.FATAL for error in parser.error_log)
    return tree if is_whole else None


class _Collector:
    """Walks a tree once, from left to right. What it holds is the paragraph that is being written."""

    def __init__(self, base_url: str) -> None:
        self.parts: list[Part] = []
        self._base_url = base_url
        self._inline: list[str] = []
        self._opened: list[str] = []
        self._words: list[str] = []
        self._has_tags = False
        self._kind = "p"
        self._lists: list[tuple[bool, list[str]]] = []
        self._quote_depth = 0
        self._dropping = 0
        self._caption: list[str] | None = None
        self._caption_tag: etree._Element | None = None
        self._figure_from: int | None = None
        self._figure_caption = ""

    def walk(self, root: etree._Element) -> None:
        for event, element in etree.iterwalk(root, events=("start", "end")):
            if event == "start":
                self._start(element)
                self._data(element.text)
            else:
                self._end(element)
                self._data(element.tail)

    def _start(self, element: etree._Element) -> None:
        tag = str(element.tag)
        if tag in DROPPED:
            self._dropping += 1
        elif self._dropping:
            return
        elif tag == "figcaption" or self._is_caption_of_last(element):
            self._open_caption(element)
        elif tag == "img":
            self._picture(element)
        elif tag in ("iframe", "embed"):
            self._embed(element.get("src") or element.get("data-src") or "")
        elif tag in BLOCK_TAGS:
            self._open_block(tag)
        elif tag in INLINE_TAGS and self._caption is None:
            self._open_inline(tag, element)

    def _end(self, element: etree._Element) -> None:
        tag = str(element.tag)
        if tag in DROPPED:
            self._dropping = max(self._dropping - 1, 0)
        elif self._dropping:
            return
        elif element is self._caption_tag:
            self._close_caption()
        elif tag in BLOCK_TAGS:
            self._close_block(tag)
        elif tag in ("td", "th"):
            self._data(" ")
        elif tag in INLINE_TAGS and tag != "br" and self._caption is None:
            self._inline.append(f"</{tag}>")
            if self._opened:
                self._opened.pop()

    def _data(self, data: str | None) -> None:
        if not data or self._dropping:
            return
        if self._caption is not None:
            self._caption.append(data)
            return
        if SPACES.search(data):
            data = SPACE.sub(" ", data)
        self._words.append(data)
        self._inline.append(html.escape(data, quote=False))

    def _open_inline(self, tag: str, element: etree._Element) -> None:
        shown = f"<{tag}>"
        if tag == "a" and (href := self._absolute(element.get("href") or "")):
            shown = f'<a href="{html.escape(href)}">'
        self._inline.append(shown)
        self._has_tags = True
        if tag == "br":
            self._words.append(" ")
        else:
            self._opened.append(shown)

    def _open_block(self, tag: str) -> None:
        self.flush()
        if tag in ("ul", "ol"):
            self._lists.append((tag == "ol", []))
        elif tag == "blockquote":
            self._quote_depth += 1
        elif tag == "figure":
            self._figure_from, self._figure_caption = len(self.parts), ""
        elif tag[0] == "h" and tag[1:].isdigit():
            self._kind = tag

    def _close_block(self, tag: str) -> None:
        self.flush()
        self._kind = "p"
        if tag in ("ul", "ol") and self._lists:
            ordered, items = self._lists.pop()
            if self._lists:
                self._lists[-1][1].extend(items)
            elif items:
                self.parts.append(ListBlock(items=tuple(items), ordered=ordered))
        elif tag == "blockquote":
            self._quote_depth = max(self._quote_depth - 1, 0)
        elif tag == "figure":
            self._close_figure()

    def _is_caption_of_last(self, element: etree._Element) -> bool:
        names = element.get("class")
        if not names or not CAPTION_CLASS.search(names):
            return False
        self.flush()
        return bool(self.parts) and isinstance(self.parts[-1], Picture) and next(element.iter("img"), None) is None

    def _open_caption(self, element: etree._Element) -> None:
        self.flush()
        if self._caption is None:
            self._caption, self._caption_tag = [], element

    def _close_caption(self) -> None:
        words, self._caption, self._caption_tag = " ".join("".join(self._caption or []).split()), None, None
        if self._figure_from is not None:
            self._figure_caption = f"{self._figure_caption} {words}".strip()
        elif self.parts and isinstance(self.parts[-1], Picture) and not self.parts[-1].caption:
            self.parts[-1].caption = words

    def _close_figure(self) -> None:
        if self._figure_from is None:
            return
        pictures = [part for part in self.parts[self._figure_from :] if isinstance(part, Picture)]
        for picture in pictures:
            picture.caption = picture.caption or self._figure_caption
        if self._figure_caption and not pictures:  # words of a table or a film
            self.parts.append(Paragraph(html=html.escape(self._figure_caption, quote=False)))
        self._figure_from, self._figure_caption = None, ""

    def _picture(self, element: etree._Element) -> None:
        address = _address_of(element)
        url = self._absolute(address) if address else ""
        if not url.startswith(("http://", "https://")) or len(url) > MOST_URL or _is_pixel(element):
            return
        self.flush()
        self.parts.append(Picture(url, " ".join((element.get("alt") or "").split())))

    def _embed(self, url: str) -> None:
        self.flush()
        url = self._absolute(f"https:{url}" if url.startswith("//") else url)
        if url.startswith(("https://", "http://")) and len(url) <= MOST_URL:
            self.parts.append(Embed(url=url))

    def _absolute(self, url: str) -> str:
        url = url.strip()
        if url.startswith(("https://", "http://")) and "[" not in url:
            return url
        try:
            return urljoin(self._base_url, url)
        except ValueError:
            return ""

    def flush(self) -> None:
        """End the paragraph. Inline elements that go on are opened again in the next one."""
        written, self._inline = "".join(self._inline), list(self._opened)
        words, self._words = "".join(self._words).strip(), []
        has_tags, self._has_tags = self._has_tags, bool(self._opened)
        if not words:
            return
        text = _trim(clean_inline(written)) if has_tags else written.strip()
        if self._lists:
            self._lists[-1][1].extend(_fitting(text))
        elif self._kind != "p" and len(words) <= LONGEST_LINE:
            self.parts.append(Heading(text=words, level=2 if self._kind in ("h1", "h2") else 3))
        elif self._quote_depth:
            self.parts += [Quote(html=piece) for piece in _fitting(text)]
        elif not self._is_credit_line(words):
            self.parts += [Paragraph(html=piece) for piece in _fitting(text)]

    def _is_credit_line(self, words: str) -> bool:
        """«подпись | Фото: …» in the paragraph after its picture belongs to the picture."""
        if not self.parts or not isinstance(self.parts[-1], Picture) or self.parts[-1].caption:
            return False
        if len(words) > LONGEST_CREDIT_LINE or not CREDIT_MARK.search(words):
            return False
        self.parts[-1].caption = words
        return True


def _fitting(text: str) -> list[str]:
    """A paragraph longer than an event takes is no paragraph: it goes on as several, without its inline markup."""
    if len(text) <= LONGEST_PARAGRAPH:
        return [text]
    words = " ".join(plain(text).split())
    return [html.escape(line, quote=False) for line in textwrap.wrap(words, CUT_AT, break_on_hyphens=False)]


def _trim(text: str) -> str:
    """Without elements that hold nothing, and without breaks at both ends."""
    while EMPTY_TAG.search(text) and (fewer := EMPTY_INLINE.sub(r"\2", text)) != text:
        text = fewer
    if text.startswith(("<br>", " ")) or text.endswith(("<br>", " ")):
        text = BREAKS_AT_ENDS.sub("", text)
    return text


def _address_of(image: etree._Element) -> str:
    """Pages that load pictures late keep the address elsewhere than in src."""
    for name in ("data-src", "data-original", "data-lazy-src", "src"):
        value = (image.get(name) or "").strip()
        if value and not value.startswith("data:"):
            return value
    candidates = (image.get("srcset") or image.get("data-srcset") or "").split(",")
    return candidates[-1].strip().partition(" ")[0]


def _is_pixel(image: etree._Element) -> bool:
    """Counters, not photos."""
    return any((image.get(side) or "").strip().removesuffix("px") in ("0", "1", "2") for side in ("width", "height"))
