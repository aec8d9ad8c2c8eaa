"""A folder or ZIP of texts and photos that somebody uploads."""

from collections.abc import Iterator

from pydantic import Field

from ingestion.domain.folders import parse_zip
from ingestion.domain.items import Part, Raw
from ingestion.sources.plugin import Plugin, SourceSettings


class FolderSettings(SourceSettings):
    credit: str = Field(default="", max_length=500, description="of photos that name nobody, e.g. Пётр Ильин")


def parse(raw: Raw, settings: FolderSettings) -> Iterator[Part]:
    yield from parse_zip(raw.body, str(raw.note.get("name", "upload")), settings.credit)


PLUGIN = Plugin(
    "folder", told_as="upload", about="a folder or ZIP of texts and photos", settings=FolderSettings, parse=parse
)
