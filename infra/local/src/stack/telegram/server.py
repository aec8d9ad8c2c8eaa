"""Our Telegram over HTTP: /bot<token>/METHOD, /file/bot<token>/PATH, /s/CHANNEL and /CHANNEL/ID, and updates told to a webhook.

`python -m stack.telegram.server` is the process of `make run`; tests start `Server` in a thread. What people do in their
app (publish, edit, delete) comes in at /app/…, which is no part of Telegram's interface.
"""

import base64
import json
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from stack.telegram.channel import Picture, Telegram, path_of
from stack.telegram.memory import recall, remember
from stack.telegram.pages import channel_page, post_page

TOKEN = "7000000001:AAH-for-trying-out"  # noqa: S105 - of a Telegram that is ours
RETRY_S = (0.2, 0.5, 1, 2, 5)
MOST_FILE_BYTES = 20_000_000


@dataclass
class Server:
    """One bot, all channels. `told` is how each update's delivery ended: (update_id, status).

    With a folder it remembers posts and files over restarts.
    """

    token: str = TOKEN
    telegram: Telegram = field(default_factory=lambda: Telegram(clock=time.time))
    port: int = 0
    folder: Path | None = None
    webhook: dict[str, Any] = field(default_factory=dict)
    told: list[tuple[int, int]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    _updates: "queue.Queue[dict[str, Any] | None]" = field(default_factory=queue.Queue)
    _waiting: list[dict[str, Any]] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> "Server":
        if self.folder:
            recall(self.telegram, self.folder)
        self.telegram.tell = lambda _channel, update: self._updates.put(update)
        self._http = _Http(self)
        self.port = self._http.server_port
        self._threads = [
            threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True),
            threading.Thread(target=self._deliver, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._updates.put(None)
        for thread in self._threads:
            thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tell(self, update: dict[str, Any]) -> int:
        """Send one update to the webhook now. Returns the status that it was answered with, 0 for none."""
        request = urllib.request.Request(  # noqa: S310 - the webhook that our own house named
            self.webhook["url"],
            json.dumps(update).encode(),
            {
                "content-type": "application/json",
                "x-telegram-bot-api-secret-token": self.webhook.get("secret_token", ""),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                status = int(answer.status)
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
        except OSError:
            status = 0
        self.told.append((update["update_id"], status))
        return status

    def _deliver(self) -> None:
        """In order; one that is not answered with 2xx is told again, as Telegram does, and those behind it wait."""
        while (update := self._updates.get()) is not None:
            if not self.webhook.get("url"):
                self.tell_askers(update)
                continue
            for pause_s in (*RETRY_S, 0):
                if 200 <= self.tell(update) < 300:
                    break
                time.sleep(pause_s)

    @property
    def waiting(self) -> int:
        """How many updates nobody has been told of or confirmed."""
        return len(self._waiting)

    @property
    def is_asked(self) -> bool:
        """Whether somebody waits for updates now."""
        return self._asking.locked()

    def tell_askers(self, update: dict[str, Any]) -> None:
        with self._came:
            self._waiting.append(update)
            self._came.notify_all()

    def somebody_asks(self) -> AbstractContextManager[bool]:
        """Meanwhile another program waits for updates, and whoever asks, too, is refused."""
        return self._asking

    def call(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        """A method of the Bot API."""
        self.calls.append(method)
        methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "getMe": lambda _: _ok({"id": 7000000001, "is_bot": True, "first_name": "D", "username": "depesha_bot"}),
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": lambda _: _ok({"url": self.webhook.get("url", ""), "pending_update_count": 0}),
            "getUpdates": self._get_updates,
            "getFile": lambda given: self._file(str(given.get("file_id", ""))),
        }
        return methods[method](given) if method in methods else _error(404, "Not Found")

    def _set_webhook(self, given: dict[str, Any]) -> dict[str, Any]:
        if not str(given.get("url", "")).startswith(("http://", "https://")):
            return _error(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook = given
        with self._came:
            for update in self._waiting:
                self._updates.put(update)
            self._waiting.clear()
        return _ok(result=True)

    def _delete_webhook(self, _given: dict[str, Any]) -> dict[str, Any]:
        self.webhook = {}
        return _ok(result=True)

    def _get_updates(self, given: dict[str, Any]) -> dict[str, Any]:
        """Those that were not confirmed, from `offset` on, which confirms what is before it. Waits `timeout` seconds for some."""
        if self.webhook.get("url"):
            return _error(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first")
        if not self._asking.acquire(blocking=False):
            return _error(409, "Conflict: terminated by other getUpdates request; make sure that only one bot runs")
        try:
            offset, limit = int(given.get("offset", 0)), int(given.get("limit", 100))
            with self._came:
                self._waiting[:] = [update for update in self._waiting if update["update_id"] >= offset]
                self._came.wait_for(lambda: self._waiting, timeout=float(given.get("timeout", 0)))
                return _ok(self._waiting[:limit])
        finally:
            self._asking.release()

    def _file(self, file_id: str) -> dict[str, Any]:
        path = path_of(self.telegram, file_id)
        if path is None:
            return _error(400, "Bad Request: invalid file_id")
        size = self.telegram.sizes.get(path, len(self.telegram.files[path]))
        if size > MOST_FILE_BYTES:
            return _error(400, "Bad Request: file is too big")
        return _ok({"file_id": file_id, "file_unique_id": "u", "file_size": size, "file_path": path})

    def do_in_app(self, what: str, given: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """What somebody does in the app: open a channel, read it, publish, edit, delete."""
        channels = self.telegram.channels
        channel = channels.get(given["channel"])
        if channel is None:
            channel = self.telegram.open_channel(given["channel"], given.get("title", given["channel"]))
            channel.next_id = int(given.get("next_id", 1))
        done: Any = None
        match what:
            case "read":
                done = list(channel.messages.values())
            case "publish":
                pictures = [
                    Picture(base64.b64decode(one["body"]), one["width"], one["height"]) for one in given["pictures"]
                ]
                done = channel.publish(given["text"], given["entities"], pictures)
            case "edit":
                channel.edit(given["message_id"], given["text"], given["entities"])
            case "delete":
                channel.delete(*given["message_ids"])
        if self.folder:
            remember(self.telegram, self.folder)
        return done


def _ok(result: object) -> dict[str, Any]:
    return {"ok": True, "result": result}


def _error(code: int, description: str) -> dict[str, Any]:
    return {"ok": False, "error_code": code, "description": description}


class _Http(ThreadingHTTPServer):
    def __init__(self, home: Server) -> None:
        super().__init__(("127.0.0.1", home.port), _Doors)
        self.home = home


class _Doors(BaseHTTPRequestHandler):
    server: _Http

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        parts = [unquote(part) for part in address.path.split("/")[1:]]
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        home = self.server.home
        match parts:
            case [bot, method] if bot.startswith("bot"):
                self._answer_call(bot, method, query)
            case ["file", bot, *path] if bot == f"bot{home.token}":
                self._answer_file("/".join(path))
            case ["cdn", *path]:
                self._answer_file("/".join(path))
            case ["s", name] if name in home.telegram.channels:
                before = int(query["before"]) if "before" in query else None
                self._answer_page(channel_page(home.telegram.channels[name], home.url, before))
            case [name, number] if number.isdigit():
                self._answer_page(post_page(home.telegram.channels.get(name), int(number), home.url))
            case _:
                self._answer(200 if parts == [""] else 404, "text/plain", b"our own Telegram")

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        parts = self.path.split("/")[1:]
        if parts[0] == "app" and len(parts) == 2:
            done = self.server.home.do_in_app(parts[1], given)
            self._answer(200, "application/json", json.dumps(done).encode())
        else:
            self._answer_call(parts[0], parts[-1], given)

    def _answer_page(self, page: str) -> None:
        self._answer(200, "text/html; charset=utf-8", page.encode())

    def _answer_call(self, bot: str, method: str, given: dict[str, Any]) -> None:
        home = self.server.home
        said = home.call(method, given) if bot == f"bot{home.token}" else _error(401, "Unauthorized")
        self._answer(said.get("error_code", 200), "application/json", json.dumps(said).encode())

    def _answer_file(self, path: str) -> None:
        body = self.server.home.telegram.files.get(path)
        self._answer(200 if body is not None else 404, "application/octet-stream", body or b"")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet: the house's log is about the house."""


def main() -> None:
    folder = Path(os.environ["DEPESHA_TELEGRAM_FOLDER"])
    server = Server(port=int(os.environ["DEPESHA_TELEGRAM_PORT"]), folder=folder).start()
    threading.Event().wait()
    server.stop()


if __name__ == "__main__":
    main()
