"""IPTC ninjs, 3.x and 2.x (and 1.x where it costs nothing): JSON of an agency's item becomes a story.

The versions differ in the spelling of names (`versionCreated`, `versioncreated`, `body_xhtml`) and in where lists took the place of
objects; so names are compared in small letters without underlines, and lists and objects are read alike.
Source: iptc.org/std/ninjs.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any

from ingestion.domain.articles import Photo, compose, text_of
from ingestion.domain.items import Item, Part, Trouble, Withdrawn, attempt
from ingestion.domain.story_form import MAX_IMAGES, StoryForm

GONE = ("canceled", "withheld")
Json = Mapping[str, Any]


def parse(body: bytes, at: datetime) -> Iterator[Part]:
    """One item, or a list of them. `at`: when it came; a time that has not come yet is not believed."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        yield Trouble("ninjs", f"is no JSON: {error}")
        return
    for number, one in enumerate(given if isinstance(given, list) else [given]):
        if not isinstance(one, dict):
            yield Trouble(f"item {number}", f"is {type(one).__name__}, not an object of ninjs")
            continue
        item = _plain_names(one)
        uri = str(item.get("uri") or "")
        if not uri:
            yield Trouble(f"item {number}", "uri: is missing")
        elif str(item.get("pubstatus") or "usable") in GONE:
            yield Withdrawn(uri[:500], str(item.get("ednote") or f"pubStatus is {item['pubstatus']}"))
        else:
            yield attempt(uri, lambda item=item: _item(item, at))  # type: ignore[misc]


def _plain_names(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name.lower().replace("_", ""): _plain_names(one) for name, one in value.items()}
    return [_plain_names(one) for one in value] if isinstance(value, list) else value


def _item(item: Json, at: datetime) -> Item:
    photos = [photo for one in _all(item, "associations", "association") if (photo := _photo(one))]
    if str(item.get("type")) == "picture" and (own := _photo(item)):
        photos = [own, *photos]
    article = compose(_body(item), "", photos[:MAX_IMAGES])
    headline = _worded(item, "headline", "headlines") or _worded(item, "name", "title", "slugline")
    lede = text_of(_worded(item, "descriptiontext", "descriptionxhtml", "descriptions"))
    form = {
        "external_id": str(item["uri"])[:500],
        "headline": text_of(headline)[:500],
        "lede": "" if str(item.get("type")) == "picture" else lede[:4_000],
        "body": article.body,
        "images": article.images,
        "tags": _names(
            item, "subjects", "subject", "people", "person", "places", "place", "organisations", "organisation"
        ),
        "authors": [by[:2_000]] if (by := _author(item)) else [],
        "language": item.get("language") or None,
        "urgency": int(item.get("urgency") or 5),
        "canonical_url": _address(item),
        "published_at": _time(item, at),
    }
    return Item(StoryForm.model_validate(form))


def _all(item: Json, *names: str) -> list[Json]:
    """The objects under any of the names, be it a list of them or an object of them."""
    found: list[Json] = []
    for name in names:
        value = item.get(name)
        values = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        found += [one for one in values if isinstance(one, dict)]
    return found


def _worded(item: Json, *names: str) -> str:
    """The first text under any of the names; of a list the one that is main, else the first."""
    for name in names:
        value = item.get(name)
        if isinstance(value, str) and value.strip():
            return value
        listed = [
            one for one in (value if isinstance(value, list) else []) if isinstance(one, dict) and one.get("value")
        ]
        listed.sort(
            key=lambda one: str(one.get("role", "main")).rpartition(":")[2] not in ("main", "headline", "caption")
        )
        if listed:
            return str(listed[0]["value"])
    return ""


def _body(item: Json) -> str:
    """The text as HTML."""
    for name in ("bodyxhtml", "bodyhtml"):
        if item.get(name):
            return str(item[name])
    bodies = _all(item, "bodies")
    bodies.sort(key=lambda one: "html" not in str(one.get("contenttype") or one.get("mimetype")))
    for one in bodies:
        text = str(one.get("value") or "")
        if text.strip():
            is_html = "html" in str(one.get("contenttype") or one.get("mimetype") or "")
            return text if is_html else escape(text, quote=False)
    return escape(str(item.get("bodytext") or ""), quote=False)


def _photo(one: Json) -> Photo | None:
    if str(one.get("type") or "picture") not in ("picture", "graphic"):
        return None
    renditions = [
        rendition for rendition in _all(one, "renditions") if str(rendition.get("href", "")).startswith("http")
    ]
    if not renditions:
        return None
    best = max(renditions, key=lambda rendition: int(rendition.get("width") or 0) * int(rendition.get("height") or 0))
    credit = _worded(one, "creditline", "by", "byline", "copyrightholder")
    caption = text_of(_worded(one, "descriptiontext", "descriptions", "descriptionxhtml")) or text_of(
        _worded(one, "headline", "headlines")
    )
    return Photo(str(best["href"]), caption, credit, alt_text=_worded(one, "alttext", "altText"))


def _names(item: Json, *names: str) -> list[str]:
    found = (str(one.get("name") or "").strip() for one in _all(item, *names))
    return list(dict.fromkeys(name[:2_000] for name in found if name))[:50]


def _author(item: Json) -> str:
    return _worded(item, "by", "byline") or next(iter(_names(item, "bylines")), "")


def _address(item: Json) -> str:
    uri = str(item.get("uri") or "")
    return uri if uri.startswith(("http://", "https://")) and len(uri) <= 2_000 else ""


def _time(item: Json, at: datetime) -> datetime | None:
    for name in ("firstcreated", "contentcreated", "versioncreated"):
        if item.get(name):
            time = datetime.fromisoformat(str(item[name]))
            if time.tzinfo is not None:
                return time if time <= at + timedelta(hours=1) else None
    return None
