"""What Telegram knows of a channel: its posts, their photos, and the updates that its bot is told of, in the Bot API's shapes.

Source: core.telegram.org/bots/api. The files of `photo` are as large as they came: nobody compresses them here.
"""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Picture(NamedTuple):
    """A photo as somebody adds it to a post. `as_file`: sent as a document, with its name, not compressed by the app."""

    body: bytes
    width: int = 1280
    height: int = 960
    as_file: str = ""
    content_type: str = "image/jpeg"


@dataclass
class Telegram:
    """All channels of one server. `tell` is called with every update, in order; times are Unix seconds."""

    clock: Callable[[], float]
    tell: Callable[[str, dict[str, Any]], None] = lambda _channel, _update: None
    channels: dict[str, "Channel"] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """file_path -> bytes"""
    sizes: dict[str, int] = field(default_factory=dict)
    """What getFile and the message say of a file's size, where it is not the truth."""
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(700_000_001))
    groups: "itertools.count[int]" = field(default_factory=lambda: itertools.count(13_800_000_001))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def open_channel(self, username: str, title: str) -> "Channel":
        channel = Channel(self, username, title, chat_id=-1_001_500_000_000 - len(self.channels))
        self.channels[username] = channel
        return channel


@dataclass
class Channel:
    telegram: Telegram
    username: str
    title: str
    chat_id: int
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    next_id: int = 1
    hidden: set[int] = field(default_factory=set)
    """Posts that the channel's page leaves out though they are there."""

    @property
    def chat(self) -> dict[str, Any]:
        return {"id": self.chat_id, "title": self.title, "username": self.username, "type": "channel"}

    def publish(
        self, text: str = "", entities: Sequence[dict[str, Any]] = (), pictures: Sequence[Picture] = (), **more: object
    ) -> list[int]:
        """One post; with several pictures an album, whose first message bears the words. Returns its messages' ids."""
        with self.telegram.lock:
            group = {"media_group_id": str(next(self.telegram.groups))} if len(pictures) > 1 else {}
            if not pictures:
                return [self._send({"text": text, "entities": list(entities), **more})]
            first = {"caption": text, "caption_entities": list(entities)} if text else {}
            return [
                self._send({**(first if place == 0 else {}), **self._media(picture), **group, **more})
                for place, picture in enumerate(pictures)
            ]

    def add_to_album(self, message_id: int, picture: Picture) -> int:
        """A photo of an album that arrives late."""
        with self.telegram.lock:
            group = self.messages[message_id]["media_group_id"]
            return self._send({**self._media(picture), "media_group_id": group})

    def edit(self, message_id: int, text: str, entities: Sequence[dict[str, Any]] = ()) -> None:
        with self.telegram.lock:
            message = self.messages[message_id]
            field_name, marks = ("text", "entities") if "text" in message else ("caption", "caption_entities")
            message |= {field_name: text, marks: list(entities), "edit_date": int(self.telegram.clock())}
            self._tell("edited_channel_post", message)

    def delete(self, *message_ids: int) -> None:
        """Bots are not told of deletions; only the public page shows them."""
        with self.telegram.lock:
            for message_id in message_ids:
                del self.messages[message_id]

    def _send(self, content: dict[str, Any]) -> int:
        message_id, self.next_id = self.next_id, self.next_id + 1
        message = {
            "message_id": message_id,
            "sender_chat": self.chat,
            "chat": self.chat,
            "date": int(self.telegram.clock()),
            **content,
        }
        self.messages[message_id] = message
        self._tell("channel_post", message)
        return message_id

    def _tell(self, kind: str, message: dict[str, Any]) -> None:
        self.telegram.tell(self.username, {"update_id": next(self.telegram.numbers), kind: dict(message)})

    def _media(self, picture: Picture) -> dict[str, Any]:
        file_id = f"AgACAgIAAx{len(self.telegram.files):06d}"
        folder = "documents" if picture.as_file else "photos"
        path = f"{folder}/file_{len(self.telegram.files)}.jpg"
        self.telegram.files[path] = picture.body
        unique = {"file_id": file_id, "file_unique_id": f"AQAD{file_id[-6:]}", "file_size": len(picture.body)}
        if picture.as_file:
            return {"document": {"file_name": picture.as_file, "mime_type": picture.content_type, **unique}}
        small = {"file_id": f"{file_id}s", "file_unique_id": f"AQAD{file_id[-6:]}s", "file_size": 1_500}
        return {
            "photo": [
                {**small, "width": 90, "height": round(90 * picture.height / picture.width)},
                {**unique, "width": picture.width, "height": picture.height},
            ]
        }


def entity(text: str, shown: str, kind: str, **more: object) -> dict[str, Any]:
    """A mark on the first place where `shown` stands in `text`, counted in UTF-16 code units."""
    start = text.index(shown)
    return {"type": kind, "offset": _units(text[:start]), "length": _units(shown), **more}


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def path_of(telegram: Telegram, file_id: str) -> str | None:
    """The file_path behind a file_id; a small size is the same file here."""
    number = file_id.removeprefix("AgACAgIAAx").removesuffix("s")
    return next((path for path in telegram.files if number.isdigit() and f"/file_{int(number)}." in path), None)
