"""Blocks of a snapshot as safe HTML and as plain text. Whatever came before, markup is cleaned again here, at the last door.

And XML put together from parts that lxml wrote before.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit
from uuid import UUID

import nh3
from lxml import etree
from markupsafe import Markup, escape

from contracts.content import Block, Embed, Heading, ImageBlock, ListBlock, Paragraph, Quote

NOT_IN_ADDRESS = re.compile(r'[\s<>"\x1c-\x1f]')
INLINE_TAGS = {"a", "b", "strong", "i", "em", "u", "s", "code", "sub", "sup", "br"}


@lru_cache(maxsize=4_000)
def inline(text: str) -> Markup:
    """Inline HTML, cleaned."""
    cleaned = nh3.clean(
        text,
        tags=INLINE_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
    )
    return Markup(cleaned)  # noqa: S704 - nh3 has cleaned it


@lru_cache(maxsize=4_000)
def web_address(url: str) -> str:
    """The address if a browser may be sent there, else ""."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_web = parts.scheme in ("http", "https") and parts.netloc
    return url if is_web and not NOT_IN_ADDRESS.search(url) else ""


@lru_cache(maxsize=4_000)
def plain(text: str) -> str:
    """Inline HTML without its tags."""
    return html.unescape(nh3.clean(text.replace("<br>", " "), tags=set())).strip()


def block_text(block: Block) -> str:
    match block:
        case Paragraph() | Quote():
            return plain(block.html)
        case Heading():
            return block.text
        case ListBlock():
            return "\n".join(plain(item) for item in block.items)
    return ""


def body_text(blocks: Sequence[Block]) -> str:
    return "\n\n".join(text for block in blocks if (text := block_text(block)))


def body_html(blocks: Sequence[Block], figures: Mapping[UUID, str] | None = None) -> str:
    """The body as plain semantic HTML, as partners and feeds take it; photos stand where `figures` has them."""
    return "\n".join(part for block in blocks if (part := _block_html(block, figures or {})))


def _block_html(block: Block, figures: Mapping[UUID, str]) -> str:
    """Put together by hand: `Markup.format` takes ten times as long, and each release needs it several times."""
    match block:
        case Paragraph():
            return f"<p>{inline(block.html)}</p>"
        case Heading():
            return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case Quote():
            author = f"<footer>{escape(block.attribution)}</footer>" if block.attribution else ""
            return f"<blockquote><p>{inline(block.html)}</p>{author}</blockquote>"
        case ListBlock():
            items = "".join(f"<li>{inline(item)}</li>" for item in block.items)
            return f"<ol>{items}</ol>" if block.ordered else f"<ul>{items}</ul>"
        case Embed():
            return _link(block)
        case ImageBlock():
            return figures.get(block.image_id, "")


def _link(block: Embed) -> str:
    address = web_address(block.url)
    if not address:
        return f"<p>{escape(block.title)}</p>" if block.title else ""
    return f'<p><a href="{escape(address)}">{escape(block.title or address)}</a></p>'


def inner(element: etree._Element) -> bytes:
    """The only child of a root as it is written inside it; the root has declared the namespaces."""
    root = etree.tostring(element.getroottree(), encoding="utf-8")
    return root[root.index(b">") + 1 : root.rindex(b"</")]


def filled(root: etree._Element, children: Iterable[bytes], end: bytes) -> bytes:
    """The document with children that were written before; `end`: the tags behind them."""
    if len(root) == 0:
        root.text = ""  # otherwise it would have no closing tag
    frame = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return b"".join((frame.removesuffix(end), *children, end))
