"""What a process tells Prometheus: its own work as it does it, and the ledger's numbers when somebody asks.

Names and labels are an interface: rules and dashboards in infra/ use them, and a test holds the two together.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import psycopg
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from chassis import logs, tracing
from chassis.ledger import watch
from chassis.pool import Pool

QUICK: Final = (0.002, 0.005, 0.02, 0.1, 0.5, 2, 10, 60)
"""Seconds. Few buckets, since each observation walks them: a worker's metrics may cost 1 % of its CPU."""
SLOW: Final = (0.05, 0.25, 1, 5, 30, 120, 600, 3600)

HANDLED = Histogram(
    "depesha_handler_seconds",
    "Seconds a handler took, by how it ended",
    ["consumer", "event", "outcome"],
    buckets=QUICK,
)
LEG = Histogram(
    "depesha_leg_seconds",
    "Seconds from an event's record in the ledger to the end of its handler",
    ["consumer", "event"],
    buckets=SLOW,
)
PUBLISHED = Counter("depesha_events_published_total", "Events written into the ledger", ["event"])
TRANSACTION = Histogram(
    "depesha_transaction_seconds", "Seconds from BEGIN to COMMIT or ROLLBACK", ["service", "end"], buckets=QUICK
)
STORAGE = Histogram(
    "depesha_storage_seconds",
    "Seconds of one call to the S3 storage",
    ["bucket", "operation", "outcome"],
    buckets=QUICK,
)
TIMER = Histogram("depesha_timer_seconds", "Seconds a timer ran", ["consumer", "timer", "outcome"], buckets=SLOW)
SENT = Counter(
    "depesha_relay_sent_total", "Deliveries sent to Redis; `again`: their lease had ended", ["consumer", "kind"]
)
UNSENT = Counter("depesha_relay_redis_failures_total", "Turns in which the relay could not reach Redis")

WEBHOOK = Histogram(
    "depesha_webhook_seconds", "Seconds of one webhook attempt, by its answer", ["answer"], buckets=QUICK
)

FRESH_S: Final = 2.0
"""Scrapes within so many seconds share one look at the ledger."""

log = logs.get()


class Timed:
    """Histograms with their labels resolved once: looking a child up costs more than the observation."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._children: dict[tuple[str, ...], Histogram] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._histogram.labels(*labels)
        child.observe(seconds)


handled, leg, transaction, storage, timer, webhook = map(Timed, (HANDLED, LEG, TRANSACTION, STORAGE, TIMER, WEBHOOK))


_published: dict[str, Counter] = {}


def count_published(event_type: str) -> None:
    counter = _published.get(event_type)
    if counter is None:
        counter = _published[event_type] = PUBLISHED.labels(event_type)
    counter.inc()


@contextmanager
def timing_storage(bucket: str, operation: str) -> Iterator[None]:
    """Time one call to the storage; `outcome` is `ok`, the HTTP status in the error's `answered`, or `silent`."""
    started, outcome = time.perf_counter(), "ok"
    try:
        with tracing.span(f"s3 {operation}", "client", attributes={"aws.s3.bucket": bucket}):
            yield
    except Exception as error:
        outcome = str(getattr(error, "answered", None) or "silent")
        raise
    finally:
        storage.observe(time.perf_counter() - started, bucket, operation, outcome)


class LedgerCollector(Collector):
    """The ledger's numbers as gauges: true even when Redis is empty or gone.

    Every relay tells the same numbers, so queries take their maximum.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._lock = threading.Lock()
        self._connection: psycopg.Connection | None = None
        self._looked_at = float("-inf")
        self._view: watch.View | None = None

    def describe(self) -> list[Any]:
        """Nothing is asked at registration."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with self._lock:
            if time.monotonic() - self._looked_at > FRESH_S:
                self._view = self._look()
                self._looked_at = time.monotonic()
        yield GaugeMetricFamily("depesha_ledger_up", "1 where the ledger answers", value=float(self._view is not None))
        if self._view is not None:
            yield from _families(self._view)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    def _look(self) -> watch.View | None:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(
                    self._url, autocommit=True, connect_timeout=3, options="-c statement_timeout=5000"
                )
            return watch.look(self._connection)
        except psycopg.Error as error:
            log.warning("the ledger's numbers cannot be read", reason=str(error).strip())
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return None


def _families(view: watch.View) -> Iterator[GaugeMetricFamily]:
    by_lane: Mapping[str, tuple[str, Callable[[watch.Lane], float]]] = {
        "depesha_events_waiting": ("Deliveries that wait to be sent", lambda lane: lane.waiting),
        "depesha_events_in_flight": ("Deliveries in Redis or in a worker's hands", lambda lane: lane.sent),
        "depesha_events_failing": ("Deliveries that failed and will be tried again", lambda lane: lane.failing),
        "depesha_events_dead": ("Deliveries set aside; a person must look", lambda lane: lane.dead),
        "depesha_oldest_event_seconds": ("Age of the oldest unhandled event", lambda lane: lane.oldest_s),
    }
    for name, (about, value) in by_lane.items():
        family = GaugeMetricFamily(name, about, labels=("consumer", "priority"))
        for lane in view.lanes:
            family.add_metric((lane.consumer, lane.priority), value(lane))
        yield family
    rate = GaugeMetricFamily(
        "depesha_events_rate", f"Deliveries a second over the last {watch.WINDOW_S} s", labels=("consumer", "way")
    )
    for flow in view.flows:
        rate.add_metric((flow.consumer, "in"), flow.came_per_s)
        rate.add_metric((flow.consumer, "out"), flow.handled_per_s)
    yield rate
    workers = GaugeMetricFamily("depesha_workers", "Workers whose heartbeat is fresh", labels=("consumer",))
    memory = GaugeMetricFamily(
        "depesha_worker_resident_bytes", "Memory of a worker and its children", labels=("consumer", "worker")
    )
    beat = GaugeMetricFamily(
        "depesha_worker_beat_age_seconds", "Since a worker's last heartbeat", labels=("consumer", "worker")
    )
    for consumer, count in view.workers_by_consumer.items():
        workers.add_metric((consumer,), count)
    for one in view.workers:
        memory.add_metric((one.consumer, one.name), one.resident_bytes)
        beat.add_metric((one.consumer, one.name), one.silent_s)
    yield from (workers, memory, beat)
    late = GaugeMetricFamily("depesha_timer_late_seconds", "How long a timer is overdue", labels=("consumer", "timer"))
    for clock in view.timers:
        late.add_metric((clock.consumer, clock.name), clock.late_s)
    yield late
    yield GaugeMetricFamily(
        "depesha_relay_lag_seconds",
        "Since the oldest due delivery could have been sent and was not",
        value=view.unsent_s,
    )


@dataclass(frozen=True)
class Gauge:
    """A number that a service reads from its own tables when it is scraped. `query` gives rows (label values …, number)."""

    name: str
    about: str
    query: str
    labels: tuple[str, ...] = ()


class GaugeCollector(Collector):
    """A service's gauges. One whose database does not answer tells nothing: a stale number is worse."""

    def __init__(self, database: Pool, gauges: Sequence[Gauge]) -> None:
        self._database = database
        self._gauges = gauges

    def describe(self) -> list[Any]:
        """Nothing is asked at registration."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families = []
        try:
            with self._database.connection() as connection:
                for gauge in self._gauges:
                    family = GaugeMetricFamily(gauge.name, gauge.about, labels=gauge.labels)
                    for *labels, value in connection.execute(gauge.query.encode()).fetchall():
                        family.add_metric(labels, float(value))
                    families.append(family)
        except psycopg.Error as error:
            log.warning("gauges cannot be read", reason=str(error).strip())
            return
        yield from families


def resident_bytes() -> int:
    """Memory of this process and its children; 0 where the system does not tell as Linux does."""
    pids = [str(os.getpid())]
    try:
        for task in Path("/proc/self/task").iterdir():
            pids += (task / "children").read_text().split()
        return sum(_resident_pages(pid) for pid in pids) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _resident_pages(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0


Check = Callable[[], None]


def why_down(check: Check) -> str:
    """Empty where the check passes, else what it says."""
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return f"{type(error).__name__}: {error}".strip()
    return ""


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """A scrape is no news."""


def serve(host: str, port: int, checks: Mapping[str, Check]) -> WSGIServer:
    """/metrics, /healthz and /readyz of a process that has no API, from a thread of its own. Port 0: any free one.

    Raises:
        OSError: the port is taken.

    """

    def application(environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], Any]) -> list[bytes]:
        status, kind, body = _answer(environ.get("PATH_INFO", ""), checks)
        start(status, [("content-type", kind), ("content-length", str(len(body)))])
        return [body]

    server = make_server(host, port, application, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _answer(path: str, checks: Mapping[str, Check]) -> tuple[str, str, bytes]:
    if path == "/metrics":
        return "200 OK", CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
    if path == "/healthz":
        return "200 OK", "text/plain", b"ok"
    if path == "/readyz":
        down = {name: reason for name, check in checks.items() if (reason := why_down(check))}
        body = json.dumps({"ready": not down, "down": down}, ensure_ascii=False).encode()
        return "503 Service Unavailable" if down else "200 OK", "application/json", body
    return "404 Not Found", "text/plain", b"there are /metrics, /healthz and /readyz"
