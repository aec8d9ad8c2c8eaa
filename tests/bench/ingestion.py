"""Ingestion: reading against the bare libraries on the same bytes, stories pushed, 500 sources visited."""

import importlib.util
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import feedparser
import psutil
import trafilatura

from contracts.content import Image
from ingestion import bootstrap
from ingestion.domain.feeds import read_feed
from ingestion.domain.items import Item, Raw
from ingestion.domain.pages import read_page
from ingestion.domain.story_form import to_content
from ingestion.handlers.visiting import Visitor
from ingestion.settings import Settings
from ingestion.store.sources import Sources
from stack.engines import start_engines
from stack.processes import die_with_parent, wait_until

HERE = Path(__file__).parent
SOURCES = 500
PUSHES, PUSHES_PER_S = 4000, 200
SECTION = "ingestion"


def _processes():
    spec = importlib.util.spec_from_file_location("bench_ingestion_processes", HERE / "_ingestion_processes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(name, value, unit, goal, met, versus=None, ratio=None):
    return {
        "section": SECTION,
        "name": name,
        "value": value,
        "unit": unit,
        "goal": goal,
        "met": met,
        "versus": versus,
        "ratio": ratio,
    }


def cpu_of(work, times):
    """CPU seconds of this process for one turn, the best of some."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def normalise(item):
    form = item.form
    images = [
        Image(image_id=f"00000000-0000-0000-0000-{number:012}", original=None) for number in range(len(form.images))
    ]
    return to_content(form, images)


def reading_feeds(processes, rounds):
    body = processes.feed(1, items=200)
    raw = Raw(body, "application/rss+xml", url="https://site1.example/rss")
    ours = cpu_of(lambda: [normalise(part) for part in read_feed(raw) if isinstance(part, Item)], rounds)
    bare = cpu_of(lambda: feedparser.parse(io.BytesIO(body)), rounds)
    return row(
        "parse and normalise an item of a feed",
        ours / 200 * 1e6,
        "us",
        "< 1.5 x feedparser",
        ours < 1.5 * bare,
        f"feedparser {bare / 200 * 1e6:.0f} us",
        ours / bare,
    )


def article(processes):
    import random  # noqa: PLC0415

    dice = random.Random(7)
    links = "".join(f"<li><a href='/{number}'>{processes.prose(dice, 6)}</a></li>" for number in range(60))
    text = "".join(f"<p>{processes.prose(dice, 45)}.</p>" for _ in range(12))
    return f"""<!doctype html><html lang="ru"><head><title>{processes.prose(dice, 6)}</title><meta property="og:image" content="/a.jpg">
    <meta property="article:published_time" content="2026-11-12T10:00:00+05:00"></head><body><nav><ul>{links}</ul></nav><article><h1>{processes.prose(dice, 6)}</h1>
    <figure><img src="/a.jpg"><figcaption>{processes.prose(dice, 6)} | Фото: Пётр</figcaption></figure>{text}</article><aside><ul>{links}</ul></aside></body></html>""".encode()


def reading_pages(processes, rounds):
    body, url = article(processes), "https://site1.example/1"
    options = {
        "favor_precision": True,
        "include_images": True,
        "include_links": True,
        "include_formatting": True,
        "with_metadata": True,
    }
    ours = cpu_of(lambda: [normalise(read_page(Raw(body, "text/html", url=url)).item) for _ in range(20)], rounds)
    bare = cpu_of(
        lambda: [trafilatura.bare_extraction(body, url=url, include_comments=False, **options) for _ in range(20)],
        rounds,
    )
    return row(
        "read and normalise a page",
        ours / 20 * 1e3,
        "ms",
        "< 1.5 x trafilatura",
        ours < 1.5 * bare,
        f"trafilatura {bare / 20 * 1e3:.1f} ms",
        ours / bare,
    )


@contextmanager
def child(*command, **environment):
    process = subprocess.Popen(die_with_parent([sys.executable, "-P", *command]), env={**os.environ, **environment})
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pushing(engines):
    port = free_port()
    environment = {
        **engines.environment("ingestion"),
        "DEPESHA_PORT": str(port),
        "DEPESHA_ADDRESS_PER_MINUTE": "0",
    }
    with child("-m", "chassis", "api", "ingestion", **environment) as api:
        wait_until(lambda: answers(port), "the API")
        _push(port, engines, PUSHES_PER_S, 400)
        before = sum(api.cpu_times()[:2])
        paced = _push(port, engines, PUSHES_PER_S, PUSHES)
        cpu_ms = (sum(api.cpu_times()[:2]) - before) / PUSHES * 1000
        most = _push(port, engines, 100_000, PUSHES)
    met = paced["per_s"] > 0.98 * PUSHES_PER_S and paced["refused"] == most["refused"] == 0
    return [
        row("stories of 1 KB pushed, paced", paced["per_s"], "1/s", "200/s", met),
        row("their answers, p99", paced["p99_ms"], "ms", "< 100 ms", paced["p99_ms"] < 100),
        row("their answers, p50", paced["p50_ms"], "ms", None, None),
        row("CPU of the API for one", cpu_ms, "ms", None, None),
        row("stories pushed as fast as they are taken", most["per_s"], "1/s", "> 200/s", most["per_s"] > 200),
    ]


def _push(port, engines, per_s, count):
    command = [sys.executable, "-P", str(HERE / "_ingestion_processes.py"), "push", str(per_s), str(count)]
    environment = {**os.environ, "BENCH_URL": f"http://127.0.0.1:{port}", "BENCH_TOKEN": engines.operator_token}
    return json.loads(
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300).stdout
    )


def visiting(engines, settings):
    port = free_port()
    with child(str(HERE / "_ingestion_processes.py"), "sites", BENCH_PORT=str(port)):
        wait_until(lambda: answers(port), "the sites")
        intake = bootstrap.intake(settings)
        _add_sources(intake.database, port)
        visitor = bootstrap.visitor(settings, intake)
        first_s, first_cpu = _visit_all(visitor, intake.database)
        with intake.database.connection() as connection:
            assert connection.execute("SELECT count(*) FROM item WHERE source_id LIKE 'feed:%'").fetchone() == (
                SOURCES * 10,
            )
        again = [_visit_all(visitor, intake.database) for _ in range(2)]
        intake.database.close()
    again_s, again_cpu = median(one[0] for one in again), median(one[1] for one in again)
    return [
        row(f"{SOURCES} sources visited by one worker, 304", again_s, "s", "< 300 s", again_s < 300),
        row("CPU of the worker for one such visit", again_cpu / SOURCES * 1000, "ms", None, None),
        row(f"{SOURCES} sources visited for the first time, 10 stories each", first_s, "s", "< 300 s", first_s < 300),
        row("CPU of the worker for one such story", first_cpu / SOURCES / 10 * 1000, "ms", None, None),
    ]


def _add_sources(database, port):
    with database.unit_of_work() as uow:
        for number in range(SOURCES):
            source = {
                "source_id": f"feed:{number}",
                "kind": "feed",
                "name": f"Сайт {number}",
                "url": "",
                "secrets": "",
                "every_s": 300,
                "quiet_after_s": 86400,
            }
            Sources(uow.connection).add(
                {**source, "settings": {"url": f"http://127.0.0.1:{port}/{number}", "first_days": 36_500}},
                is_visited=True,
            )


def _visit_all(visitor: Visitor, database):
    """(seconds, CPU seconds) until every source was visited once, the timer's second between looks left out."""
    with database.connection() as connection:
        connection.execute("UPDATE source SET due_at = now()")
        began, cpu = time.perf_counter(), time.process_time()
        while connection.execute("SELECT count(*) FROM source WHERE due_at <= now()").fetchone()[0]:
            visitor.visit_due()
            time.sleep(0.02)
        took = time.perf_counter() - began, time.process_time() - cpu
        [failed] = connection.execute("SELECT count(*) FROM source WHERE failures > 0").fetchone()
        assert failed == 0, failed
    return took


def run(rounds):
    processes = _processes()
    rows = [reading_feeds(processes, rounds), reading_pages(processes, rounds)]
    with tempfile.TemporaryDirectory() as folder:
        engines = start_engines(Path(folder))
        try:
            engines.migrate()
            settings = Settings(**{**engines.settings("ingestion"), "allowed_networks": "127.0.0.0/8", "pool_size": 20})
            rows += pushing(engines)
            rows += visiting(engines, settings)
        finally:
            engines.stop()
    return rows
