"""Ops: what a second worker gives, how live the ops page is under a flood, what a drained flood leaves in memory, what a look costs."""

import importlib.util
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
import psycopg

from chassis import scaling
from chassis.database import Database
from chassis.ids import new_id
from chassis.ledger import watch
from contracts.catalogue import example
from contracts.event import Envelope
from contracts.events import StoryReceived
from desk.domain.river import flow
from stack.engines import SERVICES

FLOOD = 10_000
SCALED = {"tagging": 1_200}
"""Stories to drain with one worker and with two; imaging's own section measures photos."""


def _driving():
    path = Path(__file__).parents[1] / "support" / "driving.py"
    spec = importlib.util.spec_from_file_location("driving", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["driving"] = module
    spec.loader.exec_module(module)
    return module


def publish(running, count, consumers):
    """`count` texts without photos, heard by `consumers` only."""
    received = Envelope.model_validate(example(StoryReceived)).open()
    content = received.content.model_copy(update={"images": ()})
    database = Database(running.engines.environment("ingestion")["DEPESHA_DATABASE_URL"], "ingestion")
    with database.unit_of_work() as uow:
        for _ in range(count):
            story_id = new_id()
            uow.publish(received.model_copy(update={"story_id": story_id, "content": content}), priority="bulk")
        others = "DELETE FROM ledger.delivery WHERE consumer <> ALL(%s)"
        uow.connection.execute(others, (list(consumers),))
    database.close()


def open_at(connection, consumers):
    query = "SELECT count(*) FROM ledger.delivery WHERE state <> 'dead' AND consumer = ANY(%s)"
    return connection.execute(query, (list(consumers),)).fetchone()[0]


def drain(running, connection, consumer, count, driving):
    """(seconds, CPU seconds of its workers) until `count` events are handled."""
    pids = running.keeper.pids(f"{consumer}-worker")
    cpu = cpu_of(pids)
    publish(running, count, [consumer])
    started = time.perf_counter()
    driving.wait_until(lambda: open_at(connection, [consumer]) == 0, f"{consumer} is empty", timeout_s=600)
    return time.perf_counter() - started, cpu_of(pids) - cpu


def cpu_of(pids):
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(one.user + one.system for one in times)


def resident(running):
    return sum(
        psutil.Process(pid).memory_info().rss for name in SERVICES for pid in running.keeper.pids(f"{name}-worker")
    )


def set_workers(running, connection, consumer, count, driving):
    scaling.scale(running.house.root, consumer, count)
    alive = "SELECT count(*) FROM ledger.worker WHERE consumer = %s AND seen_at > now() - interval '20 s'"
    driving.wait_until(
        lambda: connection.execute(alive, (consumer,)).fetchone()[0] == count, f"{count} {consumer}", timeout_s=60
    )


def look_ms(connection):
    """Milliseconds of one look as the ops page takes it."""
    started = time.perf_counter()
    flow(watch.look(connection), watch.rates(connection), watch.reasons(connection), {})
    return (time.perf_counter() - started) * 1000


def run(rounds):
    driving = _driving()
    rows = []

    def row(name, value, unit, goal="", met=None, **more):
        rows.append({"section": "ops", "name": name, "value": value, "unit": unit, "goal": goal, "met": met, **more})

    with (
        tempfile.TemporaryDirectory() as folder,
        driving.running_house(Path(folder) / "house") as running,
        psycopg.connect(running.engines.admin_url, autocommit=True) as connection,
    ):
        for consumer, count in SCALED.items():
            drain(running, connection, consumer, count // 4, driving)  # warm
            one = median(drain(running, connection, consumer, count, driving)[0] for _ in range(rounds))
            set_workers(running, connection, consumer, 2, driving)
            drain(running, connection, consumer, count // 4, driving)
            two = median(drain(running, connection, consumer, count, driving)[0] for _ in range(rounds))
            set_workers(running, connection, consumer, 1, driving)
            name = f"{consumer}: two workers against one"
            row(name, count / two, "stories/s", ">= 1.8x", one / two >= 1.8, versus="one worker", ratio=one / two)
        publish(running, FLOOD, ["tagging", "desk"])
        looks = sorted(look_ms(connection) for _ in range(25))
        row("a look at the ledger under 20 000 events, p95", looks[23], "ms", "< 200 ms", looks[23] < 200)
        driving.wait_until(lambda: open_at(connection, SERVICES) == 0, "the flood is gone", timeout_s=900)
        first = resident(running)
        publish(running, FLOOD, ["tagging", "desk"])
        driving.wait_until(lambda: open_at(connection, SERVICES) == 0, "the flood is gone", timeout_s=900)
        growth = resident(running) / first
        row("workers' memory after a second flood", growth, "x of after the first", "< 1.05", growth < 1.05)
    return rows
