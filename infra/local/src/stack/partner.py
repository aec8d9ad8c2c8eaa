"""A sample partner site: verifies each webhook with the `standardwebhooks` library, pulls the story, shows what it has.

It is a stranger to Depesha and uses nothing of it: a reader may start a receiver of their own from this file.
"""

import html
import json
import logging
import os
import threading
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.concurrency import run_in_threadpool

LONGEST_BODY = 1 << 20
log = logging.getLogger("partner")

STYLE = """
:root{color-scheme:light dark;--ink:#1b1a18;--paper:#fbfaf7;--faint:#66625a;--line:#dcd8cf;--red:#a3262a}
@media(prefers-color-scheme:dark){:root{--ink:#e9e6df;--paper:#191816;--faint:#a29c91;--line:#38352f;--red:#f08a8d}}
body{font:17px/1.6 Georgia,"Noto Serif",serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:var(--ink);background:var(--paper)}
header{display:flex;flex-wrap:wrap;gap:0 1rem;align-items:baseline;justify-content:space-between}
article{border-top:1px solid var(--line);padding:1.2rem 0;overflow:auto}h1{font-size:1.5rem;margin:0}
h2{margin:.2rem 0 .5rem;font-size:1.25rem;line-height:1.25}h2 a{color:inherit;text-decoration-color:var(--line)}
small,figcaption{color:var(--faint);font:.8rem/1.5 system-ui,sans-serif}figure{width:13rem;max-width:40%;float:right;margin:0 0 .6rem 1rem}
figure img{width:100%;height:auto}.correction{border-left:3px solid var(--red);padding-left:.8rem}.gone h2{color:var(--red)}
ol{list-style:none;margin:.6rem 0 0;padding:0;font:.8rem/1.6 system-ui,sans-serif;color:var(--faint)}
"""
WORDS = {
    "story.published": "опубликовано",
    "story.corrected": "исправлено",
    "story.unpublished": "снято с показа",
    "story.killed": "снято",
}

OWN_NEWS = (
    (
        "Трамваи на улице Вокзальной снова ходят по расписанию",
        "Рельсы на двух поворотах заменили за ночь, утром на линию вышли все одиннадцать вагонов.",
        "Thu, 12 Nov 2026 08:10:00 +0500",
    ),
    (
        "В библиотеке на Соколе открылась мастерская переплёта",
        "Старые книги приносят читатели, а чинить их учит переплётчица с сорокалетним опытом.",
        "Wed, 11 Nov 2026 17:40:00 +0500",
    ),
)
"""Headline, text and date of what this site itself publishes in its feed."""


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
        """What our subscription gave us.

        Raises:
            FileNotFoundError: we have not subscribed yet.

        """
        return (self._folder / "secret").read_text().strip()

    @property
    def is_expecting(self) -> bool:
        """Whether the people of this site are subscribing right now, so that a handshake is no surprise."""
        return (self._folder / "expecting").exists()

    def take(self, message_id: str, message: dict[str, Any]) -> bool:
        """Keep a verified message. One that came before, or is older than what stands, changes nothing but the notes."""
        item = message["data"]
        story_id = story_of(item)
        note = {
            "id": message_id,
            "type": message["type"],
            "at": datetime.now(UTC).isoformat(),
            "story_id": story_id,
            "uri": item.get("uri", ""),
            "version": item.get("version", ""),
        }
        with self._lock:
            self._shelf["webhooks"].append(note)
            standing = self._shelf["stories"].get(story_id, {})
            is_news = bool(story_id) and int(item["version"]) > int(standing.get("version", 0))
            if is_news:
                seen = [*standing.get("versions", []), {name: note[name] for name in ("version", "type", "at")}]
                self._shelf["stories"][story_id] = {
                    "version": item["version"],
                    "type": message["type"],
                    "item": item,
                    "pulled": {},
                    "versions": seen,
                }
            self._save()
        return is_news

    def note_pulled(self, story_id: str, item: dict[str, Any], pulled: dict[str, Any]) -> None:
        """Keep the whole story that was fetched, unless a newer version has come meanwhile."""
        with self._lock:
            standing = self._shelf["stories"][story_id]
            if standing["version"] == item["version"]:
                standing.update(item=item, pulled=pulled)
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
        if len(body) > LONGEST_BODY:
            return JSONResponse({"error": f"longer than {LONGEST_BODY} bytes"}, status_code=413)
        try:
            message = Webhook(shelf.secret).verify(body, dict(request.headers))
        except (WebhookVerificationError, FileNotFoundError, ValueError) as error:
            if shelf.is_expecting and (answer := challenge_in(body)):
                return JSONResponse({"challenge": answer})
            return JSONResponse({"error": f"not verified: {error}"}, status_code=401)
        if answer := challenge_in(body):
            return JSONResponse({"challenge": answer})
        is_news = await run_in_threadpool(shelf.take, request.headers["webhook-id"], message)
        if is_news and message["data"].get("pubStatus", "usable") == "usable":
            threading.Thread(target=pull, args=(message["data"], shelf), daemon=True).start()
        return JSONResponse({"taken": True})

    @app.get("/received")
    def received() -> dict[str, Any]:
        """What the site has, for programs."""
        return shelf.read()

    @app.get("/feed.xml")
    def feed(request: Request) -> Response:
        """The site's own news, for whoever reads its feed."""
        return Response(own_news(str(request.base_url)), media_type="application/rss+xml")

    @app.get("/", response_class=HTMLResponse)
    def front() -> str:
        return front_page(shelf.read())

    return app


def own_news(base: str) -> str:
    """An RSS feed of two stories that its newsroom wrote."""
    items = "".join(
        f"<item><title>{_text(title)}</title><link>{base}own/{number}</link><guid isPermaLink='false'>own-{number}</guid>"
        f"<description>{_text(text)}</description><category>Общество</category><pubDate>{date}</pubDate></item>"
        for number, (title, text, date) in enumerate(OWN_NEWS, 1)
    )
    return f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><title>Вечерний Орск</title><link>{base}</link>{items}</channel></rss>"


def challenge_in(body: bytes) -> str:
    """What a verification handshake asks us to say back; empty if this is none."""
    try:
        challenge = json.loads(body)["data"]["challenge"]
    except (ValueError, KeyError, TypeError):
        return ""
    return challenge if isinstance(challenge, str) else ""


def story_of(item: dict[str, Any]) -> str:
    """The story's own id; addresses may change, it does not."""
    named = (one["value"] for one in item.get("altIds", []) if one.get("role") == "storyId")
    return str(next(named, item.get("uri", "")))


def pull(item: dict[str, Any], shelf: Shelf) -> None:
    """Fetch the whole story and its lead photo, as a site would that hosts its own copies. A thin message says where: `data_url`."""
    try:
        whole = _fetch_json(item.get("data_url") or item["uri"].removesuffix(".html") + ".json")
        pulled = {"version": whole["version"], "photo_bytes": _fetch_photo(whole)}
    except (OSError, ValueError, KeyError) as error:
        log.warning("the story %s cannot be pulled: %s", item.get("uri"), error)
        return
    shelf.note_pulled(story_of(item), whole, pulled)


def _fetch_json(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the address is in a signed message
        item: dict[str, Any] = json.load(answer)
        return item


def _fetch_photo(item: dict[str, Any]) -> int:
    """Bytes of the widest JPEG of the lead photo; 0 if there is none."""
    for photo in item.get("associations", [])[:1]:
        best = max(
            (one for one in photo["renditions"] if one["contentType"] == "image/jpeg"), key=lambda one: one["width"]
        )
        with urllib.request.urlopen(best["href"], timeout=10) as answer:  # noqa: S310 - as above
            return len(answer.read())
    return 0


def front_page(shown: dict[str, Any]) -> str:
    stories = "".join(_article(story) for story in reversed(list(shown["stories"].values())))
    return (
        "<!doctype html><html lang=ru><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Вечерний Орск</title><style>{STYLE}</style><header><h1>Вечерний Орск</h1>"
        f"<small>сайт-партнёр · принято вебхуков: {len(shown['webhooks'])}</small></header>"
        f"<main>{stories or '<p>Пока ничего не пришло.</p>'}</main></html>"
    )


def _article(story: dict[str, Any]) -> str:
    item = story["item"]
    history = "".join(
        f"<li>версия {_text(one['version'])} · {_text(WORDS.get(one['type'], one['type']))} · <time datetime='{_text(one['at'])}'>{_text(one['at'][:16].replace('T', ' '))} UTC</time></li>"
        for one in reversed(story.get("versions", []))
    )
    if item.get("pubStatus", "usable") != "usable":
        return f"<article class=gone><h2>Материал снят</h2><p>{_text(item.get('edNote', ''))}</p><ol>{history}</ol></article>"
    said = {one.get("role"): one["value"] for one in item.get("descriptions", [])}
    correction = f"<p class=correction>Исправлено: {_text(said['correction'])}</p>" if said.get("correction") else ""
    link = next((one["href"] for one in item.get("renditions", []) if one.get("name") == "web"), item.get("uri", ""))
    headline = next((one["value"] for one in item.get("headlines", [])), item.get("title", ""))
    return (
        f"<article lang='{_text(item.get('language', 'ru'))}'>{_figure(item)}"
        f"<small>{_text(', '.join(one['name'] for one in item.get('subjects', []) if one.get('rel') == 'rubric'))}</small>"
        f"<h2><a href='{_text(link)}'>{_text(headline)}</a></h2><p>{_text(said.get('summary', ''))}</p>{correction}<ol>{history}</ol></article>"
    )


def _figure(item: dict[str, Any]) -> str:
    for photo in item.get("associations", [])[:1]:
        said = {one.get("role"): one["value"] for one in photo.get("descriptions", [])}
        for one in photo["renditions"]:
            if one["name"] == "w320" and one["contentType"] == "image/jpeg":
                credit = f"Фото: {photo['by']}" if photo.get("by") else ""
                return (
                    f"<figure><img src='{_text(one['href'])}' alt='{_text(said.get('alt', ''))}' width={one['width']} height={one['height']}>"
                    f"<figcaption>{_text(credit)}</figcaption></figure>"
                )
    return ""


def _text(value: object) -> str:
    return html.escape(str(value))


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
