"""Small events under fire: the same counting work through our ledger and through Celery alone, side by side.

`python ticks.py ticker` and `python ticks.py celery` are the workers; `Ticks` and `CeleryAlone` feed and count them.
A tick leaves one row and publishes a tock, which leaves one row: anything lost or doubled shows in the counts.
"""

import itertools
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import psycopg
from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from chassis import logs
from chassis.database import Database
from chassis.unit_of_work import UnitOfWork
from chassis.worker import Worker
from contracts.event import Event
from stack.house import Process
from stack.processes import die_with_parent

LEASE_S = 5.0
"""The default of every worker."""
TICKERS, CELERIES = ("ticker-1", "ticker-2"), ("celery-1", "celery-2")
TABLES = """
CREATE SCHEMA IF NOT EXISTS ticker;
CREATE TABLE IF NOT EXISTS ticker.sent (number bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE IF NOT EXISTS ticker.effect (id bigserial, number bigint NOT NULL, kind text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
"""


class Tocked(Event, type="chaos.tocked.v1", producer="desk", consumers=("ticker",)):
    """A tick was handled."""

    number: int


class Ticked(Event, type="chaos.ticked.v1", producer="desk", consumers=("ticker",)):
    """Something small happened."""

    number: int


def tick(event: Ticked, uow: UnitOfWork) -> None:
    with uow:
        uow.connection.execute("INSERT INTO effect (number, kind) VALUES (%s, 'tick')", (event.number,))
        uow.publish(Tocked(number=event.number))


def tock(event: Tocked, uow: UnitOfWork) -> None:
    with uow:
        uow.connection.execute("INSERT INTO effect (number, kind) VALUES (%s, 'tock')", (event.number,))


# the workers


def die_at_statements(is_time) -> None:
    """SIGKILL ourselves before or after a statement of any connection, whenever `is_time()` says so."""
    execute = psycopg.Connection.execute

    def deadly(self, *arguments, **options):
        if is_time():
            os.kill(os.getpid(), signal.SIGKILL)
        result = execute(self, *arguments, **options)
        if is_time():
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    psycopg.Connection.execute = deadly


def run_ticker() -> None:
    """Dies by itself, too, at a statement boundary by chance, `CHAOS_DIE` seconds after its start."""
    dies_at = time.monotonic() + float(os.environ["CHAOS_DIE"]) * random.uniform(0.5, 1.5)
    database = Database(os.environ["CHAOS_DATABASE"], "ticker")
    worker = Worker("ticker", database, {Ticked: tick, Tocked: tock}, concurrency=2, batch=8, lease_s=LEASE_S)
    die_at_statements(lambda: time.monotonic() > dies_at and random.random() < 1 / 20)
    worker.run(os.environ["CHAOS_REDIS"])


def handle_and_die(admin_url: str, messages: list[dict], boundary: int) -> None:
    """Handle these messages of the relay, and die at the Nth statement boundary."""
    database = Database(admin_url, "ticker", size=1)
    worker = Worker("ticker", database, {Ticked: tick, Tocked: tock})
    with database.connection():
        """Connected: what follows are the handlers' own statements."""
    countdown = itertools.count(boundary, -1)
    die_at_statements(lambda: next(countdown) == 0)
    for message in messages:
        worker.handle(message)
    database.close()


def celery_alone(redis_url: str, out: Path | None = None) -> Celery:
    """Celery at its usual reliable settings."""
    app = Celery("alone", broker=redis_url.replace("/0", "/1"), set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"visibility_timeout": 5, "unacked_restore_interval": 1, "socket_timeout": 3},
    )

    def note(number: int) -> None:
        descriptor = os.open(out, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{number}\n".encode())
        os.close(descriptor)

    app.task(name="alone.note", ignore_result=True)(note)
    return app


def run_celery() -> None:
    app = celery_alone(os.environ["CHAOS_REDIS"], Path(os.environ["CHAOS_OUT"]))
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=CRITICAL"]
    app.worker_main(
        ["--quiet", "worker", f"--hostname=alone-{os.getpid()}", "--pool=threads", "--concurrency=2", *quiet]
    )


def processes(admin_url: str, redis_url: str, out: Path, lives_s: float) -> list[Process]:
    def process(name: str, **environment: str) -> Process:
        command = die_with_parent([sys.executable, str(Path(__file__).resolve()), name])
        return Process(name, tuple(command), {"CHAOS_REDIS": redis_url, **environment})

    """Two workers each, as a house that may lose one at any time has them."""
    tickers = [process(name, CHAOS_DATABASE=admin_url, CHAOS_DIE=str(lives_s)) for name in TICKERS]
    return tickers + [process(name, CHAOS_OUT=str(out)) for name in CELERIES]


# the feeders


class Ticks:
    """Publishes ticks at a steady pace, each until it is acknowledged; counts what became of them."""

    def __init__(self, admin_url: str) -> None:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(TABLES)
        self._database = Database(admin_url, "ticker", size=2)

    def send(self, number: int) -> bool:
        """True once it is recorded; an answer lost in a crash is settled by asking again."""
        try:
            with self._database.unit_of_work() as uow:
                new = uow.connection.execute(
                    "INSERT INTO sent (number) VALUES (%s) ON CONFLICT DO NOTHING", (number,)
                ).rowcount
                if new:
                    uow.publish(Ticked(number=number))
        except psycopg.Error:
            return False
        return True

    def left(self) -> int:
        """Ticks and tocks whose effect is not there yet."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT (SELECT 2 * count(*) FROM sent) - (SELECT count(DISTINCT (number, kind)) FROM effect)"
            ).fetchone()
        return row[0]

    def count(self) -> dict[str, float]:
        with self._database.connection() as connection:
            row = connection.execute(
                """SELECT (SELECT 2 * count(*) FROM sent),
                          (SELECT 2 * count(*) FROM sent) - (SELECT count(DISTINCT (number, kind)) FROM effect),
                          (SELECT count(*) - count(DISTINCT (number, kind)) FROM effect),
                          (SELECT coalesce(extract(epoch FROM max(e.at - s.at)), 0)::float8 FROM effect e JOIN sent s USING (number) WHERE kind = 'tick')"""
            ).fetchone()
        return dict(zip(("sent", "lost", "doubled", "slowest_s"), row, strict=True))

    def handled(self) -> int:
        """How often a handler left its row; gaps count, so this only ever grows."""
        try:
            with self._database.connection() as connection:
                return connection.execute("SELECT last_value FROM effect_id_seq").fetchone()[0]
        except psycopg.Error:
            return 0

    def effects_at(self) -> list[float]:
        """Unix times."""
        with self._database.connection() as connection:
            return [
                row[0] for row in connection.execute("SELECT extract(epoch FROM at)::float8 FROM effect").fetchall()
            ]

    def close(self) -> None:
        self._database.close()


class CeleryAlone:
    """The baseline: the same pace of messages through Celery on Redis without a ledger, killed and flushed alike."""

    def __init__(self, redis_url: str, out: Path) -> None:
        self._app = celery_alone(redis_url)
        self._out = out
        self.sent_at: dict[int, float] = {}

    def send(self, number: int) -> bool:
        try:
            self._app.send_task("alone.note", (number,), retry=False)
        except (BrokerError, RedisError, OSError):
            return False
        self.sent_at[number] = time.time()
        return True

    def done(self) -> list[int]:
        return [int(line) for line in self._out.read_text().split()] if self._out.exists() else []

    def lost(self) -> list[int]:
        return sorted(set(self.sent_at) - set(self.done()))


def feed(send, pace: float, is_over: threading.Event) -> None:
    """Send 0, 1, 2 … at `pace` a second until it is over, each until it is acknowledged."""
    started, number = time.monotonic(), 0
    while not is_over.is_set():
        if send(number):
            number += 1
            is_over.wait(max(0.0, number / pace - (time.monotonic() - started)))
        else:
            is_over.wait(0.1)


if __name__ == "__main__":
    logs.configure("chaos", "error")
    {"ticker": run_ticker, "celery": run_celery}[sys.argv[1].partition("-")[0]]()
