"""A MAX of our own: GET /updates with long polling and markers, POST /subscriptions, photos; updates told to a webhook."""

import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .serving import Serving

TOKEN = "f9LHodD0cOL5-max"
CHAT_ID = -72_000_001


class MaxServer(Serving):
    """One bot, one channel. `updates` is all that happened; a marker counts in it."""

    def __init__(self) -> None:
        self.updates: list[dict] = []
        self.photos: dict[str, bytes] = {}
        self.subscription: dict = {}
        self.asked: list[dict] = []
        self.confirmed = 0
        self._now = 1_794_819_600_000
        self._something = threading.Condition()
        super().__init__(ThreadingHTTPServer, _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self, mid: str, text: str = "", markup=(), photos=(), chat_id: int = CHAT_ID, **more) -> dict:
        return self.happen("message_created", message=self.message(mid, text, markup, photos, chat_id, **more))

    def edit(self, mid: str, text: str, markup=(), photos=()) -> dict:
        return self.happen("message_edited", message=self.message(mid, text, markup, photos))

    def remove(self, mid: str) -> dict:
        return self.happen("message_removed", message_id=mid, chat_id=CHAT_ID, user_id=1)

    def message(self, mid, text="", markup=(), photos=(), chat_id=CHAT_ID, **more) -> dict:
        for photo in photos:
            self.photos[f"p{len(self.photos)}"] = photo
        names = list(self.photos)[-len(photos) :] if photos else []
        attachments = [
            {"type": "image", "payload": {"photo_id": 7, "token": "t", "url": f"{self.url}/i?r={name}"}}
            for name in names
        ]
        body = {"mid": mid, "seq": len(self.updates), "text": text}
        if markup:
            body["markup"] = list(markup)
        if attachments:
            body["attachments"] = attachments
        recipient = {"chat_id": chat_id, "chat_type": "channel"}
        url = f"https://max.ru/solntsev/{mid[4:]}"
        return {"recipient": recipient, "timestamp": self._now, "body": body, "stat": {"views": 5}, "url": url, **more}

    def happen(self, kind: str, **what) -> dict:
        self._now += 1_000
        update = {"update_type": kind, "timestamp": self._now, **what}
        with self._something:
            self.updates.append(update)
            self._something.notify_all()
        return update

    def tell(self, update: dict) -> int:
        """Send an update to the webhook. Returns the status of the answer."""
        headers = {"content-type": "application/json", "x-max-bot-api-secret": self.subscription["secret"]}
        request = urllib.request.Request(self.subscription["url"], json.dumps(update).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def page_of_updates(self, asked: dict) -> dict:
        """Those after the marker; without one, those after the last that was confirmed. Waits for some up to `timeout` seconds."""
        self.asked.append(asked)
        marker = int(asked.get("marker", self.confirmed))
        self.confirmed = max(self.confirmed, marker)
        ends_at = time.monotonic() + float(asked.get("timeout", 30))
        with self._something:
            while len(self.updates) <= marker and (left_s := ends_at - time.monotonic()) > 0:
                self._something.wait(left_s)
            found = self.updates[marker : marker + int(asked.get("limit", 100))]
        wanted = asked["types"].split(",")
        return {"updates": [one for one in found if one["update_type"] in wanted], "marker": marker + len(found)}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        home = self.server.home
        if address.path == "/i":
            self._answer(200, "image/webp", home.photos[query["r"]])
        elif self.headers.get("authorization") != TOKEN:
            self._say(401, {"code": "verify.token", "message": "Invalid access_token"})
        elif address.path == "/updates":
            self._say(200, home.page_of_updates(query))
        else:
            self._say(404, {"code": "not.found", "message": "Not found"})

    def do_POST(self) -> None:
        wanted = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.headers.get("authorization") != TOKEN:
            self._say(401, {"code": "verify.token", "message": "Invalid access_token"})
        elif "refused" in wanted["url"]:
            self._say(200, {"success": False, "message": "the address is not allowed"})
        else:
            self.server.home.subscription = wanted
            self._say(200, {"success": True})

    def _say(self, status: int, what: dict) -> None:
        self._answer(status, "application/json; charset=utf-8", json.dumps(what).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""
