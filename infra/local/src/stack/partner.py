"""A sample partner site: verifies each webhook with the `standardwebhooks` library, pulls the story, shows what it has.

It is a stranger to Depesha and uses nothing of it.
"""

import html
import json
import os
import threading
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.concurrency import run_in_threadpool

STYLE = """
body{font:17px/1.6 Georgia,"Noto Serif",serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1b1a18;background:#fbfaf7}
article{border-top:1px solid #dcd8cf;padding:1.2rem 0;overflow:auto}h1{font-size:1.4rem}h2{margin:.2rem 0 .5rem;font-size:1.25rem;line-height:1.25}
small{color:#66625a;font:.8rem/1.5 system-ui,sans-serif}img{max-width:11rem;float:right;margin:0 0 .6rem 1rem}.gone{color:#a3262a}
"""


class Shelf:
    """What the site has: each story's newest version, and a note of every webhook."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "shelf.json"
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._shelf: dict[str, Any] = (
            json.loads(self._file.read_text()) if self._file.exists() else {"stories": {}, "webhooks": []}
        )

    @property
    def secret(self) -> str:
        return (self._folder / "secret").read_text().strip()

    def take(self, message_id: str, message: dict[str, Any]) -> None:
        """Keep a verified message; one that came before, or is older than what stands, changes nothing but the notes."""
        item = message["data"]
        note = {
            "id": message_id,
            "type": message["type"],
            "at": datetime.now(UTC).isoformat(),
            "uri": item.get("uri", ""),
            "version": item.get("version", ""),
        }
        with self._lock:
            self._shelf["webhooks"].append(note)
            standing = self._shelf["stories"].get(item.get("uri"), {})
            if "uri" in item and int(item["version"]) > int(standing.get("version", 0)):
                self._shelf["stories"][item["uri"]] = {
                    "version": item["version"],
                    "type": message["type"],
                    "item": item,
                    "pulled": {},
                }
            self._save()

    def note_pulled(self, uri: str, pulled: dict[str, Any]) -> None:
        with self._lock:
            self._shelf["stories"][uri]["pulled"] = pulled
            self._save()

    def read(self) -> dict[str, Any]:
        with self._lock:
            copy: dict[str, Any] = json.loads(json.dumps(self._shelf))
            return copy

    def _save(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self._shelf, ensure_ascii=False))
        fresh.replace(self._file)


def create_app(folder: Path) -> FastAPI:
    app = FastAPI(title="Вечерний Орск: a sample partner site")
    shelf = Shelf(folder)

    @app.post("/webhook")
    async def webhook(request: Request) -> JSONResponse:
        body = await request.body()
        try:
            message = Webhook(shelf.secret).verify(body, dict(request.headers))
        except (WebhookVerificationError, FileNotFoundError) as error:
            return JSONResponse({"error": f"not verified: {error}"}, status_code=401)
        await run_in_threadpool(shelf.take, request.headers["webhook-id"], message)
        if message["data"].get("pubStatus") == "usable":
            threading.Thread(target=_pull, args=(message["data"], shelf), daemon=True).start()
        return JSONResponse({"taken": True})

    @app.get("/received")
    def received() -> dict[str, Any]:
        """What the site has, for programs."""
        return shelf.read()

    @app.get("/", response_class=HTMLResponse)
    def front() -> str:
        shown = shelf.read()
        stories = "".join(_article(story) for story in reversed(list(shown["stories"].values())))
        return f"<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Вечерний Орск</title><style>{STYLE}</style><h1>Вечерний Орск</h1>{stories or '<p>Пока ничего не пришло.</p>'}"

    return app


def _pull(item: dict[str, Any], shelf: Shelf) -> None:
    """Fetch the story's own JSON and its lead photo, as a site would that hosts its own copies."""
    pulled: dict[str, Any] = {}
    with urllib.request.urlopen(item["uri"].removesuffix(".html") + ".json", timeout=10) as answer:  # noqa: S310 - the address is in a signed message
        pulled["version"] = json.load(answer)["version"]
    for photo in item.get("associations", [])[:1]:
        best = max(
            (one for one in photo["renditions"] if one["contentType"] == "image/jpeg"), key=lambda one: one["width"]
        )
        with urllib.request.urlopen(best["href"], timeout=10) as answer:  # noqa: S310
            pulled["photo_bytes"] = len(answer.read())
    shelf.note_pulled(item["uri"], pulled)


def _article(story: dict[str, Any]) -> str:
    item = story["item"]
    if item.get("pubStatus") != "usable":
        return f"<article class=gone><small>версия {html.escape(item['version'])} · {html.escape(story['type'])}</small><p>Материал снят.</p></article>"
    thumb = next(
        (
            one["href"]
            for photo in item.get("associations", [])
            for one in photo["renditions"]
            if one["name"] == "w320" and one["contentType"] == "image/jpeg"
        ),
        "",
    )
    picture = f'<img src="{html.escape(thumb)}" alt="">' if thumb else ""
    lede = next((one["value"] for one in item.get("descriptions", []) if one.get("role") == "summary"), "")
    return (
        f"<article>{picture}<small>версия {html.escape(item['version'])} · {html.escape(story['type'])}</small>"
        f"<h2>{html.escape(item['headlines'][0]['value'])}</h2><p>{html.escape(lede)}</p></article>"
    )


def main() -> None:
    folder = Path(os.environ["DEPESHA_PARTNER_FOLDER"])
    uvicorn.run(
        create_app(folder),
        host=os.environ.get("DEPESHA_PARTNER_HOST", "127.0.0.1"),
        port=int(os.environ["DEPESHA_PARTNER_PORT"]),
        log_level="warning",
    )


if __name__ == "__main__":
    main()
