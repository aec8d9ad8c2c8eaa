"""The desk's speed: the monitor's query at two sizes, pages, live updates to many editors, memory with many streams."""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import psycopg

from chassis.database import Database
from chassis.ids import new_id
from contracts.content import Source, StoryContent
from contracts.events import StoryReceived
from desk.domain.query import Query
from desk.handlers import events, people
from desk.routes.sign_in import COOKIE
from desk.store.monitor import Monitor
from desk.store.people import People, Sessions
from stack.engines import start_engines
from stack.processes import wait_until

FEW, MANY = 10_000, int(os.environ.get("DEPESHA_BENCH_STORIES", "1000000"))
EDITORS, STREAMS = 50, 200

FILL = """
INSERT INTO story (story_id, revision, draft, source, source_id, external_id, source_content, source_revision, source_seen, received_at,
                   headline, urgency, rubric, rubrics, text_size, tags_known, tags_chosen, state, search)
SELECT gen_random_uuid(), 1, '{"headline": "-"}', jsonb_build_object('name', 'Источник ' || n %% 40, 'kind', 'telegram'), 'telegram:' || n %% 40, n::text, '{}', 1, 1,
       now() - n * interval '7 s', 'Заголовок новости номер ' || n, 1 + n %% 9, (ARRAY['Общество', 'Политика', 'Спорт', 'Экономика'])[1 + n %% 4],
       ARRAY[(ARRAY['Общество', 'Политика', 'Спорт', 'Экономика'])[1 + n %% 4]], 900, true, 4,
       CASE WHEN n < 3000 THEN (ARRAY['received', 'in_work', 'ready'])[1 + n %% 3] WHEN n %% 20 = 0 THEN 'spiked' ELSE 'published' END,
       to_tsvector('russian', 'Заголовок новости номер ' || n || CASE WHEN n %% 5000 = 7 THEN ' паводок' ELSE '' END)
FROM generate_series(%s::int, %s::int) n
"""

FIRST_PAINT = """new Promise((tell) => new PerformanceObserver((list) => {
    for (const paint of list.getEntriesByName("first-contentful-paint")) tell(paint.startTime)
}).observe({ type: "paint", buffered: true }))"""
"""Its entry may come after the page is ready."""
PARTS = """(() => { const n = performance.getEntriesByType('navigation')[0];
  return `answer ${Math.round(n.responseStart)}, whole ${Math.round(n.responseEnd)}, parsed ${Math.round(n.domInteractive)} ms`; })()"""

QUERIES = {
    "open": Query(),
    "published": Query(view="published"),
    "source": Query(view="all", source="telegram:7"),
    "rubric": Query(view="published", rubric="Спорт"),
    "search": Query(view="all", text="паводок"),
}


def run(rounds: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        engines = start_engines(Path(folder))
        try:
            engines.migrate()
            environment = engines.environment("desk")
            database = Database(environment["DEPESHA_DATABASE_URL"], "desk", size=4)
            try:
                return [*_queries(database, rounds, engines.admin_url), *_process(database, environment, rounds)]
            finally:
                database.close()
        finally:
            engines.stop()


def _row(name: str, value: float, unit: str, goal: str, *, met: bool, **more: Any) -> dict[str, Any]:
    return {"section": "desk", "name": name, "value": value, "unit": unit, "goal": goal, "met": met, **more}


def _queries(database: Database, rounds: int, admin_url: str) -> list[dict[str, Any]]:
    _fill(admin_url, 1, FEW)
    few = _p95s(database, rounds)
    _fill(admin_url, FEW + 1, MANY)
    many = _p95s(database, rounds)
    rows = []
    for name, value in many.items():
        ratio = value / few[name]
        label = f"monitor query `{name}`, p95, {MANY:,} stories".replace(",", " ")
        rows.append(
            _row(
                label,
                value,
                "ms",
                "< 50 ms, ≤ 2x of 10 000",
                met=value < 50 and ratio <= 2,
                versus=f"10 000: {few[name]:.2f} ms",
                ratio=ratio,
            )
        )
    return rows


def _fill(admin_url: str, first: int, last: int) -> None:
    with psycopg.connect(admin_url, autocommit=True, options="-c search_path=desk") as connection:
        connection.execute(FILL, (first, last))
        connection.execute("VACUUM ANALYZE story")


def _p95s(database: Database, rounds: int) -> dict[str, float]:
    with database.connection() as connection:
        monitor = Monitor(connection)
        for query in QUERIES.values():
            monitor.rows(query)
        return {name: _p95(lambda query=query: monitor.rows(query), 40 * rounds) for name, query in QUERIES.items()}


def _p95(act: Callable[[], object], times: int) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.quantiles(taken, n=20)[-1]


def _process(database: Database, environment: dict[str, str], rounds: int) -> list[dict[str, Any]]:
    """Figures of one desk process with a million stories behind it."""
    cookie = _sign_in(database)
    story_id = _receive(database)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "desk.api:create_app",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        wait_until(lambda: _answers(port), "the desk", timeout_s=60)
        rows = []
        for name, path, goal in (
            ("monitor page, server", "/?view=open", 300),
            ("story page, server", f"/stories/{story_id}", 200),
        ):
            _get(port, path, cookie)
            value = statistics.median(_timed(lambda path=path: _get(port, path, cookie)) for _ in range(5 * rounds))
            rows.append(_row(name, value, "ms", f"< {goal} ms", met=value < goal))
        rows += _paint(port, cookie, rounds)
        rows.append(_updates(port, cookie, database, rounds))
        rows.append(_memory(port, cookie, process.pid))
        return rows
    finally:
        process.terminate()
        process.wait(20)


def _sign_in(database: Database) -> str:
    person_id = new_id()
    with database.unit_of_work() as uow:
        People(uow.connection).add(person_id, "bench@example.org", "Bench", "chief", people.NOBODY)
        Sessions(uow.connection).add("bench", person_id)
    return f"{COOKIE}=bench"


def _receive(database: Database) -> Any:
    told = StoryReceived(
        story_id=uuid4(),
        revision=1,
        source=Source(source_id="telegram:bench", name="Bench", kind="telegram"),
        external_id=str(uuid4()),
        content=StoryContent(
            headline="Мост откроют в мае", blocks=({"kind": "paragraph", "html": "Движение откроют. " * 40},) * 20
        ),
        received_at=datetime.now(UTC),
    )
    events.open_story(told, database.unit_of_work())
    return told.story_id


def _answers(port: int) -> bool:
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _open(port: int, path: str, cookie: str) -> socket.socket:
    door = socket.create_connection(("127.0.0.1", port), timeout=20)
    door.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()
    )
    return door


def _get(port: int, path: str, cookie: str) -> bytes:
    with _open(port, path, cookie) as door:
        parts = []
        while part := door.recv(65536):
            parts.append(part)
    body = b"".join(parts)
    assert body.startswith(b"HTTP/1.1 200"), body[:200]
    return body


def _paint(port: int, cookie: str, rounds: int) -> list[dict[str, Any]]:
    """First contentful paint of the monitor in Chromium, where there is one; files of the bundle from its cache as on any second visit."""
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(chromium).exists():
        return []
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    name, _, value = cookie.partition("=")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies(
            [{"name": name, "value": value, "url": f"https://127.0.0.1:{port}", "secure": True, "httpOnly": True}]
        )
        page = context.new_page()
        paints: dict[str, list[float]] = {"/?view=open": [], "/sign-in": []}
        parts: list[str] = []
        for _ in range(3 * rounds + 1):
            for path, taken in paints.items():
                page.goto(f"http://127.0.0.1:{port}{path}")
                page.wait_for_selector("html[data-ready]", state="attached")
                taken.append(page.evaluate(FIRST_PAINT))
                if path != "/sign-in":
                    parts.append(page.evaluate(PARTS))
        browser.close()
    value_ms, floor_ms = (statistics.median(taken[1:]) for taken in paints.values())
    versus = f"an almost empty page (sign-in): {floor_ms:.0f} ms; {parts[-1]}"
    name = "monitor, first contentful paint"
    return [_row(name, value_ms, "ms", "< 300 ms", met=value_ms < 300, versus=versus, ratio=value_ms / floor_ms)]


def _updates(port: int, cookie: str, database: Database, rounds: int) -> dict[str, Any]:
    """From the start of handling an event to its row in the hands of each of 50 editors; the worst 5 %."""
    doors = [_open(port, "/stream?view=open", cookie) for _ in range(EDITORS)]
    arrived: list[float] = []
    lock = threading.Lock()
    wanted = [""]

    def listen(door: socket.socket) -> None:
        seen = b""
        told = ""
        try:
            while part := door.recv(65536):
                seen = (seen + part)[-200_000:]
                if wanted[0] and wanted[0] != told and wanted[0].encode() in seen:
                    told = wanted[0]
                    with lock:
                        arrived.append(time.perf_counter())
        except OSError:
            return

    threads = [threading.Thread(target=listen, args=(door,), daemon=True) for door in doors]
    for thread in threads:
        thread.start()
    time.sleep(2)
    delays: list[float] = []
    for _ in range(6 * rounds):
        arrived.clear()
        started = time.perf_counter()
        wanted[0] = str(_receive(database))
        deadline = started + 10
        while len(arrived) < EDITORS and time.perf_counter() < deadline:
            time.sleep(0.005)
        delays += [(moment - started) * 1000 for moment in arrived] + [10_000.0] * (EDITORS - len(arrived))
    for door in doors:
        door.close()
    value = statistics.quantiles(delays, n=20)[-1]
    return _row(f"update in the hands of {EDITORS} editors, p95", value, "ms", "< 500 ms", met=value < 500)


def _memory(port: int, cookie: str, pid: int) -> dict[str, Any]:
    doors = [_open(port, "/stream?view=open", cookie) for _ in range(STREAMS)]
    for door in doors:
        door.recv(4096)
    value = psutil.Process(pid).memory_info().rss / 2**20
    for door in doors:
        door.close()
    return _row(f"one desk process with {STREAMS} streams, resident", value, "MB", "< 200 MB", met=value < 200)
