"""Ingestion's memory: 50 000 items of 100 feeds through the whole intake of one process, as a worker takes them."""

import importlib.util
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from ingestion import bootstrap
from ingestion.domain.items import Raw
from ingestion.handlers.intake import Intake, take_raw
from ingestion.handlers.opened import OpenSource
from ingestion.settings import Settings
from ingestion.sources import PLUGINS
from stack.engines import start_engines

SECTION = "ingestion_memory"
ITEMS, ITEMS_A_FEED = 50_000, 500
FEEDS = ITEMS // ITEMS_A_FEED
VISITS_AT_ONCE = 2
URL = "http://127.0.0.1/"


def _feeds() -> Any:
    path = Path(__file__).parent / "_ingestion_processes.py"
    spec = importlib.util.spec_from_file_location("bench_ingestion_processes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.feed


def take_all(intake: Intake) -> Iterator[float]:
    """Resident megabytes after each feed."""
    feed, settings = _feeds(), PLUGINS["feed"].settings(url=URL)
    source = OpenSource("feed:memory", "Память", URL, PLUGINS["feed"], settings)
    me = psutil.Process()

    def take(number: int) -> float:
        taken = take_raw(Raw(feed(number, ITEMS_A_FEED), "application/rss+xml", url=URL), source, intake)
        assert taken.received == ITEMS_A_FEED, taken
        return me.memory_info().rss / 2**20

    with ThreadPoolExecutor(VISITS_AT_ONCE) as threads:
        yield from threads.map(take, range(FEEDS))


def watch(marks: Iterator[float]) -> list[float]:
    kept = []
    began = time.monotonic()
    for number, mark in enumerate(marks, 1):
        kept.append(mark)
        if number % 10 == 0:
            told = f"{number * ITEMS_A_FEED} items, {mark:.0f} MB, {time.monotonic() - began:.0f} s"
            print(told, file=sys.stderr, flush=True)
    return kept


def run(_rounds: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        engines = start_engines(Path(folder))
        try:
            engines.migrate()
            intake = bootstrap.intake(Settings(**engines.settings("ingestion")))
            intake.database.relax()
            cpu, began = time.process_time(), time.monotonic()
            marks = watch(take_all(intake))
            cpu_ms, per_s = (time.process_time() - cpu) / ITEMS * 1000, ITEMS / (time.monotonic() - began)
            intake.database.close()
        finally:
            engines.stop()
    early, late = median(marks[FEEDS // 5 : FEEDS // 5 + 5]), median(marks[-5:])
    facts = {"section": SECTION, "versus": None, "ratio": None, "goal": None, "met": None}
    return [
        {
            **facts,
            "name": f"resident memory after {ITEMS} items",
            "value": late,
            "unit": "MB",
            "versus": f"after a fifth {early:.0f} MB",
            "ratio": late / early,
            "goal": "flat: < 5 % more than after a fifth",
            "met": late < 1.05 * early,
        },
        {**facts, "name": "CPU of the intake for one item", "value": cpu_ms, "unit": "ms"},
        {**facts, "name": "items taken in", "value": per_s, "unit": "1/s"},
    ]
