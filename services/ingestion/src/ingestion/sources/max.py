"""A channel of the messenger MAX through a bot that its owner made an administrator: posts come to our webhook, or we ask for them.

MAX's servers bear certificates of a national authority that certifi does not know: DEPESHA_CA_FILE names its root.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import Field, SecretStr, StringConstraints, model_validator

from chassis.errors import Refusal
from chassis.safe_http import FetchFailed, SafeClient
from ingestion.domain import max_messages
from ingestion.domain.items import Part, Raw
from ingestion.sources.plugin import Plugin, SourceSettings, Visit

UPDATE_TYPES = (*max_messages.MESSAGE_UPDATES, max_messages.REMOVED)
ASK_S = 25
"""How long MAX keeps a question open until something happens; it allows 90."""
Url = Annotated[str, StringConstraints(pattern=r"^(https?://[^/\s]+(/[^\s]*)?)?$", max_length=500)]


class MaxSettings(SourceSettings):
    chat_id: int = Field(description="the channel's number, as POST /subscriptions or bot_added tells it")
    title: str = Field(min_length=1, max_length=500, description="the channel's title; MAX's messages do not bear it")
    channel_url: Url = Field(default="", description="e.g. https://max.ru/solntsev")
    credit: str = Field(default="", max_length=500, description="who its photos are by; empty: made from the title")
    bot_token: SecretStr
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="what MAX must send with each update: 16 to 256 of A-Z a-z 0-9 _ -"
    )
    mode: Literal["webhook", "polling"] = "webhook"
    listens_s: int = Field(default=290, ge=0, le=3600, description="how long one visit keeps asking, when polling")
    api_url: Url = "https://platform-api2.max.ru"

    @model_validator(mode="after")
    def has_a_secret_at_its_door(self) -> "MaxSettings":
        secret = self.webhook_secret.get_secret_value()
        if self.mode == "webhook" and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", secret):
            raise ValueError("webhook_secret: must be 16 to 256 of A-Z a-z 0-9 _ - where mode is webhook")
        return self


class MaxRefused(Refusal):
    """MAX says no to the bot."""

    title = "MAX refuses"
    slug = "max-refuses"


def parse(raw: Raw, settings: MaxSettings) -> Iterator[Part]:
    channel = max_messages.MaxChannel(settings.chat_id, settings.title, settings.credit, settings.channel_url)
    yield from max_messages.parse(raw.body, channel)


def poll(visit: Visit) -> Iterator[Raw]:
    """Ask for updates, again and again for `listens_s`. The first visit (and a test run) asks once and does not wait."""
    settings: MaxSettings = visit.settings
    if settings.mode == "webhook":
        visit.wait_at_least_s = 3600
        return
    client = replace(visit.client, read_timeout_s=ASK_S + 10, total_timeout_s=ASK_S + 20)
    ends_at = time.monotonic() + settings.listens_s
    while True:
        left_s = ends_at - time.monotonic()
        wait_s = round(min(ASK_S, max(left_s, 0))) if "marker" in visit.memory else 0
        url, body, answer = _ask(settings, visit.memory, wait_s, client)
        is_first, visit.memory["marker"] = "marker" not in visit.memory, answer.get("marker")
        if answer["updates"]:
            yield Raw(body, "application/json", url)
        if is_first or time.monotonic() >= ends_at:
            return


def _ask(
    settings: MaxSettings, memory: dict[str, Any], wait_s: int, client: SafeClient
) -> tuple[str, bytes, dict[str, Any]]:
    asked: dict[str, Any] = {"limit": 100, "timeout": wait_s, "types": ",".join(UPDATE_TYPES)}
    if memory.get("marker") is not None:
        asked["marker"] = memory["marker"]
    url = f"{settings.api_url}/updates?{urlencode(asked)}"
    body = client.get(url, _authorization(settings)).body
    try:
        answer = json.loads(body)
        assert isinstance(answer["updates"], list)  # noqa: S101 - told below
    except (ValueError, KeyError, TypeError, AssertionError):
        raise FetchFailed(f"{url}: the answer is no page of updates") from None
    return url, body, answer


def subscribe(settings: MaxSettings, address: str, client: SafeClient) -> None:
    """Tell MAX to send the bot's updates to `address`. Raises FetchFailed, FetchRefused, MaxRefused."""
    wanted = {
        "url": address,
        "update_types": list(UPDATE_TYPES),
        "secret": settings.webhook_secret.get_secret_value(),
    }
    headers = {**_authorization(settings), "content-type": "application/json"}
    answer = json.loads(client.post(f"{settings.api_url}/subscriptions", json.dumps(wanted).encode(), headers).body)
    if not answer.get("success"):
        raise MaxRefused(f"POST /subscriptions: {answer.get('message') or answer}")


def _authorization(settings: MaxSettings) -> dict[str, str]:
    return {"authorization": settings.bot_token.get_secret_value()}


PLUGIN = Plugin(
    "max",
    told_as="max",
    about="posts of a channel of the messenger MAX in which our bot is an administrator",
    settings=MaxSettings,
    parse=parse,
    poll=poll,
    subscribe=subscribe,
    listens=True,
    every_s=10,
)
