"""Ops: what a second worker gives, what metrics cost, how live the ops page is under a flood, what a drained flood leaves in memory,
and whether anybody is turned away while every process is replaced.
"""

import http.client
import os
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import driving
import psutil
import psycopg
import pyvips
from callers import calling
from driving import wait_until
from prometheus_client import generate_latest

from chassis import ledger, metrics, restarting, scaling
from chassis.bucket import Bucket, content_hash
from chassis.database import Database
from chassis.ids import new_id
from chassis.settings import Settings
from contracts.catalogue import example
from contracts.content import Image, StoredObject, StoryContent
from contracts.event import Envelope
from contracts.events import StoryReceived
from desk.handlers import people
from desk.routes.sign_in import COOKIE
from desk.store.people import People, Sessions
from stack.demo.stories import DELEGATION
from stack.engines import SERVICES

FLOOD = int(os.environ.get("DEPESHA_BENCH_FLOOD", "10000"))
TEXTS, PHOTOS = 400, 12
"""To drain with one worker and with two."""
SCRAPED_EVERY_S, BEATS_EVERY_S = 15, 10
OBSERVED = 20_000
STORIES_PUSHED = 400


def run(rounds):
    with (
        tempfile.TemporaryDirectory() as folder,
        driving.running_house(Path(folder) / "house") as running,
        driving.partner_of(running) as partner,
        psycopg.connect(running.engines.admin_url, autocommit=True) as connection,
    ):
        bench = Bench(running, connection)
        with bench.workers("desk", 0):  # it would hear of every result, on the same cores
            connection.execute("DELETE FROM ledger.consumer WHERE consumer = 'desk'")  # it declares itself again
            tagging, cpu_ms = bench.two_workers("tagging", TEXTS, rounds, text)
            imaging, _ = bench.two_workers("imaging", PHOTOS, rounds, bench.photo())
            connection.execute("DELETE FROM ledger.delivery WHERE consumer = 'desk'")
        return [tagging, imaging, metrics_share(cpu_ms), *bench.flood(), *replaced(running, partner)]


def row(name, value, unit, goal="", met=None, **more):
    return {"section": "ops", "name": name, "value": value, "unit": unit, "goal": goal, "met": met, **more}


class Bench:
    def __init__(self, running, connection):
        self.running, self.connection = running, connection
        self.received = Envelope.model_validate(example(StoryReceived)).open()

    @contextmanager
    def workers(self, consumer, count):
        """So many workers of a service, as processes; one again after the block."""
        name = f"{consumer}-worker"
        self._scale(consumer, name, count)
        yield [psutil.Process(pid) for pid in self.running.keeper.pids(name)]
        self._scale(consumer, name, 1)

    def _scale(self, consumer, name, count):
        scaling.scale(self.running.house.root, name, count)
        alive = "SELECT count(*) FROM ledger.worker WHERE consumer = %s AND seen_at > now() - interval '20 s'"
        wait_until(
            lambda: (
                len(self.running.keeper.pids(name)) == count
                and self.connection.execute(alive, (consumer,)).fetchone()[0] >= count
            ),
            f"{count} {name}",
            timeout_s=60,
        )

    def two_workers(self, consumer, count, rounds, content):
        """(row, a worker's CPU ms an event): two workers with a core each, against one with one; the engines run beside them."""
        rates, costs = [], []
        for copies in (1, 2):
            with self.workers(consumer, copies) as processes:
                self.drain(consumer, max(count // 4, 4), content)  # warm: models are read, children are started
                pin(processes)
                engines = [psutil.Process(pid) for pid in self.engine_pids()]
                before = [sum(map(cpu_s, group)) for group in (processes, engines)]
                rates.append(count / statistics.median(self.drain(consumer, count, content) for _ in range(rounds)))
                after = [sum(map(cpu_s, group)) for group in (processes, engines)]
                costs.append(
                    [(late - early) * 1000 / (count * rounds) for late, early in zip(after, before, strict=True)]
                )
        (worker_ms, engines_ms), (two_ms, their_ms) = costs
        ratio = rates[1] / rates[0]
        name = f"{consumer}, two workers with a core each, engines on the same cores"
        versus = (
            f"one worker: {rates[0]:.1f}; CPU ms a story with one and with two:"
            f" worker {worker_ms:.1f} and {two_ms:.1f}, engines and relay {engines_ms:.1f} and {their_ms:.1f}"
        )
        return row(name, rates[1], "stories/s", ">= 1.8x", ratio >= 1.8, versus=versus, ratio=ratio), worker_ms

    def engine_pids(self):
        return [engine.process.pid for engine in self.running.engines.all] + self.running.keeper.pids("relay")

    def drain(self, consumer, count, content):
        """Seconds in which a backlog of `count` stories is handled by the consumer; it lies in the ledger when the clock starts."""
        self.publish([content(number) for number in range(count)], [consumer], "1 hour")
        self.connection.execute("UPDATE ledger.delivery SET due_at = now() WHERE consumer = %s", (consumer,))
        started = time.perf_counter()
        self.connection.execute("NOTIFY ledger")
        wait_until(lambda: self.open_at([consumer]) == 0, f"{consumer} is empty", timeout_s=300)
        return time.perf_counter() - started

    def publish(self, contents, consumers, due_in="0 s"):
        """One story a content, heard by these consumers only, when that time is over."""
        heard = []
        for content in contents:
            event_id, told = new_id(), self.received.model_copy(update={"story_id": new_id(), "content": content})
            now = datetime.now(UTC)
            heard.append((Envelope.of(told, event_id=str(event_id), time=now, priority="bulk"), consumers))
        with self.connection.transaction():
            ledger.write_all(self.connection, heard)
            self.connection.execute(
                "UPDATE ledger.delivery SET due_at = now() + %s::interval WHERE recorded_at = now()", (due_in,)
            )
        self.connection.execute("NOTIFY ledger")

    def open_at(self, consumers):
        """Deliveries that are not handled. One that is dead was not measured at all: then the bench ends."""
        query = "SELECT count(*) FILTER (WHERE state <> 'dead'), count(*) FILTER (WHERE state = 'dead') FROM ledger.delivery WHERE consumer = ANY(%s)"
        unhandled, dead = self.connection.execute(query, (list(consumers),)).fetchone()
        assert dead == 0, f"{dead} dead events of {consumers}"
        return unhandled

    def photo(self):
        """Makes contents with one photo of 12 megapixels, whose files all differ, since the words go into them."""
        key = self.running.engines.s3
        bucket = Bucket.private(
            Settings(
                database_url="postgresql://unused",
                s3_endpoint=key.url,
                s3_access_key=key.access_key,
                s3_secret_key=key.secret_key,
            )
        )
        noise = pyvips.Image.gaussnoise(4000, 3000, sigma=20, mean=120, seed=1).gaussblur(8).cast("uchar")
        body = noise.bandjoin([noise, noise]).copy(interpretation="srgb").jpegsave_buffer(Q=88)
        digest = content_hash(body)
        original = StoredObject(
            bucket="private", key=f"originals/{digest[:2]}/{digest}", content_type="image/jpeg", size_bytes=len(body)
        )
        bucket.put(original.key, body, content_type="image/jpeg")

        def content(number):
            words = {"caption": f"Подпись {number} {time.time_ns()}", "credit": "Автор"}
            return text(number).model_copy(update={"images": (Image(image_id=new_id(), original=original, **words),)})

        return content

    def flood(self):
        """A small one and the flood; the page is open all the time."""
        services = [name for name in SERVICES if name != "delivery"]
        with self.workers("tagging", 2):
            self._let_through(FLOOD // 4, services)
            first = self._resident()
            with Page(self.running) as page:
                self._let_through(FLOOD, services)
            growth = self._resident() / first
        gaps, answers = sorted(page.gaps), sorted(page.answers_ms)
        gap, answer = gaps[int(len(gaps) * 0.95)], answers[int(len(answers) * 0.95)]
        size = f"{FLOOD:,}".replace(",", " ")
        versus = f"worst {gaps[-1]:.1f} s, {len(gaps)} updates"
        return [
            row(
                f"between two updates of the ops page, {size} stories waiting, p95",
                gap,
                "s",
                "< 5 s",
                gap < 5,
                versus=versus,
            ),
            row(f"the ops page anew, {size} stories waiting, p95", answer, "ms", "< 1 s", answer < 1000),
            row(f"workers' memory after {size} stories", growth, "x of after a quarter", "< 1.05", growth < 1.05),
        ]

    def _let_through(self, count, services):
        self.publish([text(number) for number in range(count)], ["tagging", "desk"])
        wait_until(lambda: self.open_at(services) == 0, "the flood is gone", timeout_s=900)

    def _resident(self):
        """Bytes of all workers with their children."""
        pids = [pid for name in SERVICES for pid in self.running.keeper.pids(f"{name}-worker")]
        family = [one for pid in pids for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]
        return sum(one.memory_info().rss for one in family)


def text(number):
    """What a press office sends, without its photos."""
    form = DELEGATION.form
    return StoryContent(
        headline=f"{form['headline']} {number}",
        lede=form["lede"],
        blocks=[block for block in form["body"] if block["kind"] != "image"],
    )


def pin(workers):
    """Each worker with all its threads and children on a core of its own."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    for place, worker in enumerate(workers):
        for one in (worker, *worker.children(recursive=True)):
            for thread in one.threads():
                os.sched_setaffinity(thread.id, {cores[place % len(cores)]})


def cpu_s(worker):
    times = [one.cpu_times() for one in (worker, *worker.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def metrics_share(cpu_ms):
    """What one event's observations, heartbeats and scrapes cost, against what a busy tagging worker spends on one."""
    observed = _ms(_observe, OBSERVED)
    scrape, beat = _ms(generate_latest, 50), _ms(metrics.resident_bytes, 50)
    share = observed / cpu_ms + scrape / SCRAPED_EVERY_S / 1000 + beat / BEATS_EVERY_S / 1000
    versus = f"an event: {observed * 1000:.0f} of {cpu_ms * 1000:.0f} µs; a scrape: {scrape:.1f} ms"
    return row("metrics' share of a busy tagging worker's CPU", share * 100, "%", "< 1 %", share < 0.01, versus=versus)


def _observe():
    """As chassis.worker does for one event that publishes one."""
    metrics.handled.observe(0.012, "tagging", "story.received.v1", "handled")
    metrics.leg.observe(0.5, "tagging", "story.received.v1")
    metrics.transaction.observe(0.004, "tagging", "commit")
    metrics.count_published("story.tagged.v1")


def _ms(act, times):
    started = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - started) * 1000 / times


class Page:
    """The ops page as an administrator's browser has it: its stream is read all the time, and it is opened anew each second."""

    def __init__(self, running):
        self.gaps, self.answers_ms = [], []
        self._netloc = urlsplit(running.house.url("desk")).netloc
        self._closing = threading.Event()
        database = Database(running.engines.environment("desk")["DEPESHA_DATABASE_URL"], "desk")
        person_id: UUID = new_id()
        with database.unit_of_work() as uow:
            People(uow.connection).add(person_id, "ops@example.org", "Ops", "chief", people.NOBODY)
            Sessions(uow.connection).add("bench-ops", person_id)
        database.close()
        self._headers = {"cookie": f"{COOKIE}=bench-ops", "accept": "text/html"}
        self._threads = [threading.Thread(target=work) for work in (self._listen, self._open)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def _listen(self):
        connection = http.client.HTTPConnection(self._netloc, timeout=60)
        connection.request("GET", "/ops/stream", headers={**self._headers, "accept": "text/event-stream"})
        answer, last = connection.getresponse(), time.perf_counter()
        assert answer.status == 200, answer.status
        while not self._closing.is_set() and (line := answer.readline()):
            if line.startswith((b"event: river", b": nothing new")):
                self.gaps.append(time.perf_counter() - last)
                last = time.perf_counter()
        connection.close()

    def _open(self):
        while not self._closing.wait(1):
            connection = http.client.HTTPConnection(self._netloc, timeout=60)
            started = time.perf_counter()
            connection.request("GET", "/ops", headers=self._headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            self.answers_ms.append((time.perf_counter() - started) * 1000)
            connection.close()


def replaced(running, partner):
    """Every process of the house, one after another, while callers ask and stories come and go out."""
    urls = {name: running.house.url(name) for name in SERVICES}
    ordered = []
    with calling(urls, running.engines.operator_token, STORIES_PUSHED) as before:
        time.sleep(10)
    with calling(urls, running.engines.operator_token, STORIES_PUSHED) as tally:
        for process in restarting.chosen(running.house.root, "all"):
            if process.endswith(("-api", "-worker")) or process == "relay":
                restarting.restart(running.house.root, process)
                ordered += [order(running, one) for one in tally.accepted[len(ordered) :]]
    ordered += [order(running, one) for one in tally.accepted[len(ordered) :]]
    urls_of = {
        driving.until(lambda one=one: running.call("publication", "GET", f"/stories/{one}"), bool, one)["url"]
        for one in ordered
    }
    wait_until(lambda: urls_of <= {one.uri for one in partner.arrivals}, "every webhook", timeout_s=60)
    got = [one.uri for one in partner.arrivals if one.uri in urls_of]
    unanswered = len(tally.lost) + sum(tally.unwelcome.values())
    p99, usual = (statistics.quantiles(one.seconds, n=100)[-1] * 1000 for one in (tally, before))
    told = f"of {tally.answered} requests unanswered or refused while every process was replaced"
    return [
        row(told, unanswered, "requests", "0", unanswered == 0, versus="; ".join(sorted(set(tally.lost)))[:200]),
        row("requests meanwhile, p99", p99, "ms", versus=f"before {usual:.0f} ms", ratio=p99 / usual),
        row(
            f"of {len(ordered)} stories pushed meanwhile not published exactly once",
            len(ordered) - len(urls_of) + len(got) - len(set(got)),
            "stories",
            "0",
            len(got) == len(set(got)) == len(ordered),
        ),
    ]


def order(running, story_id):
    ask = lambda: running.call("desk", "POST", f"/api/stories/{story_id}/releases", {"action": "publish"})  # noqa: E731
    driving.until(ask, bool, f"the draft of {story_id}")
    return story_id
