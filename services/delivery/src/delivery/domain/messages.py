"""The body that a site receives: `{type, timestamp, data}`, encoded once; the same bytes are signed and sent every time."""

import json
from datetime import datetime
from typing import Any, Literal

from contracts.events import StoryCorrected, StoryKilled, StoryPublished, StoryUnpublished

StoryFact = StoryPublished | StoryCorrected | StoryUnpublished | StoryKilled
MessageType = Literal["story.published", "story.corrected", "story.unpublished", "story.killed", "endpoint.ping"]

TYPES: dict[type[StoryFact], MessageType] = {
    StoryPublished: "story.published",
    StoryCorrected: "story.corrected",
    StoryUnpublished: "story.unpublished",
    StoryKilled: "story.killed",
}
FIRST: frozenset[MessageType] = frozenset({"story.killed", "story.unpublished"})
"""These go before everything else."""


def encode(message_type: MessageType, timestamp: datetime, data: dict[str, Any]) -> bytes:
    """UTF-8 JSON without needless spaces."""
    return json.dumps(
        {"type": message_type, "timestamp": timestamp.isoformat(), "data": data},
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def wants(types: tuple[str, ...], rubrics: tuple[str, ...], message_type: str, story_rubrics: tuple[str, ...]) -> bool:
    """Whether an endpoint with these filters (empty: everything) gets this message."""
    return (not types or message_type in types) and (not rubrics or bool(set(rubrics) & set(story_rubrics)))
