"""What the ingestion section runs beside itself: 500 feeds of 500 sites on one port, and programs that push stories."""

import asyncio
import hashlib
import json
import os
import random
import sys
import time

import aiohttp
from aiohttp import web

SYLLABLES = [
    "мос",
    "ре",
    "го",
    "об",
    "губ",
    "стро",
    "до",
    "шко",
    "бо",
    "ве",
    "за",
    "жи",
    "про",
    "бю",
    "по",
    "хле",
    "сне",
    "ка",
    "ли",
    "но",
    "та",
    "ви",
    "ра",
    "ну",
    "ще",
    "ле",
]
SHORT = ["в", "и", "на", "с", "по", "к", "у", "о", "за", "из"]


def prose(dice, count):
    """Words of two to five syllables, every fifth a short one, as Russian has them."""
    words = (
        dice.choice(SHORT) if place % 5 == 4 else "".join(dice.choices(SYLLABLES, k=dice.randint(2, 5)))
        for place in range(count)
    )
    return " ".join(words)


def feed(number, items=10):
    """An RSS feed as regional sites have it: full text with markup, categories, a credited photo's words."""
    dice = random.Random(number)
    parts = []
    for item in range(items):
        text = "".join(
            f"<p>{prose(dice, 40)}. <b>{prose(dice, 3)}</b> <a href='/x/{item}'>{prose(dice, 2)}</a>.</p>"
            for _ in range(4)
        )
        parts.append(
            f"<item><title>{prose(dice, 7)}</title><link>https://site{number}.example/{item}</link><guid>{number}-{item}</guid>"
            f"<description><![CDATA[{prose(dice, 15)}.]]></description><content:encoded><![CDATA[{text}]]></content:encoded>"
            f"<category>Общество</category><pubDate>Thu, 12 Nov 2026 10:{item % 60:02}:00 +0500</pubDate></item>"
        )
    names = "xmlns:content='http://purl.org/rss/1.0/modules/content/'"
    return f"<?xml version='1.0' encoding='utf-8'?><rss version='2.0' {names}><channel><title>Сайт {number}</title>{''.join(parts)}</channel></rss>".encode()


def sites(port):
    async def answer(request):
        body = feed(int(request.match_info["number"]))
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return web.Response(status=304, headers={"etag": etag})
        return web.Response(body=body, headers={"etag": etag, "content-type": "application/rss+xml"})

    app = web.Application()
    app.router.add_get("/{number}", answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


def story(number):
    """A story whose JSON has 1 KB."""
    dice = random.Random(number)
    form = {
        "source": {"source_id": f"bench:{number % 20}", "name": "Bench"},
        "external_id": f"{os.getpid()}-{number}",
        "headline": prose(dice, 6),
        "body": "",
    }
    while len(json.dumps(form, ensure_ascii=False).encode()) < 1000:
        form["body"] += prose(dice, 4) + ". "
    return json.dumps(form, ensure_ascii=False).encode()


async def _push(url, token, per_s, count):
    """Open loop: a story every so often, whether or not the last one was answered."""
    bodies = [story(number) for number in range(count)]
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    times, statuses = [], []

    async def one(session, body, due):
        async with session.post(f"{url}/stories", data=body, headers=headers) as answer:
            await answer.read()
            statuses.append(answer.status)
        times.append(time.perf_counter() - due)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        began = time.perf_counter() + 0.2
        tasks = []
        for number, body in enumerate(bodies):
            due = began + number / per_s
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            tasks.append(asyncio.create_task(one(session, body, due)))
        await asyncio.gather(*tasks)
    took_s = time.perf_counter() - began
    times.sort()
    print(
        json.dumps(
            {
                "per_s": count / took_s,
                "p50_ms": times[count // 2] * 1000,
                "p99_ms": times[int(count * 0.99)] * 1000,
                "refused": sum(status != 202 for status in statuses),
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1] == "sites":
        sites(int(os.environ["BENCH_PORT"]))
    else:
        asyncio.run(_push(os.environ["BENCH_URL"], os.environ["BENCH_TOKEN"], float(sys.argv[2]), int(sys.argv[3])))
