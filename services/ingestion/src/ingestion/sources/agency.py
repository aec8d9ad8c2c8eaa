"""Agencies that hand in their own formats: IPTC ninjs and NewsML-G2."""

from collections.abc import Iterator
from datetime import UTC, datetime

from ingestion.domain import newsml, ninjs
from ingestion.domain.items import Part, Raw
from ingestion.sources.plugin import Plugin, SourceSettings


def parse_ninjs(raw: Raw, _settings: SourceSettings) -> Iterator[Part]:
    yield from ninjs.parse(raw.body, _came_at(raw))


def parse_newsml(raw: Raw, _settings: SourceSettings) -> Iterator[Part]:
    yield from newsml.parse(raw.body, _came_at(raw))


def _came_at(raw: Raw) -> datetime:
    return datetime.fromisoformat(raw.note["came_at"]) if "came_at" in raw.note else datetime.now(UTC)


NINJS = Plugin(
    "ninjs",
    told_as="api",
    about="an agency hands in IPTC ninjs, 3.x or 2.x",
    settings=SourceSettings,
    parse=parse_ninjs,
)
NEWSML = Plugin(
    "newsml", told_as="api", about="an agency hands in IPTC NewsML-G2", settings=SourceSettings, parse=parse_newsml
)
