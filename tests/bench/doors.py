"""Doors: what a token's check and two rate limits cost a request, against the same API without them, in turn in one run."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
import psycopg

from chassis import tokens
from stack.engines import start_engines
from stack.processes import die_with_parent, wait_until

SECTION = "doors"
REQUESTS = 1_500
PROCESS = Path(__file__).with_name("_doors_process.py")


def run(rounds):
    with tempfile.TemporaryDirectory(prefix="depesha-bench-") as folder:
        engines = start_engines(Path(folder))
        try:
            engines.migrate()
            with psycopg.connect(engines.admin_url, autocommit=True) as connection:
                token = tokens.create(connection, "bench", ["desk:write"], per_minute=1_000_000)[1]
            environment = {**os.environ, **engines.environment("desk"), "DEPESHA_ADDRESS_PER_MINUTE": "1000000"}
            with Api("with", environment, token) as ours, Api("without", environment, token) as bare:
                return measure(ours, bare, rounds)
        finally:
            engines.stop()


def measure(ours, bare, rounds):
    for api in (ours, bare):
        api.ask(300)
    taken = [(ours.ask(REQUESTS), bare.ask(REQUESTS)) for _ in range(rounds)]
    wall = [(with_.wall_ms, without.wall_ms) for with_, without in taken]
    cpu = [(with_.cpu_ms, without.cpu_ms) for with_, without in taken]
    return [_row("time a request, token and limits checked", wall), _row("CPU of the API a request", cpu)]


def _row(name, pairs):
    more = median(with_ - without for with_, without in pairs)
    return {
        "section": SECTION,
        "name": f"{name}: more than without",
        "value": more,
        "unit": "ms",
        "versus": f"without doors {median(without for _, without in pairs):.2f} ms",
        "ratio": median(with_ / without for with_, without in pairs),
        "goal": "< 0.5 ms",
        "met": more < 0.5,
    }


class Cost:
    def __init__(self, wall_ms, cpu_ms):
        self.wall_ms, self.cpu_ms = wall_ms, cpu_ms


class Api:
    """One of the two, asked over one kept connection."""

    def __init__(self, kind, environment, token):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process = subprocess.Popen(
            die_with_parent([sys.executable, str(PROCESS), str(self.port), kind]), env=environment
        )
        self._headers = {"authorization": f"Bearer {token}"}
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def __enter__(self):
        wait_until(self._is_up, "the API", timeout_s=30)
        return self

    def __exit__(self, *_):
        self._connection.close()
        self._process.terminate()
        self._process.wait(10)

    def _is_up(self):
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, number):
        process = psutil.Process(self._process.pid)
        before, started = sum(process.cpu_times()[:2]), time.perf_counter()
        for place in range(number):
            self._connection.request("POST", f"/echo?number={place}", headers=self._headers)
            answer = self._connection.getresponse()
            assert (answer.status, answer.read()) == (200, str(place).encode())
        taken = time.perf_counter() - started
        return Cost(taken / number * 1000, (sum(process.cpu_times()[:2]) - before) / number * 1000)
