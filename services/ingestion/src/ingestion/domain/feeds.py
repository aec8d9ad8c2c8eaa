"""Reads RSS 0.9x to 2.0, RSS 1.0 (RDF), Atom and JSON Feed: every item that can be read, and why another one cannot."""

import calendar
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import struct_time
from typing import Any

import feedparser

from ingestion.domain.articles import Photo
from ingestion.domain.feed_items import Entry, identity_of, is_far_ahead, to_item
from ingestion.domain.feed_xml import IMAGE_NAME, FeedXml, ItemFacts, NotAFeedError, prepare
from ingestion.domain.items import Part, Raw, Trouble, attempt


def read_feed(raw: Raw) -> Iterator[Part]:
    """The items, in the feed's order.

    Raises:
        NotAFeedError: it is something else; the message says what.

    """
    at = _at(raw)
    is_json = raw.media_type.partition(";")[0].strip().endswith("json") or raw.body.lstrip()[:1] == b"{"
    if is_json:
        entries = _json_entries(raw.body)
    else:
        feed = prepare(raw.body, raw.media_type)
        if feed.problem:
            yield Trouble(raw.url or "feed", feed.problem)
        entries = _xml_entries(feed)
    for entry in _each_named_once(entries):
        place = entry.identity
        if is_far_ahead(entry, at):
            yield Trouble(
                place, f"its date {entry.published_at:%Y-%m-%d %H:%M} UTC is in the future; taken in without it"
            )
        yield attempt(place, lambda entry=entry: to_item(entry, raw.url, at))  # type: ignore[misc]


def ttl_s(body: bytes) -> float:
    """For how long the feed says that it need not be asked again (RSS 2.0 `ttl`, minutes); 0 where it says nothing."""
    _, opened, rest = body[:20_000].partition(b"<ttl>")
    minutes = rest.partition(b"<")[0].strip()
    return 60.0 * int(minutes) if opened and minutes.isdigit() and len(minutes) < 7 else 0.0


def _at(raw: Raw) -> datetime:
    noted = raw.note.get("at")
    return datetime.fromisoformat(noted) if isinstance(noted, str) else datetime.now(UTC)


def _each_named_once(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Some feeds give all their items one guid; then the address, and at last the words, tell them apart."""
    times = Counter(entry.identity for entry in entries)
    seen: set[str] = set()
    for entry in entries:
        identity = entry.identity
        if times[identity] > 1:
            identity = identity_of(
                "", entry.link if entry.link != identity else "", entry.title or entry.summary, str(entry.published_at)
            )
        if identity not in seen:  # the very same item twice
            seen.add(identity)
            yield replace(entry, identity=identity)


def _xml_entries(feed: FeedXml) -> list[Entry]:
    headers = {"content-type": "application/xml; charset=utf-8"}
    parsed = feedparser.parse(  # a stream: bytes would be tried as a file's name
        io.BytesIO(feed.body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    language = str(parsed.feed.get("language") or "")
    facts = feed.facts if len(feed.facts) == len(parsed.entries) else (ItemFacts(),) * len(parsed.entries)
    return [_xml_entry(entry, one, language) for entry, one in zip(parsed.entries, facts, strict=True)]


def _xml_entry(entry: Any, facts: ItemFacts, language: str) -> Entry:  # noqa: ANN401 - feedparser's dict
    link = entry.get("feedburner_origlink") or entry.get("link") or _first_link(entry)
    title, published = entry.get("title") or "", entry.get("published") or _updated(entry, "updated") or ""
    contents = [one.get("value") or "" for one in entry.get("content") or ()]
    full = max([*contents, facts.full_text], key=len)
    summary = entry.get("summary") or ""
    if full == summary:  # Atom's content alone is given as both
        summary = ""
    return Entry(
        identity=identity_of(facts.guid or entry.get("id") or "", link, title, published),
        link=link,
        title=title,
        summary=summary if full else "",
        content=full or summary,
        authors=[name for one in entry.get("authors") or () if (name := one.get("name"))],
        categories=[name for one in entry.get("tags") or () if (name := one.get("label") or one.get("term"))],
        language=language,
        published_at=_moment(entry.get("published_parsed") or _updated(entry, "updated_parsed")),
        photos=[*facts.photos, *_enclosed(entry)],
        films=facts.films,
    )


def _updated(entry: Any, name: str) -> Any:  # noqa: ANN401 - feedparser's dict
    """Asked for what is not there feedparser warns, and gives the date of publication."""
    return dict.get(entry, name)


def _first_link(entry: Any) -> str:  # noqa: ANN401 - feedparser's dict
    return next((link.get("href") or "" for link in entry.get("links") or () if link.get("rel") == "alternate"), "")


def _enclosed(entry: Any) -> list[Photo]:  # noqa: ANN401 - feedparser's dict
    links = [link for link in entry.get("links") or () if link.get("rel") == "enclosure"]
    own = (entry.get("image") or {}).get("href") or ""
    urls = [link.get("href") or "" for link in links if _is_image(link.get("type") or "", link.get("href") or "")]
    titles = {link.get("href"): link.get("title") or "" for link in links}
    return [Photo(url, caption=titles.get(url, "")) for url in [*urls, own] if url]


def _is_image(kind: str, url: str) -> bool:
    return kind.lower().startswith("image/") or (not kind and bool(IMAGE_NAME.search(url)))


def _moment(parsed: struct_time | None) -> datetime | None:
    """Feedparser gives UTC, and now and then a date that there is not."""
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, OSError):
        return None


def _json_entries(body: bytes) -> list[Entry]:
    try:
        feed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotAFeedError(f"the JSON is broken: {error}") from None
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise NotAFeedError("this is JSON, but no JSON Feed: it has no list `items`")
    language = _string(feed.get("language"))
    return [_json_entry(item if isinstance(item, dict) else {}, language) for item in feed["items"]]


def _json_entry(item: dict[str, Any], language: str) -> Entry:
    """JSON Feed 1.1; ids may be numbers in feeds of old (1.0 asks readers to take them)."""
    link = _string(item.get("url")) or _string(item.get("external_url"))
    published = _string(item.get("date_published")) or _string(item.get("date_modified"))
    title = _string(item.get("title"))
    authors = _dicts(item.get("authors")) or _dicts([item.get("author")])
    images = [_string(item.get("image")), _string(item.get("banner_image"))]
    attached = [
        Photo(_string(one.get("url")), caption=_string(one.get("title")))
        for one in _dicts(item.get("attachments"))
        if _is_image(_string(one.get("mime_type")), _string(one.get("url")))
    ]
    return Entry(
        identity=identity_of(_string(item.get("id")), link, title, published),
        link=link,
        title=title,
        summary=_string(item.get("summary")),
        content=_string(item.get("content_html")) or _string(item.get("content_text")),
        authors=[_string(one.get("name")) for one in authors],
        categories=[_string(tag) for tag in _list(item.get("tags"))],
        language=_string(item.get("language")) or language,
        published_at=_iso(published),
        photos=[*(Photo(url) for url in images if url), *attached],
    )


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in _list(value) if isinstance(one, dict)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
