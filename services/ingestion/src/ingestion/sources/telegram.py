"""A Telegram channel through a bot that its owner made an administrator: posts come to our webhook, or we ask for them.

The channel's public page shows deletions, which the Bot API does not tell.
"""

import json
import mimetypes
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from chassis.errors import Refusal
from chassis.safe_http import Fetched, FetchFailed, FetchRefused, SafeClient
from ingestion.domain import telegram, telegram_preview
from ingestion.domain.items import File, Part, Raw, Updates
from ingestion.sources.plugin import Plugin, SourceSettings, Visit
from ingestion.sources.preview_pages import look_at_preview

UPDATES = telegram.POST_UPDATES
ASK_S = 25
"""How long Telegram keeps a question open until something happens; it allows 50."""
MOST_UPDATES = 100
CONFLICT = 409
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+(/[^\s]*)?$", max_length=500)]


class TelegramSettings(SourceSettings):
    channel: str = Field(
        pattern=r"^@?[A-Za-z]\w{3,31}$|^-100\d{5,15}$", description="its @name, or its number if it is private"
    )
    credit: str = Field(
        default="", max_length=500, description="who its photos are by, e.g. telegram-канал Евгения Солнцева"
    )
    bot_token: SecretStr
    mode: Literal["webhook", "polling", "shared"] = Field(
        default="webhook",
        description="webhook: Telegram tells us at our public door; polling: we ask, no door is needed; shared: another source of the same bot is told or asks",
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="what Telegram must send with each post: 16 to 256 of A-Z a-z 0-9 _ -"
    )
    listens_s: int = Field(default=290, ge=0, le=3600, description="how long one visit keeps asking, when polling")
    watches_deletions: bool = Field(default=True, description="look at the public page for posts that were taken back")
    api_url: Url = "https://api.telegram.org"
    preview_url: Url = "https://t.me"

    @field_validator("channel")
    @classmethod
    def without_at(cls, value: str) -> str:
        return value.removeprefix("@")

    @model_validator(mode="after")
    def has_a_secret_at_its_door(self) -> "TelegramSettings":
        secret = self.webhook_secret.get_secret_value()
        if (secret or self.mode == "webhook") and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", secret):
            raise ValueError("webhook_secret: must be 16 to 256 of A-Z a-z 0-9 _ -")
        return self


class TelegramRefused(Refusal):
    """Telegram says no to the bot."""

    title = "Telegram refuses"
    slug = "telegram-refuses"


def parse(raw: Raw, settings: TelegramSettings) -> Iterator[Part]:
    if "gone" in raw.note:
        yield from telegram_preview.parse(raw.body, raw.note, settings.channel, settings.credit)
    else:
        yield from telegram.parse(raw.body, settings.credit, str(raw.note.get("external_id", "")))


def poll(visit: Visit) -> Iterator[Raw | Updates]:
    """Updates, where we ask for them; and from the public page what the Bot API does not tell: which posts were deleted."""
    settings: TelegramSettings = visit.settings
    if settings.mode == "polling":
        yield from _ask_for_updates(visit, settings)
        with suppress(FetchFailed, FetchRefused):  # t.me is out of reach in some places where the Bot API is not
            yield from _look_for_deletions(visit, settings)
    else:
        yield from _look_for_deletions(visit, settings)


def _look_for_deletions(visit: Visit, settings: TelegramSettings) -> Iterator[Raw]:
    if settings.watches_deletions and not settings.channel.startswith("-"):
        yield from look_at_preview(visit, settings.preview_url, settings.channel, only_gone=True)


def _ask_for_updates(visit: Visit, settings: TelegramSettings) -> Iterator[Updates]:
    """Ask again and again for `listens_s`; the first visit (and a test run) asks once and does not wait.

    To name an `offset` makes Telegram forget what is before it, so it is named only when that was taken in. Once it was named
    it is of no more use, and would do harm: after a quiet week Telegram counts on from a random number.
    """
    client = replace(visit.client, read_timeout_s=ASK_S + 10, total_timeout_s=ASK_S + 20)
    ends_at = time.monotonic() + settings.listens_s
    while True:
        left_s, is_first = ends_at - time.monotonic(), "offset" not in visit.memory
        offset = int(visit.memory.setdefault("offset", 0))
        updates = _updates(offset, 0 if is_first else round(min(ASK_S, max(left_s, 0))), settings, client)
        visit.memory["offset"] = max((update["update_id"] for update in updates), default=-1) + 1
        if updates:
            yield Updates(tuple(json.dumps(update).encode() for update in updates))
        if is_first or (time.monotonic() >= ends_at and len(updates) < MOST_UPDATES):
            return


def _updates(offset: int, wait_s: int, settings: TelegramSettings, client: SafeClient) -> list[dict[str, Any]]:
    asked = {"timeout": str(wait_s), "limit": str(MOST_UPDATES), "allowed_updates": json.dumps(list(UPDATES))}
    if offset:
        asked["offset"] = str(offset)
    try:
        updates = _call("getUpdates", asked, settings, client)
    except FetchFailed as failure:
        if failure.extra.get("answer_status") != CONFLICT:
            raise
        raise TelegramRefused(_why_conflict(settings, client)) from None
    if not isinstance(updates, list) or not all(_is_update(update) for update in updates):
        raise TelegramRefused("getUpdates: the answer is no list of updates")
    return updates


def _is_update(given: object) -> bool:
    return isinstance(given, dict) and isinstance(given.get("update_id"), int)


def _why_conflict(settings: TelegramSettings, client: SafeClient) -> str:
    """Telegram gives a bot's updates to one listener only."""
    webhook = _call("getWebhookInfo", {}, settings, client)
    if isinstance(webhook, dict) and (url := str(webhook.get("url") or "")):
        return (
            f"getUpdates: the bot has a webhook at {url[:500]}, and Telegram tells its posts there and not to those who ask. "
            "Remove the webhook (deleteWebhook), or set `mode` to webhook and subscribe"
        )
    return (
        "getUpdates: somebody else asks for this bot's updates, too. If it is another source here, set `mode` of this one to "
        "shared: that source hands this channel's posts on. If it is another program, give each a bot of its own"
    )


def fetch(file_id: str, settings: TelegramSettings, client: SafeClient) -> File:
    """The file behind a file_id.

    Raises:
        FetchFailed, FetchRefused: without the address in its words, for the bot's token stands in it.

    """
    file = _call("getFile", {"file_id": file_id}, settings, client)
    path = str(file.get("file_path", "")) if isinstance(file, dict) else ""
    token = settings.bot_token.get_secret_value()
    fetched = _get(f"{settings.api_url}/file/bot{token}/{quote(path)}", "the file", client)
    return File(fetched.body, mimetypes.guess_type(path)[0] or "application/octet-stream")


def subscribe(settings: TelegramSettings, address: str, client: SafeClient) -> None:
    """Tell Telegram to send the channel's posts to `address`. Raises FetchFailed, FetchRefused, TelegramRefused."""
    if settings.mode != "webhook":
        raise TelegramRefused(f"setWebhook: the source's `mode` is {settings.mode}; set it to webhook first")
    asked = {
        "url": address,
        "secret_token": settings.webhook_secret.get_secret_value(),
        "allowed_updates": json.dumps(list(UPDATES)),
        "max_connections": "4",
    }
    _call("setWebhook", asked, settings, client)


def _call(method: str, asked: dict[str, str], settings: TelegramSettings, client: SafeClient) -> Any:  # noqa: ANN401 - JSON
    token = settings.bot_token.get_secret_value()
    fetched = _get(f"{settings.api_url}/bot{token}/{method}?{urlencode(asked)}", method, client)
    try:
        return json.loads(fetched.body)["result"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TelegramRefused(f"{method}: the answer is none of the Bot API") from None


def _get(url: str, what: str, client: SafeClient) -> Fetched:
    try:
        return client.get(url)
    except FetchRefused as refusal:
        raise FetchRefused(f"Telegram, {what}: {_without_address(refusal.detail)}") from None
    except FetchFailed as failure:
        raise FetchFailed(f"Telegram, {what}: {_without_address(failure.detail)}", **failure.extra) from None


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
    listens=True,
    every_s=300,
)
