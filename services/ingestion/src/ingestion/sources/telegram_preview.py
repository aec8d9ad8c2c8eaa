"""A Telegram channel by its public page, t.me/s/CHANNEL: nobody needs to give us a bot, and photos are 800 pixels wide."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from ingestion.domain import telegram_preview
from ingestion.domain.items import Part, Raw
from ingestion.sources.plugin import Plugin, SourceSettings, Visit
from ingestion.sources.preview_pages import look_at_preview


class PreviewSettings(SourceSettings):
    channel: str = Field(pattern=r"^@?[A-Za-z]\w{3,31}$", description="its @name")
    credit: str = Field(
        default="", max_length=500, description="who its photos are by, e.g. telegram-канал Евгения Солнцева"
    )
    preview_url: Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+$", max_length=500)] = "https://t.me"

    @field_validator("channel")
    @classmethod
    def without_at(cls, value: str) -> str:
        return value.removeprefix("@")


def parse(raw: Raw, settings: PreviewSettings) -> Iterator[Part]:
    yield from telegram_preview.parse(raw.body, raw.note, settings.channel, settings.credit)


def poll(visit: Visit) -> Iterator[Raw]:
    settings: PreviewSettings = visit.settings
    yield from look_at_preview(visit, settings.preview_url, settings.channel)


PLUGIN = Plugin(
    "telegram_preview",
    told_as="telegram",
    about="the public page of a Telegram channel, t.me/s/CHANNEL",
    settings=PreviewSettings,
    parse=parse,
    poll=poll,
    every_s=120,
)
