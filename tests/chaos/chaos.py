"""`make chaos`: stories go through the house while its processes and engines are killed; an outside observer counts what is lost.

The observer reads HTTP doors, the site and what the partner received, never our tables. Accounting after Jepsen's total-queue:
every acknowledged order must take effect, once, and the newest must stand last.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis
from rich.console import Console
from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import driving
import ticks
from orphans import find_orphans
from report import Fault, Report, page, svg, tables

from stack.demo import web
from stack.house import USUAL_API_PORTS
from stack.ports import Ports
from stack.processes import EngineError

SETTLE_S = 60
PUSHED_WITHIN = 0.9
"""Sources push for this share of the time, so that the last stories meet faults, too."""
DRIVERS = 96
WATCH_EVERY_S = 0.5
WORKERS = ("imaging-worker", "tagging-worker", "desk-worker", "publication-worker", "delivery-worker")
APIS = ("desk-api", "ingestion-api", "publication-api", "delivery-api")
TICKER_LIVES_S = 20
"""About so long after its start the small events' worker kills itself at a statement boundary."""


@dataclass
class Told:
    """What we ordered of one story, as far as it was acknowledged."""

    story_id: str
    has_photo: bool = False
    orders: list[tuple[int, str]] = field(default_factory=list)

    @property
    def last(self) -> tuple[int, str]:
        return self.orders[-1]


class Chaos:
    """One run: drivers push and order, two imps break things, the observer checks at the end."""

    def __init__(self, running: Any, partner: Any, report: Report, most_stories: int, out: Path) -> None:
        self.running = running
        self.partner = partner
        self.report = report
        self.most_stories = most_stories
        self.random = random.Random(report.seed)
        self.started, self.started_at = time.monotonic(), time.time()
        self.told: list[Told] = []
        self.lock, self.seen = threading.Lock(), threading.Condition()
        self.ready: set[str] = set()
        self.places = itertools.count()
        self.pace = most_stories / (report.seconds * PUSHED_WITHIN)
        self.over, self.calm, self.counted = threading.Event(), threading.Event(), threading.Event()
        self.ticks = ticks.Ticks(running.engines.admin_url)
        self.celery = ticks.CeleryAlone(running.engines.valkey.url, out)
        self.photo = driving.noisy_jpeg(320, 240, report.seed, blur=6)

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    # what editors and sources do

    def drive(self) -> None:
        """One of many who each follow one story at a time; together they keep the pace while the house can follow."""
        folder = Path(tempfile.mkdtemp())
        photo = folder / "photo.jpg"
        for place in self.places:
            if place >= self.most_stories or self.over.wait(place / self.pace - self.elapsed()):
                return
            chance = random.Random(self.report.seed * 100_000 + place)
            photo.write_bytes(self.photo + place.to_bytes(4))  # each an original of its own
            told = self.push(photo if chance.random() < 1 / 3 else None)
            if told is None:
                continue
            actions = ["publish"]
            actions += ["correct"] if chance.random() < 0.2 else []
            actions += ["kill"] if chance.random() < 0.05 else []
            for action in actions:
                self.order(told, action)

    def watch_the_desk(self) -> None:
        """As an editor looks at the list: which of the newest stories are whole, tags and photos and all."""
        while not self.counted.wait(WATCH_EVERY_S):
            with contextlib.suppress(web.WebError, OSError):
                lines = self.running.call("desk", "GET", "/api/stories?limit=200")["stories"]
                ready = {one["story_id"] for one in lines if is_ready(one)}
                with self.seen:
                    self.ready |= ready
                    self.seen.notify_all()

    def wait_until_whole(self, story_id: str) -> bool:
        """By the list; a story that has sunk below it is asked for by itself."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and not self.over.is_set():
            with self.seen:
                if self.seen.wait_for(lambda: story_id in self.ready or self.over.is_set(), timeout=10):
                    return story_id in self.ready
            if self.is_whole(story_id):
                return True
        return False

    def is_whole(self, story_id: str) -> bool:
        try:
            story = self.running.call("desk", "GET", f"/api/stories/{story_id}")
        except (web.WebError, OSError):
            return False
        return driving.is_whole(story)

    def push(self, photo: Path | None) -> Told | None:
        name = f"chaos-{uuid.uuid4()}"
        form: dict[str, Any] = {
            "source": {"source_id": "chaos", "name": "Хаос"},
            "external_id": name,
            "headline": f"Проверка {name[-8:]}",
            "body": "Абзац.",
            "rubrics": ["Общество"],
            "tags": ["проверка"],
        }
        url = f"{self.running.house.url('ingestion')}/stories"
        if photo:
            form["images"] = [{"file": "photo.jpg", "caption": "Подпись | Фото: хаос"}]
        answer = self.insist(
            lambda: (
                web.post_multipart(url, form, {"photo.jpg": photo}, token=self.running.engines.operator_token)
                if photo
                else self.running.call("ingestion", "POST", "/stories", form)
            )
        )
        if answer is None:
            return None
        told = Told(answer["story_id"], photo is not None)
        with self.lock:
            self.told.append(told)
        return told if self.wait_until_whole(told.story_id) else None

    def order(self, told: Told, action: str) -> None:
        """Ordered until acknowledged. A lost answer is settled by asking which versions the desk knows."""
        path = f"/api/stories/{told.story_id}/releases"
        body = {
            "action": action,
            **({"reason": "проверка"} if action == "kill" else {}),
            **({"correction_note": "Уточнено."} if action == "correct" else {}),
        }
        before = told.orders[-1][0] if told.orders else 0
        tries = itertools.count()

        def give() -> Any:
            known = self.running.call("desk", "GET", path)["releases"] if next(tries) else []
            newer = [one for one in known if one["version"] > before]
            return {"version": newer[0]["version"]} if newer else self.running.call("desk", "POST", path, body)

        answer = self.insist(give)
        if answer is None:
            return
        told.orders.append((answer["version"], action))

    def insist(self, ask: Callable[[], Any]) -> Any:
        """As a patient client: again over any failure until it works, or the run is over for good."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                return ask()
            except (web.WebError, OSError):
                if self.over.wait(0.5):
                    deadline = min(deadline, time.monotonic() + 10)
                    time.sleep(0.5)
        return None

    # what breaks

    def break_processes(self) -> None:
        """Every 2 s one worker dies."""
        chance = random.Random(self.report.seed + 1)
        while not self.over.wait(2):
            name = chance.choice([*WORKERS, "ticker"])
            if name == "ticker":
                pair = chance.choice(list(zip(ticks.TICKERS, ticks.CELERIES, strict=True)))
                self.note("small events' worker killed", partial(self.kill_processes, pair))
                self.report.celery_kills += 1
            else:
                self.note("worker killed", partial(self.kill_process, name))

    def break_engines_then_stay(self) -> None:
        """The engines that this thread starts die with it."""
        self.break_engines()
        self.calm.set()
        self.counted.wait()

    def break_engines(self) -> None:
        """Every 6 s something larger breaks, each kind in turn, in an order by the seed."""
        larger: dict[str, Callable[[], None]] = {
            "relay killed": lambda: self.kill_process("relay"),
            "API killed": lambda: self.kill_process(self.random.choice(APIS)),
            "FLUSHALL": lambda: redis.Redis.from_url(self.running.engines.valkey.url).flushall(),
            "Valkey killed": lambda: self.bounce("valkey"),
            "PostgreSQL crashed": lambda: self.bounce("postgres"),
            "S3 killed": lambda: self.bounce("s3"),
            "partner down": self.partner_down,
        }
        outages = [self.report.seconds * share for share in (0.25, 0.7)]
        while not self.over.is_set():
            for name in self.random.sample(list(larger), len(larger)):
                if self.over.wait(6):
                    return
                if outages and self.elapsed() > outages[0]:
                    outages.pop(0)
                    self.s3_outage()
                self.note(name, larger[name])

    def note(self, name: str, break_it: Callable[[], Any]) -> None:
        fault = Fault(self.elapsed(), name)
        self.report.faults.append(fault)
        break_it()
        small = name.startswith("small")
        seen = self.ticks.handled() if small else len(self.partner.arrivals)
        threading.Thread(
            target=self.wait_for_recovery, args=(fault, seen), kwargs={"small": small}, daemon=True
        ).start()

    def wait_for_recovery(self, fault: Fault, seen: int, *, small: bool) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self.counted.is_set():
            if (self.ticks.handled() if small else len(self.partner.arrivals)) > seen:
                fault.recovered_s = self.elapsed() - fault.at_s
                return
            time.sleep(0.2)

    def kill_processes(self, names: Sequence[str]) -> None:
        for name in names:
            self.kill_process(name)

    def kill_process(self, name: str) -> None:
        """SIGKILL it and all its copies."""
        for pid in self.running.keeper.pids(name):
            try:
                psutil.Process(pid).kill()
            except psutil.NoSuchProcess:
                continue
        self.forgive()

    def forgive(self) -> None:
        """Who was killed is no crash loop: it is started again after half a second, not later and later."""
        for slot in self.running.keeper._slots:
            slot.pause_s = 0.25

    def bounce(self, name: str, down_s: float = 0.0, meanwhile: Callable[[], None] | None = None) -> None:
        """End an engine without a chance to tidy up, and start it again after a while."""
        engine = getattr(self.running.engines, name)
        engine.crash() if name == "postgres" else engine.kill()
        self.over.wait(down_s or self.random.uniform(0.5, 3))
        if meanwhile:
            meanwhile()
        while True:
            try:
                engine.start()
            except EngineError:  # slow to come back on a busy machine; nothing works until it does
                continue
            return

    def s3_outage(self) -> None:
        """30 s no answer, then 10 s of 500 and 503; shorter in a short run."""
        scale = min(1.0, self.report.seconds / 300)
        self.note("S3 down", partial(self.bounce, "s3", 30 * scale, partial(self.s3_refuses, 10 * scale)))

    def s3_refuses(self, seconds: float) -> None:
        def refuse() -> None:
            server = ThreadingHTTPServer(("127.0.0.1", self.running.engines.s3.port), Refusing)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.over.wait(seconds)
            server.shutdown()
            server.server_close()

        self.note("S3 answers 500/503", refuse)

    def partner_down(self) -> None:
        self.partner.is_down = True
        self.over.wait(self.random.uniform(1, 4))
        self.partner.is_down = False

    # what an outside observer sees

    def verdict(self, told: Told) -> str:
        """Empty when all is as ordered; else what is wrong."""
        if not told.orders:
            return "" if self.is_whole(told.story_id) else "lost: pushed, and never whole at the desk"
        version, action = told.last
        try:
            story = self.running.call("publication", "GET", f"/stories/{told.story_id}")
        except web.WebError:
            return "lost: not on the site"
        state = {"publish": "live", "correct": "live", "kill": "killed"}[action]
        if (story["version"], story["state"]) != (max(version, story["version"]), state):
            return f"lost: {action} in version {version} was ordered, {story['state']} in {story['version']} stands"
        last = self.partner.last_of(story["url"])
        if last is None:
            return "lost: the partner never heard of it"
        return "" if last.version == version else f"stale: the partner's last is version {last.version} of {version}"

    def settle(self, progress: Progress) -> None:
        """Wait until nothing is wrong, SETTLE_S at most; what is wrong then is what the report says."""
        started = time.monotonic()
        wrong = {told.story_id: "not looked at in time" for told in self.told}
        task = progress.add_task("settling", total=len(wrong))
        while (wrong or self.ticks.left()) and time.monotonic() - started < SETTLE_S:
            for told in [told for told in self.told if told.story_id in wrong]:
                wrong[told.story_id] = self.verdict(told)
                if time.monotonic() - started > SETTLE_S:
                    break
            wrong = {story_id: why for story_id, why in wrong.items() if why}
            progress.update(task, completed=len(self.told) - len(wrong))
            self.forgive()
            time.sleep(0.2)
        self.report.settled_s = time.monotonic() - started
        for told in self.told:
            if why := wrong.get(told.story_id):
                (self.report.stale if "stale" in why else self.report.lost).append(f"{told}: {why}")
        self.count_webhooks()

    def count_webhooks(self) -> None:
        ids: dict[tuple[str, int], set[str]] = {}
        for one in self.partner.arrivals:
            ids.setdefault((one.uri, one.version), set()).add(one.webhook_id)
        self.report.doubled = [
            f"{uri} version {version}: {sorted(found)}" for (uri, version), found in ids.items() if len(found) > 1
        ]
        self.report.repeats = len(self.partner.arrivals) - sum(map(len, ids.values()))
        self.report.refused = self.partner.refused
        actions = Counter(action for told in self.told for _, action in told.orders)
        self.report.pushed, self.report.stories = len(self.told), sum(bool(told.orders) for told in self.told)
        self.report.orders = sum(actions.values())
        self.report.corrected, self.report.killed = actions["correct"], actions["kill"]
        self.report.photos = sum(told.has_photo for told in self.told)
        base = time.perf_counter() - self.elapsed()
        self.report.arrivals_at_s = [one.at - base for one in self.partner.arrivals]

    def count_small(self) -> None:
        counts = self.ticks.count()
        self.report.small_events, self.report.small_lost = int(counts["sent"]), int(counts["lost"])
        self.report.small_doubled, self.report.small_slowest_s = int(counts["doubled"]), counts["slowest_s"]
        self.report.small_lease_s = ticks.LEASE_S
        self.report.effects_at_s = [at - self.started_at for at in self.ticks.effects_at()]

    def count_celery(self) -> None:
        """Celery alone had as long to settle as we had."""
        done, lost = self.celery.done(), self.celery.lost()
        self.report.celery_sent, self.report.celery_lost = len(self.celery.sent_at), len(lost)
        self.report.celery_doubled = len(done) - len(set(done))
        harmful = [
            one
            for one in self.report.faults
            if one.name in ("FLUSHALL", "Valkey killed", "small events' worker killed")
        ]
        for number in lost:
            sent = self.celery.sent_at[number] - self.started_at
            after = [fault for fault in harmful if fault.at_s >= sent - 0.5]
            if after:
                min(after, key=lambda fault: fault.at_s).lost_by_celery += 1

    def count_ledger(self) -> None:
        """The one look inside: what is stuck, and how often messages were sent."""
        with psycopg.connect(self.running.engines.admin_url) as connection:
            self.report.stuck = [
                f"{state} at {consumer}: {count}, {reason}"
                for consumer, state, count, reason in connection.execute(
                    "SELECT consumer, state, count(*), max(reason) FROM ledger.delivery GROUP BY 1, 2"
                )
            ]
            self.report.deliveries, self.report.dispatches = connection.execute(
                "SELECT count(*), coalesce(sum(greatest(dispatches, 1)), 0)::bigint FROM ledger.history"
            ).fetchone()


def is_ready(line: dict[str, Any]) -> bool:
    """Of a line of the desk's list: tags proposed, and every photo rendered or refused."""
    return line["tags_known"] and line["images_ready"] + line["images_rejected"] >= line["images_total"]


class Refusing(BaseHTTPRequestHandler):
    """An S3 server that has a bad day."""

    def do_GET(self) -> None:
        self.send_response(random.choice([500, 503]))
        self.send_header("content-length", "0")
        self.send_header("connection", "close")
        self.end_headers()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Quiet."""


def keep_off_the_usual_ports(root: Path) -> None:
    """While an engine of ours is dead, another house on this machine would take its usual port, and ours never come back."""
    root.mkdir(parents=True)
    ports = Ports(root)
    for name in ("postgres", "valkey", *(f"api.{service}" for service in USUAL_API_PORTS)):
        ports.take(name, 0)
    ports.take("s3", 0, pair=True)
    ports.save()


def run(seconds: float, seed: int, stories: int, small: int, drivers: int = DRIVERS) -> Report:
    """Up to `stories` stories and `small` small events in `seconds`, then `SETTLE_S` at most to settle."""
    report = Report(seconds, seed, cpus=os.cpu_count() or 0)
    with tempfile.TemporaryDirectory() as folder, Progress(transient=True) as progress:
        task = progress.add_task("starting the house", total=seconds)
        out = Path(folder) / "celery.out"

        def more(engines: Any) -> list[Any]:
            ticks.Ticks(engines.admin_url).close()
            return ticks.processes(engines.admin_url, engines.valkey.url, out, TICKER_LIVES_S)

        keep_off_the_usual_ports(Path(folder) / "house")
        with driving.running_house(Path(folder) / "house", more) as running, driving.partner_of(running) as partner:
            chaos = Chaos(running, partner, report, stories, out)
            pace = small / 2 / seconds
            imps = [
                threading.Thread(target=one, daemon=True)
                for one in (chaos.break_processes, chaos.break_engines_then_stay, chaos.watch_the_desk)
            ]
            feeders = [
                threading.Thread(target=ticks.feed, args=(one.send, rate, chaos.over), daemon=True)
                for one, rate in ((chaos.ticks, pace), (chaos.celery, pace))
            ]
            threads = [threading.Thread(target=chaos.drive, daemon=True) for _ in range(drivers)]
            for thread in (*threads, *feeders, *imps):
                thread.start()
            while chaos.elapsed() < seconds:
                said = f"{len(chaos.told)} stories, {len(report.faults)} faults"
                progress.update(task, completed=chaos.elapsed(), description=said)
                time.sleep(0.5)
            chaos.over.set()
            chaos.calm.wait(120)
            for thread in (imps[0], *feeders, *threads):
                thread.join(120)
            chaos.settle(progress)
            with_photo = [told.story_id for told in chaos.told if told.has_photo]
            report.objects, report.orphans = find_orphans(running, with_photo)
            chaos.count_small()
            chaos.count_celery()
            chaos.count_ledger()
            chaos.ticks.close()
            chaos.counted.set()
    report.load = psutil.getloadavg()[0]
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--stories", type=int, default=2000)
    parser.add_argument("--small", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(".depesha/chaos"))
    parser.add_argument("--docs", type=Path, help="write chaos.md and chaos.svg there")
    arguments = parser.parse_args()
    report = run(arguments.seconds, arguments.seed, arguments.stories, arguments.small)
    console = Console()
    for table in tables(report):
        console.print(table)
    for line in (*report.lost, *report.stale, *report.doubled, *report.stuck):
        console.print(line)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "report.json").write_text(json.dumps(report.__dict__, default=lambda fault: fault.__dict__))
    if arguments.docs:
        (arguments.docs / "chaos.md").write_text(page(report), encoding="utf-8")
        (arguments.docs / "chaos.svg").write_text(svg(report), encoding="utf-8")
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
