"""Makes any XML feed readable: in UTF-8, well-formed, without a DTD, with the photos' own words taken out beside each item.

feedparser forgets which credit belongs to which photo, and takes a photo's description for the item's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5

from lxml import etree

from ingestion.domain.articles import Photo, merge, text_of
from ingestion.domain.charsets import to_text
from ingestion.domain.typography import drop_invisible

MEDIA = "{http://search.yahoo.com/mrss}"
ROOTS = ("rss", "feed", "RDF", "channel")
ITEMS = ("item", "entry")
FULL_TEXTS = {
    "encoded": "content/",
    "content": "turbo",
    "full-text": "yandex",
    "fulltext": "rambler",
    "full_text": "mailru",
}
"""Where sites put an article's whole text: an element's name, and what its namespace or prefix has in it."""
DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
DOCTYPE = re.compile(r"<!DOCTYPE(?:[^\[>]|\[.*?\]\s*)*>", re.IGNORECASE | re.DOTALL)
NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
XML_NAMES = {"amp", "lt", "gt", "quot", "apos"}
IMAGE_NAME = re.compile(r"\.(?:jpe?g|png|webp|gif|avif|heic|bmp|tiff?)(?:$|[?#])", re.IGNORECASE)
ALTERNATE = re.compile(
    r"<link\b[^>]*\btype\s*=\s*[\"']application/(?:rss|atom|feed)\+(?:xml|json)[\"'][^>]*>", re.IGNORECASE
)
HREF = re.compile(r"\bhref\s*=\s*[\"']([^\"']+)", re.IGNORECASE)


class NotAFeedError(ValueError):
    """The whole is no feed; the message says what it seems to be."""


@dataclass(frozen=True)
class ItemFacts:
    """What feedparser loses of an item, or takes long over: guid as it stands, whole text, Media RSS's photos and films."""

    guid: str = ""
    full_text: str = ""
    photos: tuple[Photo, ...] = ()
    films: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeedXml:
    """`facts` stand in the order of the items. `problem` is what was wrong with the XML, mended as far as it goes."""

    body: bytes
    facts: tuple[ItemFacts, ...]
    problem: str


def prepare(body: bytes, content_type: str = "") -> FeedXml:
    """Raises NotAFeedError."""
    text = drop_invisible(to_text(body, content_type)).lstrip()
    if not text:
        raise NotAFeedError("the feed is empty: 0 characters of text")
    text = NAMED.sub(_numeric, DOCTYPE.sub("", DECLARATION.sub("", text, count=1), count=1))
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, encoding="utf-8")
    root = _root_of(text, parser)
    if root is None or _name(root) not in ROOTS:
        raise NotAFeedError(_what_it_is(text, root))
    facts = tuple(_take_facts(item) for item in root.iter(etree.Element) if _name(item) in ITEMS)
    return FeedXml(etree.tostring(root, encoding="utf-8"), facts, _problem(parser))


def _root_of(text: str, parser: etree.XMLParser) -> etree._Element | None:
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:  # nothing that could be recovered
        return None


def _numeric(found: re.Match[str]) -> str:
    """XML knows five names of signs, feeds use all of HTML's."""
    name = found[1]
    if name in XML_NAMES or f"{name};" not in html5:
        return found[0]
    return "".join(f"&#{ord(sign)};" for sign in html5[f"{name};"])


def _problem(parser: etree.XMLParser) -> str:
    fatal = [error for error in parser.error_log if error.level >= etree.ErrorLevels.FATAL]
    return f"the XML is broken: line {fatal[0].line}: {fatal[0].message.strip()}" if fatal else ""


def _what_it_is(text: str, root: etree._Element | None) -> str:
    beginning = text[:1000].lower()
    if "<html" in beginning or "<!doctype html" in beginning:
        offers = [href[1] for link in ALTERNATE.findall(text[:200_000]) if (href := HREF.search(link))]
        more = f"; it names as its feeds: {', '.join(offers[:5])}" if offers else ""
        return f"this is an HTML page, not a feed{more}"
    shown = f"<{_name(root)}>" if root is not None else repr(" ".join(text[:60].split()))
    return f"this is no RSS, Atom, RDF or JSON feed; it begins with {shown}"


def _name(element: etree._Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def _is_media(element: etree._Element, name: str = "") -> bool:
    """By its namespace, or by the usual prefix where nobody declared one."""
    tag = element.tag
    if not isinstance(tag, str):
        return False
    uri, _, local = tag.rpartition("}")
    is_media = "search.yahoo.com/mrss" in uri or (not uri and local.startswith("media:"))
    return is_media and (not name or local.removeprefix("media:") == name)


def _take_facts(item: etree._Element) -> ItemFacts:
    """Media RSS's elements are taken out of the item, for feedparser mixes their words with the item's."""
    guid, full_text = _guid_of(item), _take_full_text(item)
    tops = [element for element in item if _is_media(element)]
    if not tops:
        return ItemFacts(guid, full_text)
    whole = _words(item)
    contents = [content for element in tops for content in _contents(element)]
    photos = [photo for element, group in contents if (photo := _photo(element, group, whole)) is not None]
    if not photos:  # a thumbnail is small, but better than nothing
        urls = [element.get("url") or "" for element in item.iter(etree.Element) if _is_media(element, "thumbnail")]
        photos = [Photo(url, **whole) for url in urls[:1] if url]
    films = [_film(element) for element, _ in contents if _kind(element) == "video"]
    for element in tops:
        item.remove(element)
    return ItemFacts(guid, full_text, tuple(merge(photos)), tuple(filter(None, films)))


def _guid_of(item: etree._Element) -> str:
    """Guid of RSS, id of Atom, about of RDF. feedparser makes addresses of them, which differ with where the feed is."""
    for child in item.iter(etree.Element):  # any depth: an element that was never closed has swallowed it
        if _name(child) in ("guid", "id") and (child.text or "").strip():
            return (child.text or "").strip()
    return next((str(value) for name, value in item.items() if str(name).rpartition("}")[2] == "about"), "")


def _take_full_text(item: etree._Element) -> str:
    """The longest of them, if there are several."""
    found = [
        element
        for element in item
        if FULL_TEXTS.get(_name(element), "-") in str(element.tag).rpartition("}")[0] + _prefix(element)
    ]
    texts = ["".join(map(str, element.itertext())) for element in found]
    for element in found:
        item.remove(element)
    return max(texts, key=len, default="")


def _prefix(element: etree._Element) -> str:
    """Also of one that nobody declared."""
    return str(element.prefix or element.tag).partition(":")[0].replace("content", "content/")


def _contents(element: etree._Element) -> Iterator[tuple[etree._Element, etree._Element | None]]:
    """(media:content, its media:group or None); of a group's versions of one photo the widest alone."""
    if _is_media(element, "content"):
        yield element, None
    elif _is_media(element, "group"):
        versions = [one for one in element if _is_media(one, "content")]
        images = [one for one in versions if _kind(one) == "image"]
        yield from ((one, element) for one in versions if _kind(one) == "video")
        if images:
            yield max(images, key=_width), element


def _kind(element: etree._Element) -> str:
    """image, video or something else: by the medium, the type, or the address."""
    medium, kind = element.get("medium") or "", (element.get("type") or "").partition("/")[0]
    if medium or kind:
        return medium or kind
    return "image" if IMAGE_NAME.search(element.get("url") or "") else ""


def _width(element: etree._Element) -> int:
    width = element.get("width") or ""
    return int(width[:6]) if width.isdigit() else 0


def _film(element: etree._Element) -> str:
    players = [one.get("url") or "" for one in element.iter(etree.Element) if _is_media(one, "player")]
    return players[0] if players else element.get("url") or ""


def _photo(element: etree._Element, group: etree._Element | None, whole: dict[str, str]) -> Photo | None:
    url = element.get("url") or ""
    if _kind(element) != "image" or not url:
        return None
    words = {**whole, **(_words(group) if group is not None else {}), **_words(element)}
    return Photo(url.strip(), **words)


def _words(element: etree._Element) -> dict[str, str]:
    """Caption and credit that stand directly in this element, as text."""
    said = {
        name: text_of(child.text or "")
        for name in ("text", "title", "copyright", "description", "credit")
        for child in element
        if _is_media(child, name) and (child.text or "").strip()
    }
    words = {
        "caption": said.get("description") or said.get("title") or said.get("text") or "",
        "credit": said.get("credit") or said.get("copyright") or "",
    }
    return {name: text for name, text in words.items() if text}
