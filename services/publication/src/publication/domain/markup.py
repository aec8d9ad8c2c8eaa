"""Blocks of a snapshot as safe HTML and as plain text. Whatever came before, markup is cleaned again here, at the last door.

And XML put together from parts that lxml wrote before.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit
from uuid import UUID

import nh3
from lxml import etree
from markupsafe import Markup

from contracts.content import Block, Embed, Heading, ImageBlock, ListBlock, Paragraph, Quote

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


def web_address(url: str) -> str:
    """The address if a browser may be sent there, else ""."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_web = parts.scheme in ("http", "https") and parts.netloc
    return url if is_web and not any(sign.isspace() or sign in '<>"' for sign in url) else ""


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


def body_html(blocks: Sequence[Block], figures: Mapping[UUID, Markup] | None = None) -> str:
    """The body as plain semantic HTML, as partners and feeds take it; photos stand where `figures` has them."""
    return "\n".join(part for block in blocks if (part := str(_block_html(block, figures or {}))))


def _block_html(block: Block, figures: Mapping[UUID, Markup]) -> Markup:
    match block:
        case Paragraph():
            return Markup("<p>{}</p>").format(inline(block.html))
        case Heading():
            return Markup("<h{}>{}</h{}>").format(block.level, block.text, block.level)
        case Quote():
            author = Markup("<footer>{}</footer>").format(block.attribution) if block.attribution else ""
            return Markup("<blockquote><p>{}</p>{}</blockquote>").format(inline(block.html), author)
        case ListBlock():
            items = Markup("").join(Markup("<li>{}</li>").format(inline(item)) for item in block.items)
            return Markup("<ol>{}</ol>").format(items) if block.ordered else Markup("<ul>{}</ul>").format(items)
        case Embed():
            return _link(block)
        case ImageBlock():
            return figures.get(block.image_id, Markup())


def _link(block: Embed) -> Markup:
    address = web_address(block.url)
    if not address:
        return Markup("<p>{}</p>").format(block.title) if block.title else Markup()
    return Markup('<p><a href="{}">{}</a></p>').format(address, block.title or address)


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
