"""Webhooks: what a second brings and what one costs, against a bare aiohttp loop doing the same POSTs in the same run."""

import asyncio
import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import psutil
import psycopg

from chassis.addresses import parse_networks
from chassis.database import Database
from chassis.vault import Vault
from contracts.catalogue import example
from contracts.event import Envelope
from contracts.events import StoryPublished
from delivery.domain.signing import headers, new_secret
from delivery.handlers import Drain, announce
from delivery.sender import Sender
from delivery.store import Endpoints, Keys
from stack.engines import start_engines
from stack.processes import die_with_parent, wait_until

HERE = Path(__file__).parent
SITES = 200
STORIES = 40
MANY_SITES = int(os.environ.get("DEPESHA_BENCH_SITES", "10000"))
OLD_ATTEMPTS = int(os.environ.get("DEPESHA_BENCH_ATTEMPTS", "5000000"))
KEY = base64.urlsafe_b64encode(b"0123456789abcdef" * 2).decode()
VAULT = Vault(f"bench:{KEY}")
PACED = 24
"""Stories of the latency rows, each to all sites, at 30 % of 800 deliveries a second."""
LOOPBACK = parse_networks("127.0.0.0/8")


@contextmanager
def running(name: str, **environment: str):
    """One of `_delivery_processes.py`; -P, since the sections here are named like the packages they measure."""
    command = [sys.executable, "-P", str(HERE / "_delivery_processes.py"), name]
    child = subprocess.Popen(die_with_parent(command), env={**os.environ, **environment})
    try:
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait(20)


@contextmanager
def receivers(port: int):
    with running("sites", BENCH_PORT=str(port)):
        wait_until(lambda: _answers(port), "the receiving sites")
        yield f"http://127.0.0.1:{port}"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def body() -> bytes:
    return json.dumps(
        {"type": "story.published", "timestamp": "x", "data": example(StoryPublished)["data"]["item"]}
    ).encode()


async def bare(base: str, count: int, at_once: int) -> float:
    """The limit: the same POSTs, signed, on one aiohttp loop with nothing else. Seconds."""
    secret, payload = new_secret(), body()
    gate = asyncio.Semaphore(at_once)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:

        async def one(number: int) -> None:
            async with gate:
                signed = headers([secret], f"msg_{number}", int(time.time()), payload)
                kind = {"content-type": "application/json"}
                async with session.post(
                    f"{base}/good/{number % SITES}", data=payload, headers={**signed, **kind}
                ) as answer:
                    await answer.read()

        started = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(count)))
        return time.perf_counter() - started


def fact(version: int = 1):
    message = example(StoryPublished)
    story_id = str(uuid4())
    return Envelope.model_validate(
        {**message, "data": {**message["data"], "story_id": story_id, "version": version}}
    ).open()


class House:
    """Delivery without the rest: its tables, endpoints, and a drain in this process."""

    def __init__(self, engines) -> None:
        self.admin = psycopg.connect(engines.admin_url, autocommit=True)
        self.admin.execute("SET search_path = delivery")
        self.database = Database(engines.settings("delivery")["database_url"], "delivery", size=4)
        self.database.relax()
        self.publication = Database(engines.settings("publication")["database_url"], "publication", size=2)
        self.ledger_url = engines.settings("relay")["database_url"]
        self.settings = {
            **engines.settings("delivery"),
            "secret_keys": f"bench:{KEY}",
            "allow_http": True,
            "allowed_networks": "127.0.0.0/8",
        }

    @contextmanager
    def at_work(self):
        """Relay and worker as they run in production; gives the worker's process."""
        settings = json.dumps(self.settings)
        with (
            running("relay", BENCH_SETTINGS=settings, BENCH_LEDGER=self.ledger_url),
            running("worker", BENCH_SETTINGS=settings) as worker,
        ):
            wait_until(
                lambda: self.admin.execute("SELECT FROM ledger.timer WHERE consumer = 'delivery'").rowcount == 3,
                "the worker",
            )
            yield worker

    def publish(self) -> None:
        with self.publication.unit_of_work() as uow:
            uow.publish(fact())

    def empty(self) -> None:
        self.admin.execute("TRUNCATE endpoint, message, delivery, signing_key, story_sequence CASCADE")
        self.admin.execute("TRUNCATE ledger.event, ledger.delivery")

    def subscribe(self, base: str, kind: str, count: int) -> None:
        with self.database.unit_of_work() as uow:
            for number in range(count):
                endpoint_id = uuid4()
                values = {
                    "name": f"{kind} {number}",
                    "url": f"{base}/{kind}/{number}",
                    "state": "active",
                    "max_in_flight": 10,
                }
                Endpoints(uow.connection).add(endpoint_id, values)
                Keys(uow.connection).add(uuid4(), endpoint_id, VAULT.seal(new_secret()))

    def announce(self, count: int) -> None:
        for _ in range(count):
            announce(fact(), self.database.unit_of_work())

    def left(self) -> int:
        return self.admin.execute(
            "SELECT count(*) FROM delivery d JOIN endpoint e USING (endpoint_id) WHERE d.state = 'pending' AND e.name LIKE 'good%'"
        ).fetchone()[0]


def drain(house: House, at_once: int) -> tuple[float, float]:
    """(seconds, CPU seconds of this process) to send all that waits."""
    sender = Sender(LOOPBACK, 15, VAULT, at_once)
    pump = Drain(house.database, sender, 400)
    process = psutil.Process()
    before, started = process.cpu_times(), time.perf_counter()
    while house.left():
        pump.run(most_s=60)
    seconds, after = time.perf_counter() - started, process.cpu_times()
    sender.close()
    return seconds, after.user + after.system - before.user - before.system


def latencies_ms(house: House) -> list[float]:
    """From the event's time to the first byte to each good site; the first stories warm up."""
    rows = house.admin.execute(
        "SELECT extract(epoch FROM a.at - (v.envelope->>'time')::timestamptz) * 1000 + coalesce(a.dns_ms, 0) + coalesce(a.connect_ms, 0)"
        " FROM attempt a JOIN delivery d USING (delivery_id) JOIN endpoint e USING (endpoint_id) JOIN ledger.event v ON v.subject = d.story_id::text"
        " WHERE e.name LIKE 'good%' AND a.number = 1 AND v.type = 'story.published.v1' ORDER BY v.event_id"
    ).fetchall()
    return sorted(float(row[0]) for row in rows[SITES * 2 :])


def p99(values: list[float]) -> float:
    return values[min(int(len(values) * 0.99), len(values) - 1)]


def throughput(house: House, base: str, rounds: int) -> list[dict]:
    ours, theirs = [], []
    count = SITES * STORIES
    for _ in range(rounds):
        house.empty()
        house.subscribe(base, "good", SITES)
        house.announce(STORIES)
        seconds, cpu = drain(house, at_once=500)
        ours.append((count / seconds, cpu / count * 1000))
        before = psutil.Process().cpu_times()
        seconds = asyncio.run(bare(base, count, 500))
        after = psutil.Process().cpu_times()
        theirs.append((count / seconds, (after.user + after.system - before.user - before.system) / count * 1000))
    rate, cpu_ms = (statistics.median(one[place] for one in ours) for place in (0, 1))
    bare_rate, bare_ms = (statistics.median(one[place] for one in theirs) for place in (0, 1))
    return [
        row(
            "deliveries a second, PostgreSQL included",
            rate,
            "1/s",
            f"bare loop {bare_rate:.0f}/s",
            rate / bare_rate,
            ">= 800/s",
            rate >= 800,
        ),
        row(
            "CPU of our process a delivery",
            cpu_ms,
            "ms",
            f"bare loop {bare_ms:.2f} ms",
            bare_ms / cpu_ms,
            "<= 1.2 ms, ratio >= 0.5",
            cpu_ms <= 1.2 and bare_ms / cpu_ms >= 0.5,
        ),
    ]


def latency(house: House, base: str, hanging: int) -> float:
    """p99 of story event to first byte at about 30 % load, through relay, Celery and worker; `hanging` more sites never answer."""
    house.empty()
    house.admin.execute("TRUNCATE attempt")
    house.subscribe(base, "good", SITES)
    house.subscribe(base, "never", hanging)
    with house.at_work():
        due = time.monotonic()
        for _ in range(PACED + 2):
            house.publish()
            due += SITES / (800 * 0.3)
            time.sleep(max(due - time.monotonic(), 0))
        wait_until(lambda: house.left() == 0, "all good sites", timeout_s=60)
    found = latencies_ms(house)
    assert len(found) == PACED * SITES, len(found)
    return p99(found)


def many(house: House, base: str) -> list[dict]:
    house.empty()
    house.admin.execute("TRUNCATE attempt")
    house.subscribe(base, "good", MANY_SITES)
    with house.at_work() as worker:
        before, started = worker.cpu_times(), time.perf_counter()
        house.publish()
        wait_until(lambda: made(house) == MANY_SITES and house.left() == 0, "all sites", timeout_s=120)
        seconds, after = time.perf_counter() - started, worker.cpu_times()
        memory = worker.memory_info().rss / 1e6
    cpu_ms = (after.user + after.system - before.user - before.system) / MANY_SITES * 1000
    return [
        row(
            f"one story to {MANY_SITES} endpoints, event to last answer",
            MANY_SITES / seconds,
            "1/s",
            f"{seconds:.1f} s in all",
            goal=">= 800/s",
            met=MANY_SITES / seconds >= 800,
        ),
        row("CPU of the worker's process for each of them", cpu_ms, "ms", goal="<= 1.2 ms", met=cpu_ms <= 1.2),
        row("memory of the worker's process after them", memory, "MB", goal="< 200 MB", met=memory < 200),
    ]


def made(house: House) -> int:
    return house.admin.execute("SELECT count(*) FROM delivery").fetchone()[0]


def growth(house: House, base: str) -> list[dict]:
    def rate() -> float:
        house.empty()
        house.subscribe(base, "good", SITES)
        house.announce(STORIES // 2)
        return SITES * (STORIES // 2) / drain(house, 500)[0]

    house.admin.execute("TRUNCATE attempt")
    small = rate()
    house.admin.execute(
        "INSERT INTO attempt SELECT (now() AT TIME ZONE 'UTC')::date, -n, 1, now(), 204, '', '', 100, NULL, NULL, 100 FROM generate_series(1, %s) n",
        (OLD_ATTEMPTS,),
    )
    house.admin.execute("ANALYZE attempt")
    large = rate()
    ratio = small / large
    return [
        row(
            f"slower with {OLD_ATTEMPTS / 1e6:g} million old attempts",
            ratio,
            "x",
            f"{small:.0f}/s before, {large:.0f}/s after",
            ratio,
            "< 1.3",
            ratio < 1.3,
        )
    ]


def row(name, value, unit, versus=None, ratio=None, goal=None, met=None):
    return {
        "section": "delivery",
        "name": name,
        "value": value,
        "unit": unit,
        "versus": versus,
        "ratio": ratio,
        "goal": goal,
        "met": met,
    }


def run(rounds: int) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        engines = start_engines(Path(folder))
        try:
            engines.migrate()
            house = House(engines)
            with receivers(18_765) as base:
                rows = throughput(house, base, rounds) + many(house, base)
                quiet, hung = latency(house, base, 0), latency(house, base, SITES // 4)
                rows += [
                    row(
                        "story event to first byte, p99, at about 30 % load",
                        quiet,
                        "ms",
                        goal="< 500 ms",
                        met=quiet < 500,
                    ),
                    row(
                        "the same with a fifth of all sites hanging",
                        hung,
                        "ms",
                        f"{quiet:.0f} ms without",
                        hung / quiet,
                        "< 1.5",
                        hung / quiet < 1.5,
                    ),
                ]
                return rows + growth(house, base)
        finally:
            engines.stop()
