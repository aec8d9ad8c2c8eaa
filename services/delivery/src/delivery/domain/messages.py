"""The body that a site receives: `{type, timestamp, data}`, encoded once; the same bytes are signed and sent every time."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from contracts.events import StoryCorrected, StoryKilled, StoryPublished, StoryUnpublished

StoryFact = StoryPublished | StoryCorrected | StoryUnpublished | StoryKilled
MessageType = Literal[
    "story.published", "story.corrected", "story.unpublished", "story.killed", "endpoint.ping", "endpoint.verification"
]

TYPES: dict[type[StoryFact], MessageType] = {
    StoryPublished: "story.published",
    StoryCorrected: "story.corrected",
    StoryUnpublished: "story.unpublished",
    StoryKilled: "story.killed",
}
FIRST: frozenset[MessageType] = frozenset({"story.killed", "story.unpublished", "endpoint.verification"})
"""These go before everything else, and wait for no rate."""
REMOVALS: frozenset[MessageType] = frozenset({"story.killed", "story.unpublished"})
"""After these nothing older may still go out, in any order mode."""

THIN_ABOVE_BYTES: Final = 20_000
"""A longer body goes out in its thin form. Standard Webhooks advises 20 kB."""
HARD_LIMIT_BYTES: Final = 256 * 1024
THIN_FIELDS: Final[tuple[str, ...]] = (
    "uri",
    "type",
    "standard",
    "version",
    "pubStatus",
    "altIds",
    "renditions",
    "language",
    "headlines",
    "urgency",
    "versionCreated",
    "contentCreated",
    "subjects",
)
LINK_LIVES_S: Final = 30 * 24 * 3600
"""Longer than retries and holding take together: the link is in the bytes that were signed."""
BARE_FIELDS: Final = ("uri", "version", "pubStatus", "altIds")


@dataclass(frozen=True)
class Filters:
    """What an endpoint wants; empty: everything. `least_urgent`: ninjs urgency, 1 is the most urgent."""

    types: tuple[str, ...] = ()
    rubrics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    least_urgent: int = 9


def encode(message_type: MessageType, timestamp: datetime, data: dict[str, Any]) -> bytes:
    """UTF-8 JSON without needless spaces."""
    return json.dumps(
        {"type": message_type, "timestamp": timestamp.isoformat(), "data": data},
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def thin(item: dict[str, Any], data_url: str) -> dict[str, Any]:
    """What a story is, without its body: a ninjs item of few fields, and where the whole of it is."""
    small = _part(item, THIN_FIELDS)
    if len(json.dumps(small, ensure_ascii=False).encode()) > THIN_ABOVE_BYTES:
        small = _part(item, BARE_FIELDS)
    return {**small, "representationType": "partial", "data_url": data_url}


def _part(item: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}


def wants(filters: Filters, message_type: str, story: StoryFact) -> bool:
    """Whether an endpoint with these filters gets this message."""
    if filters.types and message_type not in filters.types:
        return False
    rubrics, tags = {one.label for one in story.rubrics}, {one.label for one in story.tags}
    return (
        (not filters.rubrics or not rubrics.isdisjoint(filters.rubrics))
        and (not filters.tags or not tags.isdisjoint(filters.tags))
        and (not filters.languages or story.language in filters.languages)
        and story.urgency <= filters.least_urgent
    )
