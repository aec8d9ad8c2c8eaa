"""A Telegram channel through a bot that its owner made an administrator. Posts come to our webhook; its public page shows deletions."""

import json
import mimetypes
import re
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr, StringConstraints, field_validator

from chassis.errors import Refusal
from chassis.safe_http import Fetched, FetchFailed, FetchRefused, SafeClient
from ingestion.domain import telegram, telegram_preview
from ingestion.domain.items import File, Part, Raw
from ingestion.sources.plugin import Plugin, SourceSettings, Visit
from ingestion.sources.preview_pages import look_at_preview

UPDATES = telegram.POST_UPDATES
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(/[^\s]*)?$", max_length=500)]


class TelegramSettings(SourceSettings):
    channel: str = Field(
        pattern=r"^@?[A-Za-z]\w{3,31}$|^-100\d{5,15}$", description="its @name, or its number if it is private"
    )
    credit: str = Field(
        default="", max_length=500, description="who its photos are by, e.g. telegram-канал Евгения Солнцева"
    )
    bot_token: SecretStr
    webhook_secret: SecretStr = Field(
        description="what Telegram must send with each post: 16 to 256 of A-Z a-z 0-9 _ -"
    )
    watches_deletions: bool = Field(default=True, description="look at the public page for posts that were taken back")
    api_url: Url = "https://api.telegram.org"
    preview_url: Url = "https://t.me"

    @field_validator("channel")
    @classmethod
    def without_at(cls, value: str) -> str:
        return value.removeprefix("@")

    @field_validator("webhook_secret")
    @classmethod
    def is_a_secret(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", value.get_secret_value()):
            raise ValueError("must be 16 to 256 of A-Z a-z 0-9 _ -")
        return value


class TelegramRefused(Refusal):
    """Telegram says no to the bot."""

    title = "Telegram refuses"
    slug = "telegram-refuses"


def parse(raw: Raw, settings: TelegramSettings) -> Iterator[Part]:
    if "gone" in raw.note:
        yield from telegram_preview.parse(raw.body, raw.note, settings.channel, settings.credit)
    else:
        yield from telegram.parse(raw.body, settings.credit, str(raw.note.get("external_id", "")))


def poll(visit: Visit) -> Iterator[Raw]:
    """The public page tells what the Bot API does not: which posts were deleted."""
    settings: TelegramSettings = visit.settings
    if settings.watches_deletions and not settings.channel.startswith("-"):
        yield from look_at_preview(visit, settings.preview_url, settings.channel, only_gone=True)


def fetch(file_id: str, settings: TelegramSettings, client: SafeClient) -> File:
    """The file behind a file_id.

    Raises:
        FetchFailed, FetchRefused: without the address in its words, for the bot's token stands in it.

    """
    path = str(_call("getFile", {"file_id": file_id}, settings, client).get("file_path", ""))
    token = settings.bot_token.get_secret_value()
    fetched = _get(f"{settings.api_url}/file/bot{token}/{quote(path)}", "the file", client)
    return File(fetched.body, mimetypes.guess_type(path)[0] or "application/octet-stream")


def subscribe(settings: TelegramSettings, address: str, client: SafeClient) -> None:
    """Tell Telegram to send the channel's posts to `address`. Raises FetchFailed, FetchRefused, TelegramRefused."""
    asked = {
        "url": address,
        "secret_token": settings.webhook_secret.get_secret_value(),
        "allowed_updates": json.dumps(list(UPDATES)),
        "max_connections": "4",
    }
    _call("setWebhook", asked, settings, client)


def _call(method: str, asked: dict[str, str], settings: TelegramSettings, client: SafeClient) -> dict[str, Any]:
    token = settings.bot_token.get_secret_value()
    fetched = _get(f"{settings.api_url}/bot{token}/{method}?{urlencode(asked)}", method, client)
    try:
        answer = json.loads(fetched.body)
        result = answer["result"]
    except (ValueError, KeyError, TypeError):
        raise TelegramRefused(f"{method}: the answer is none of the Bot API") from None
    return result if isinstance(result, dict) else {}


def _get(url: str, what: str, client: SafeClient) -> Fetched:
    try:
        return client.get(url)
    except FetchRefused as refusal:
        raise FetchRefused(f"Telegram, {what}: {_without_address(refusal.detail)}") from None
    except FetchFailed as failure:
        raise FetchFailed(f"Telegram, {what}: {_without_address(failure.detail)}") from None


def _without_address(detail: str) -> str:
    return re.sub(r"https?://\S*?/bot\S*?: ", "", detail)


PLUGIN = Plugin(
    "telegram",
    told_as="telegram",
    about="posts of a Telegram channel in which our bot is an administrator",
    settings=TelegramSettings,
    parse=parse,
    poll=poll,
    fetch=fetch,
    subscribe=subscribe,
    every_s=300,
)
