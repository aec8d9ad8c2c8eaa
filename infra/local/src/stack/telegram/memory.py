"""Channels and files over restarts: one JSON file and a folder."""

import itertools
import json
from pathlib import Path

from stack.telegram.channel import Telegram


def remember(telegram: Telegram, folder: Path) -> None:
    with telegram.lock:
        for name, body in telegram.files.items():
            file = folder / "files" / name
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(body)
        channels = {
            name: {"title": one.title, "next_id": one.next_id, "messages": list(one.messages.values())}
            for name, one in telegram.channels.items()
        }
        next_number = next(telegram.numbers)
        telegram.numbers = itertools.count(next_number)
        fresh = folder / "channels.new"
        fresh.parent.mkdir(parents=True, exist_ok=True)
        known = {"next_update_id": next_number, "files": list(telegram.files), "channels": channels}
        fresh.write_text(json.dumps(known, ensure_ascii=False))
        fresh.replace(folder / "channels.json")


def recall(telegram: Telegram, folder: Path) -> None:
    if not (folder / "channels.json").exists():
        return
    known = json.loads((folder / "channels.json").read_text())
    telegram.numbers = itertools.count(known["next_update_id"])
    telegram.files = {name: (folder / "files" / name).read_bytes() for name in known["files"]}
    for username, one in known["channels"].items():
        channel = telegram.open_channel(username, one["title"])
        channel.next_id = one["next_id"]
        channel.messages = {int(message["message_id"]): message for message in one["messages"]}
