"""From HTML or plain text of a stranger to blocks: an allow-list of inline tags, everything else becomes structure or is dropped."""

import html
import re
from html.parser import HTMLParser

import nh3

from contracts.content import Block, Embed, Heading, ListBlock, Paragraph, Quote

INLINE_TAGS = {"a", "b", "strong", "i", "em", "u", "s", "code", "sub", "sup", "br"}
INLINE_ATTRIBUTES = {"a": {"href"}}
SCHEMES = {"http", "https", "mailto", "tel"}
BLANK_LINES = re.compile(r"\n\s*\n")
EMPTY = re.compile(r"^(?:\s|&nbsp;|\u00a0|<br>)*$")
SPACE = re.compile(r"[ \t\r\n\f]+")
BLOCK_TAGS = {
    "p",
    "div",
    "section",
    "article",
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
    "figure",
    "table",
    "tr",
    "hr",
}
DROPPED = {"script", "style", "head", "title", "noscript", "template", "svg", "figcaption"}


def clean_inline(text: str) -> str:
    """HTML with the allowed inline tags only; links keep http(s), mailto and tel."""
    return nh3.clean(text, tags=INLINE_TAGS, attributes=INLINE_ATTRIBUTES, url_schemes=SCHEMES, link_rel=None).strip()


def plain(text: str) -> str:
    """The text of inline HTML."""
    return html.unescape(nh3.clean(text, tags=set())).strip()


def text_to_blocks(text: str) -> tuple[Block, ...]:
    """Plain text: blank lines part paragraphs, single line ends become breaks."""
    paragraphs = (part.strip() for part in BLANK_LINES.split(text))
    return tuple(Paragraph(html=html.escape(part, quote=False).replace("\n", "<br>")) for part in paragraphs if part)


def html_to_blocks(text: str) -> tuple[Block, ...]:
    """HTML: paragraphs, headings, quotes, lists and links to frames; nothing else survives."""
    collector = _Blocks()
    collector.feed(text)
    collector.close()
    collector.flush()
    return tuple(collector.blocks)


class _Blocks(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._inline: list[str] = []
        self._kind = "p"
        self._list: tuple[bool, list[str]] | None = None
        self._quote_depth = 0
        self._dropping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED:
            self._dropping += 1
        elif tag in ("iframe", "embed"):
            self._embed(dict(attrs).get("src") or "")
        elif tag in BLOCK_TAGS:
            self._open_block(tag)
        elif tag in INLINE_TAGS:
            shown = "".join(f' {name}="{html.escape(value or "")}"' for name, value in attrs)
            self._inline.append(f"<{tag}{shown}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in DROPPED:
            self._dropping = max(self._dropping - 1, 0)
        elif tag in BLOCK_TAGS:
            self._close_block(tag)
        elif tag in INLINE_TAGS and tag != "br":
            self._inline.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self._inline.append(html.escape(SPACE.sub(" ", data), quote=False))

    def _open_block(self, tag: str) -> None:
        self.flush()
        if tag in ("ul", "ol"):
            self._list = (tag == "ol", [])
        elif tag == "blockquote":
            self._quote_depth += 1
        elif tag[0] == "h" and tag[1:].isdigit():
            self._kind = tag

    def _close_block(self, tag: str) -> None:
        self.flush()
        self._kind = "p"
        if tag in ("ul", "ol") and self._list:
            ordered, items = self._list
            self._list = None
            if items:
                self.blocks.append(ListBlock(items=tuple(items), ordered=ordered))
        elif tag == "blockquote":
            self._quote_depth = max(self._quote_depth - 1, 0)

    def _embed(self, url: str) -> None:
        self.flush()
        if url.startswith("//"):
            url = f"https:{url}"
        if url.startswith(("https://", "http://")) and len(url) <= 2_000:
            self.blocks.append(Embed(url=url))

    def flush(self) -> None:
        text = clean_inline("".join(self._inline))
        self._inline.clear()
        if EMPTY.match(plain(text)):
            return
        if self._list is not None:
            self._list[1].append(text)
        elif self._kind != "p":
            self.blocks.append(Heading(text=plain(text), level=2 if self._kind in ("h1", "h2") else 3))
        elif self._quote_depth:
            self.blocks.append(Quote(html=text))
        else:
            self.blocks.append(Paragraph(html=text))
