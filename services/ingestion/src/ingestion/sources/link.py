"""Articles that editors paste as a link."""

from collections.abc import Iterator

from ingestion.domain.items import Part, Raw, attempt
from ingestion.domain.pages import read_page
from ingestion.sources.plugin import Plugin, SourceSettings


def parse(raw: Raw, _settings: SourceSettings) -> Iterator[Part]:
    yield attempt(raw.url, lambda: read_page(raw).item)


PLUGIN = Plugin(
    "link", told_as="link", about="articles that editors paste as a link", settings=SourceSettings, parse=parse
)
