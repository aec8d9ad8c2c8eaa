"""IPTC NewsML-G2: text items of a message become stories, its picture items their photos.

Read with lxml itself: the library `newsmlg2` parses with settings of its own, and a stranger's XML must meet neither
entities nor the network. Source: iptc.org/std/NewsML-G2, NewsItem, PackageItem, NewsMessage.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

from lxml import etree

from ingestion.domain.articles import Photo, compose, text_of
from ingestion.domain.items import Item, Part, Trouble, Withdrawn, attempt
from ingestion.domain.story_form import StoryForm

NS = {"n": "http://iptc.org/std/nar/2006-10-01/"}
GONE = ("canceled", "withheld")
NITF_HEADS = {"hl1": "h2", "hl2": "h2", "media": "figure"}


def parse(body: bytes, at: datetime) -> Iterator[Part]:
    """A newsItem, or a newsMessage of several. `at`: when it came; a time that has not come yet is not believed."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        yield Trouble("NewsML-G2", f"is no XML that can be read: {error}")
        return
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]  # the stubs miss it
        yield Trouble("NewsML-G2", "has a DOCTYPE; entities of a stranger are not read")
        return
    items = _found(root, "self::n:newsItem | .//n:itemSet/n:newsItem")
    if not items:
        yield Trouble("NewsML-G2", f"has no newsItem; its root is {etree.QName(root).localname}")
        return
    pictures = {str(item.get("guid")): item for item in items if _class(item) in ("picture", "graphic")}
    texts = [item for item in items if str(item.get("guid")) not in pictures]
    packages = [_references(package) for package in _found(root, ".//n:packageItem")]
    for item in texts or list(pictures.values()):
        yield _read(item, _photos_of(item, pictures, packages, is_only=len(texts) == 1), at)


def _read(item: etree._Element, photos: Sequence[etree._Element], at: datetime) -> Part:
    guid = str(item.get("guid") or "")
    if not guid:
        return Trouble("newsItem", "guid: is missing")
    if (status := _qcode(item, "n:itemMeta/n:pubStatus") or "usable") in GONE:
        return Withdrawn(guid[:500], _text(item, "n:itemMeta/n:edNote") or f"pubStatus is {status}")
    return attempt(guid, lambda: _item(item, photos, at))


def _item(item: etree._Element, photos: Sequence[etree._Element], at: datetime) -> Item:
    own = [item] if _class(item) in ("picture", "graphic") else []
    article = compose(_body(item), "", [photo for one in [*own, *photos] if (photo := _photo(one))])
    urgency = _text(item, "n:contentMeta/n:urgency")
    language = _found(item, "string(n:contentMeta/n:language/@tag)") or str(
        item.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    )
    names = _found(item, "n:contentMeta/n:subject/n:name[1]")
    form = {
        "external_id": str(item.get("guid"))[:500],
        "headline": (_text(item, "n:contentMeta/n:headline") or _text(item, "n:contentMeta/n:slugline"))[:500],
        "lede": "" if own else _text(item, "n:contentMeta/n:description")[:4_000],
        "body": article.body,
        "images": article.images,
        "tags": list(dict.fromkeys(_words(name)[:2_000] for name in names))[:50],
        "authors": [by[:2_000]] if (by := _text(item, "n:contentMeta/n:by")) else [],
        "language": language or None,
        "urgency": int(urgency) if urgency.isdigit() else 5,
        "published_at": _time(item, at),
    }
    return Item(StoryForm.model_validate(form))


def _photos_of(
    item: etree._Element, pictures: dict[str, etree._Element], packages: Sequence[set[str]], *, is_only: bool
) -> list[etree._Element]:
    """Pictures that the text links to, or that stand in a package with it; in a message with one text, all of them."""
    if is_only:
        return list(pictures.values())
    wanted = _references(item)
    for package in packages:
        if str(item.get("guid")) in package:
            wanted |= package
    return [picture for guid, picture in pictures.items() if guid in wanted]


def _found(item: etree._Element, path: str) -> Any:  # noqa: ANN401 - elements, attributes or a string, as the path says
    return item.xpath(path, namespaces=NS)


def _references(item: etree._Element) -> set[str]:
    return {str(one) for one in _found(item, ".//n:itemRef/@residref | .//n:link/@residref")}


def _photo(item: etree._Element) -> Photo | None:
    remotes = [
        one for one in _found(item, "n:contentSet/n:remoteContent") if str(one.get("href", "")).startswith("http")
    ]
    if not remotes:
        return None
    best = max(remotes, key=lambda one: _number(one.get("width")) * _number(one.get("height")))
    credit = _text(item, "n:contentMeta/n:creditline") or _text(item, "n:contentMeta/n:by")
    caption = _text(item, "n:contentMeta/n:description") or _text(item, "n:contentMeta/n:headline")
    return Photo(str(best.get("href")), caption, credit)


def _number(value: Any) -> int:  # noqa: ANN401 - an attribute or none
    return int(value) if str(value or "").isdigit() else 0


def _body(item: etree._Element) -> str:
    """The text as HTML: XHTML or NITF inside the item, or plain text."""
    for inline in _found(item, "n:contentSet/n:inlineXML"):
        found = (
            _found(inline, ".//*[local-name()='body.content']")
            or _found(inline, ".//*[local-name()='body']")
            or [inline]
        )
        return _as_html(found[0])
    plain = _found(item, "string(n:contentSet/n:inlineData)")
    return escape(str(plain), quote=False)


def _as_html(element: etree._Element) -> str:
    for one in element.iter(etree.Element):
        name = etree.QName(one).localname
        one.tag = NITF_HEADS.get(name, name)
    etree.cleanup_namespaces(element)
    return str(etree.tostring(element, method="html", encoding="unicode", with_tail=False))


def _class(item: etree._Element) -> str:
    return _qcode(item, "n:itemMeta/n:itemClass")


def _qcode(item: etree._Element, path: str) -> str:
    code = _found(item, f"string({path}/@qcode)") or _found(item, f"string({path}/@uri)")
    return str(code).replace("/", ":").rpartition(":")[2]


def _text(item: etree._Element, path: str) -> str:
    found = _found(item, path)
    return _words(found[0]) if found else ""


def _words(element: etree._Element) -> str:
    return text_of(escape(" ".join("".join(str(part) for part in element.itertext()).split()), quote=False))


def _time(item: etree._Element, at: datetime) -> datetime | None:
    for path in ("n:itemMeta/n:firstCreated", "n:contentMeta/n:contentCreated", "n:itemMeta/n:versionCreated"):
        if shown := _text(item, path):
            time = datetime.fromisoformat(shown)
            if time.tzinfo is not None:
                return time if time <= at + timedelta(hours=1) else None
    return None
