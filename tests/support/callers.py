"""Callers that go on asking while a house changes under them: over connections that are kept, each request once, every answer counted."""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from stack.demo.stories import DELEGATION

PAUSE_S = 0.02
PATHS = {
    "desk": "/api/stories?limit=5",
    "imaging": "/renditions",
    "tagging": "/concepts?q=%D1%81",
    "publication": "/items?limit=5",
    "delivery": "/endpoints",
}


@dataclass
class Tally:
    """What came back. `lost`: requests that got no answer at all, each with the reason."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    """Ids of the stories that ingestion took."""

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    @property
    def unwelcome(self) -> dict[tuple[str, int], int]:
        """(service, status) -> how often, of those that are no success."""
        return {key: count for key, count in self.statuses.items() if not 200 <= key[1] < 300}


@contextmanager
def calling(urls: Mapping[str, str], token: str, most_stories: int) -> Iterator[Tally]:
    """One caller a service, and one that pushes at most `most_stories` stories, until the block ends."""
    tally, closing = Tally(), threading.Event()
    threads = [
        threading.Thread(target=_read, args=(service, urls[service], path, token, tally, closing))
        for service, path in PATHS.items()
    ]
    threads.append(threading.Thread(target=_push, args=(urls["ingestion"], token, most_stories, tally, closing)))
    for thread in threads:
        thread.start()
    try:
        yield tally
    finally:
        closing.set()
        for thread in threads:
            thread.join()


def _read(service: str, url: str, path: str, token: str, tally: Tally, closing: threading.Event) -> None:
    with _connection(url) as connection:
        while not closing.wait(PAUSE_S):
            _ask(connection, service, "GET", path, None, token, tally)


def _push(url: str, token: str, most: int, tally: Tally, closing: threading.Event) -> None:
    with _connection(url) as connection:
        for _ in range(most):
            if closing.wait(5 * PAUSE_S):
                return
            form = {**DELEGATION.form, "body": "Рейсы начнутся в июне.", "external_id": f"restart-{uuid.uuid4()}"}
            answer = _ask(connection, "ingestion", "POST", "/stories", form, token, tally)
            if answer is not None and "story_id" in answer:
                tally.accepted.append(answer["story_id"])


def _ask(connection: HTTPConnection, service: str, method: str, path: str, body: Any, token: str, tally: Tally) -> Any:
    """Never again: what changes something must not be sent twice by whoever does not know whether it was heard."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    started = time.perf_counter()
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as error:
        tally.lost.append(f"{service}: {type(error).__name__}: {error}")
        connection.close()
        return None
    tally.seconds.append(time.perf_counter() - started)
    tally.statuses[(service, answer.status)] += 1
    return json.loads(text) if answer.headers.get_content_type() == "application/json" else None


@contextmanager
def _connection(url: str) -> Iterator[HTTPConnection]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        yield connection
    finally:
        connection.close()
