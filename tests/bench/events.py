"""Events: commit, relay, Celery, handler, mark, against bare Celery at its usual reliable settings, in turn in one run."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
import psycopg
import redis

from chassis.database import Database
from stack.engines import start_engines
from stack.processes import die_with_parent, wait_until

HERE = Path(__file__).parent
COUNT = 4000
PACED = 300
ROWS = 5_000_000


def _processes():
    spec = importlib.util.spec_from_file_location("bench_events_processes", HERE / "_events_processes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def running(*names, environment):
    children = [
        subprocess.Popen(
            die_with_parent([sys.executable, str(HERE / "_events_processes.py"), name]),
            env={**os.environ, **environment},
        )
        for name in names
    ]
    try:
        yield [psutil.Process(child.pid) for child in children]
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(20)


def cpu_s(processes):
    return sum(sum(process.cpu_times()[:2]) for process in processes)


class Ours:
    def __init__(self, engines, module):
        self.admin = psycopg.connect(engines.admin_url, autocommit=True)
        self.database = Database(engines.settings("desk")["database_url"], "desk", size=2)
        self.event = module.BenchTicked

    def publish(self, number):
        with self.database.unit_of_work() as uow:
            uow.publish(self.event(number=number))

    def left(self):
        return self.admin.execute("SELECT count(*) FROM ledger.delivery").fetchone()[0]

    def handled(self):
        return self.admin.execute("SELECT count(*) FROM ledger.history WHERE delivery_id > 0").fetchone()[0]

    def fill(self, rows):
        """Old, handled events, with ids and subjects as `new_id` makes them: by time."""
        self.admin.execute(
            "INSERT INTO ledger.history SELECT (now() AT TIME ZONE 'UTC')::date, -n, (now() AT TIME ZONE 'UTC')::date, uuidv7((n - %(rows)s) * interval '1 s'), 'tagging', 1, 'handled', now(), now(), now(), 1, 1, 0, 'w', NULL FROM generate_series(1, %(rows)s) n",
            {"rows": rows},
        )
        self.admin.execute(
            "INSERT INTO ledger.event SELECT (now() AT TIME ZONE 'UTC')::date, uuidv7((n - %(rows)s) * interval '1 s'), 'bench.ticked.v1', uuidv7((n - %(rows)s) * interval '1 s')::text, now(), '{}' FROM generate_series(1, %(rows)s) n",
            {"rows": rows},
        )
        self.admin.execute("ANALYZE ledger.event, ledger.history")

    def latencies_ms(self, count):
        rows = self.admin.execute(
            "SELECT extract(epoch FROM handled_at - recorded_at) * 1000 FROM ledger.history ORDER BY handled_at DESC LIMIT %s",
            (count,),
        ).fetchall()
        return sorted(float(row[0]) for row in rows)


def rate(publish, left):
    started = time.perf_counter()
    for number in range(COUNT):
        publish(number)
    wait_until(lambda: left() == 0, "the queue is empty", timeout_s=120)
    return COUNT / (time.perf_counter() - started)


class Bench:
    """One run: both sides on the same engines, in turn."""

    def __init__(self, engines, rounds):
        self.rounds = rounds
        self.environment = {
            "BENCH_DATABASE": engines.settings("tagging")["database_url"],
            "BENCH_REDIS": engines.valkey.url,
        }
        os.environ.update(self.environment)
        module = _processes()
        self.ours = Ours(engines, module)
        bare = module.bare_celery()
        self.broker = redis.Redis.from_url(engines.valkey.url.replace("/0", "/1"))
        producer = bare.amqp.producer_pool.acquire(block=True)
        self.send = lambda number: bare.send_task("bare.tick", (number,), producer=producer)

    def bare_left(self):
        return self.broker.llen("celery") + self.broker.hlen("unacked")

    def measure(self, names, publish, left):
        """(events a second, CPU us an event in the processes of these names), after a warm-up."""
        with running(*names, environment=self.environment) as processes:
            rate(publish, left)
            before = cpu_s(processes)
            return rate(publish, left), (cpu_s(processes) - before) / COUNT * 1e6

    def throughput(self):
        pairs = [
            (
                self.measure(["relay", "worker"], self.ours.publish, self.ours.left),
                self.measure(["celery"], self.send, self.bare_left),
            )
            for _ in range(self.rounds)
        ]
        our_rate, our_cpu = (median(pair[0][place] for pair in pairs) for place in (0, 1))
        bare_rate, bare_cpu = (median(pair[1][place] for pair in pairs) for place in (0, 1))
        ratio, cpu_ratio = our_rate / bare_rate, our_cpu / bare_cpu
        return [
            row(
                "events through commit, relay, Celery, handler, mark",
                our_rate,
                "events/s",
                f"bare Celery {bare_rate:.0f}/s",
                ratio,
                "ratio >= 0.8",
                ratio >= 0.8,
            ),
            row(
                "CPU of relay and worker an event", our_cpu, "us", f"bare Celery's worker {bare_cpu:.0f} us", cpu_ratio
            ),
        ]

    def latency(self):
        with running("relay", "worker", environment=self.environment) as [_relay, worker]:
            rate(self.ours.publish, self.ours.left)
            for number in range(PACED):
                self.ours.publish(number)
                time.sleep(0.004)
            wait_until(lambda: self.ours.left() == 0, "the queue is empty")
            values, memory = self.ours.latencies_ms(PACED), worker.memory_info().rss / 1e6
        p50, p99 = values[len(values) // 2], values[int(len(values) * 0.99)]
        return [
            row("commit to handled, p50, at about 30 % load", p50, "ms", goal="< 10 ms", met=p50 < 10),
            row("commit to handled, p99, at about 30 % load", p99, "ms", goal="< 50 ms", met=p99 < 50),
            row("memory of a worker", memory, "MB", goal="< 120 MB", met=memory < 120),
        ]

    def growth(self):
        """Both halves of an event's way in turn, so that no round differs by how many events met in one message."""
        with running("relay", "worker", environment=self.environment) as [relay, _worker]:
            rate(self.ours.publish, self.ours.left)
            small = median(self.backlog_rate(relay) for _ in range(self.rounds + 2))
            self.ours.fill(ROWS)
            large = median(self.backlog_rate(relay) for _ in range(self.rounds + 2))
        what = f"slower with {ROWS / 1e6:g} million old events"
        return [
            row(
                what,
                small / large,
                "x",
                f"{small:.0f}/s before, {large:.0f}/s after",
                small / large,
                "< 1.3",
                small / large < 1.3,
            )
        ]

    def backlog_rate(self, relay):
        """Events a second: all committed while the relay rests, then all sent, handled and marked."""
        relay.suspend()
        started = time.perf_counter()
        for number in range(COUNT):
            self.ours.publish(number)
        relay.resume()
        wait_until(lambda: self.ours.left() == 0, "the queue is empty", timeout_s=120)
        return COUNT / (time.perf_counter() - started)

    def ending(self):
        with running("worker", environment=self.environment) as [worker]:
            wait_until(
                lambda: worker.memory_info().rss > 50e6 and worker.cpu_percent(0.3) < 5, "an idle worker", timeout_s=60
            )
            started = time.perf_counter()
            worker.terminate()
            wait_until(lambda: not worker.is_running() or worker.status() == "zombie", "the worker's end", timeout_s=30)
            seconds = time.perf_counter() - started
        lost = self.lost_by_sigterm()
        return [
            row("SIGTERM to the end of an idle worker", seconds, "s", goal="< 5 s", met=seconds < 5),
            row("events without effect after SIGTERM under load", lost, "events", goal="0", met=lost == 0),
        ]

    def lost_by_sigterm(self):
        """Three workers in turn, each told to end while it works; the fourth does what is left."""
        before = self.ours.handled()
        with running("relay", environment=self.environment):
            for _ in range(3):
                with running("worker", environment=self.environment):
                    start = self.ours.handled()
                    for number in range(COUNT // 4):
                        self.ours.publish(number)
                    wait_until(lambda start=start: self.ours.handled() > start, "a first event handled", timeout_s=60)
            with running("worker", environment=self.environment):
                wait_until(lambda: self.ours.left() == 0, "the queue is empty", timeout_s=60)
        return 3 * (COUNT // 4) - (self.ours.handled() - before)


def row(name, value, unit, versus=None, ratio=None, goal=None, met=None):
    return {
        "section": "events",
        "name": name,
        "value": value,
        "unit": unit,
        "versus": versus,
        "ratio": ratio,
        "goal": goal,
        "met": met,
    }


def run(rounds):
    with tempfile.TemporaryDirectory() as folder:
        engines = start_engines(Path(folder))
        try:
            engines.migrate()
            bench = Bench(engines, rounds)
            return bench.throughput() + bench.latency() + bench.growth() + bench.ending()
        finally:
            engines.stop()
