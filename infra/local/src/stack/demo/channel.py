"""The governor's channel: its source at ingestion, our bot in it, and a post that travels as everybody's do."""

import base64
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stack.demo import web
from stack.demo.stories import ChannelPost
from stack.house import House
from stack.processes import wait_until
from stack.telegram.server import TOKEN

SOURCE_ID = "telegram:solntsev_official"
FIRST_MESSAGE = 1211
WEBHOOK_SECRET = "for-trying-out-at-home"  # noqa: S105 - between two programs on this machine
WITHIN_S = 60


def hand_in_post(post: ChannelPost, house: House, files: dict[str, Path]) -> str:
    """Publish the post in the channel, unless it stands there from an earlier run. Returns the story's id at ingestion.

    Raises:
        WebError: a door refused.
        TimeoutError: the post did not come in.

    """
    app = f"{house.url('telegram')}/app"
    channel = {"channel": post.channel, "title": post.title, "next_id": FIRST_MESSAGE}
    standing = web.call("POST", f"{app}/read", channel)
    listen(post, house)
    if not standing:
        pictures = [
            {"body": base64.b64encode(files[photo.name].read_bytes()).decode(), "width": 2560, "height": 1920}
            for photo in post.photos
        ]
        web.call(
            "POST", f"{app}/publish", {**channel, "text": post.text, "entities": post.entities, "pictures": pictures}
        )
    return _story_id(str(FIRST_MESSAGE), house)


def listen(post: ChannelPost, house: House) -> None:
    """Make the channel a source, and ask Telegram to tell us of its posts."""
    settings = {
        "channel": post.channel,
        "credit": post.credit,
        "bot_token": TOKEN,
        "webhook_secret": WEBHOOK_SECRET,
        "api_url": house.url("telegram"),
        "preview_url": house.url("telegram"),
    }
    source = {
        "source_id": SOURCE_ID,
        "kind": "telegram",
        "name": f"Telegram-канал «{post.title}»",
        "url": f"https://t.me/{post.channel}",
        "settings": settings,
    }
    known = {one["source_id"] for one in _ask(house, "GET", "/sources")}
    if SOURCE_ID not in known:
        _ask(house, "POST", "/sources", source)
    elif _ask(house, "GET", f"/sources/{quote(SOURCE_ID)}")["settings"]["api_url"] != settings["api_url"]:
        _ask(house, "PATCH", f"/sources/{quote(SOURCE_ID)}", {"settings": settings})
    _ask(house, "PUT", f"/sources/{quote(SOURCE_ID)}/subscription", {"outside_url": house.url("ingestion")})


def _story_id(external_id: str, house: House) -> str:
    found: dict[str, str] = {}

    def look() -> bool:
        items = _ask(house, "GET", f"/sources/{quote(SOURCE_ID)}/items")
        found.update({item["external_id"]: item["story_id"] for item in items})
        return external_id in found

    wait_until(look, f"post {external_id} of the channel at ingestion", timeout_s=WITHIN_S)
    return found[external_id]


def _ask(house: House, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    return web.call(method, f"{house.url('ingestion')}{path}", body, token=house.engines.operator_token)
