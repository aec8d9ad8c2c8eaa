"""`make chaos`: stories go through the house while its processes and engines are killed; an outside observer counts what is lost.

The observer reads HTTP doors, the site and what the partner received, never our tables. Accounting after Jepsen's total-queue:
every acknowledged order must take effect, once, and the newest must stand last.
"""

import argparse
import importlib.util
import json
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pyvips
import redis
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from stack.demo import web
from stack.processes import EngineError

HERE = Path(__file__).resolve().parent
SETTLE_S = 60


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


driving = _load("driving", HERE.parent / "support" / "driving.py")


@dataclass
class Told:
    """What we ordered of one story, as far as it was acknowledged."""

    story_id: str
    orders: list[tuple[int, str]] = field(default_factory=list)

    @property
    def last(self) -> tuple[int, str]:
        return self.orders[-1]


@dataclass
class Fault:
    at_s: float
    name: str
    recovered_s: float | None = None


@dataclass
class Report:
    seconds: float
    seed: int
    stories: int = 0
    orders: int = 0
    lost: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeats: int = 0
    refused: int = 0
    settled_s: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    arrivals_at_s: list[float] = field(default_factory=list)
    cpu_load: float = 0.0

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.stale or self.doubled or self.refused)


class Chaos:
    """One run: drivers push and order, the imp breaks things, the observer checks at the end."""

    def __init__(self, running: Any, partner: Any, report: Report) -> None:
        self.running = running
        self.partner = partner
        self.report = report
        self.random = random.Random(report.seed)
        self.started = time.monotonic()
        self.told: list[Told] = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.engine_lock = threading.Lock()
        noise = pyvips.Image.gaussnoise(640, 480, sigma=20, mean=120).gaussblur(6).cast("uchar")
        self.photo = noise.bandjoin([noise, noise]).copy(interpretation="srgb").jpegsave_buffer()

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    # what editors and sources do

    def drive(self, number: int) -> None:
        chance = random.Random(self.report.seed * 1000 + number)
        folder = Path(tempfile.mkdtemp())
        photo = folder / "photo.jpg"
        photo.write_bytes(self.photo + bytes([number % 256]))
        while not self.over.is_set():
            told = self.push(photo if chance.random() < 1 / 3 else None)
            if told is None:
                continue
            actions = ["publish"]
            actions += ["correct"] if chance.random() < 0.2 else []
            actions += ["kill"] if chance.random() < 0.05 else []
            for action in actions:
                self.order(told, action)

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
        told = Told(answer["story_id"])
        path = f"/api/stories/{told.story_id}"
        shown = self.insist(lambda: self.running.call("desk", "GET", path), driving.is_whole)
        return told if shown is not None else None

    def order(self, told: Told, action: str) -> None:
        """Ordered until acknowledged. A lost answer is settled by asking which versions the desk knows."""
        path = f"/api/stories/{told.story_id}/releases"
        body = {
            "action": action,
            **({"reason": "проверка"} if action == "kill" else {}),
            **({"correction_note": "Уточнено."} if action == "correct" else {}),
        }
        before = told.orders[-1][0] if told.orders else 0

        def give() -> Any:
            known = [one for one in self.running.call("desk", "GET", path)["releases"] if one["version"] > before]
            return {"version": known[0]["version"]} if known else self.running.call("desk", "POST", path, body)

        answer = self.insist(give)
        if answer is None:
            return
        told.orders.append((answer["version"], action))
        with self.lock:
            if told not in self.told:
                self.told.append(told)

    def insist(self, ask: Callable[[], Any], is_good: Callable[[Any], bool] = lambda _: True) -> Any:
        """As a patient client: again over any failure until it works, or the run is over for good."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                answer = ask()
            except (web.WebError, OSError):
                if self.over.wait(0.2):
                    deadline = min(deadline, time.monotonic() + 10)
                continue
            if is_good(answer):
                return answer
            time.sleep(0.1)
        return None

    # what breaks

    def faults(self) -> dict[str, Callable[[], None]]:
        return {
            "worker killed": self.kill_worker,
            "worker killed again": self.kill_worker,
            "worker killed once more": self.kill_worker,
            "relay killed": lambda: self.kill_process("relay"),
            "API killed": lambda: self.kill_process(
                self.random.choice(["desk-api", "ingestion-api", "publication-api", "delivery-api"])
            ),
            "FLUSHALL": lambda: redis.Redis.from_url(self.running.engines.valkey.url).flushall(),
            "Valkey killed": lambda: self.bounce("valkey", kill=True),
            "PostgreSQL crashed": lambda: self.bounce("postgres"),
            "S3 killed": lambda: self.bounce("s3", kill=True),
            "partner down": self.partner_down,
        }

    def kill_worker(self) -> None:
        self.kill_process(self.random.choice(["imaging", "tagging", "desk", "publication", "delivery"]) + "-worker")

    def kill_process(self, name: str) -> None:
        for pid in self.running.keeper.pids(name):
            try:
                psutil.Process(pid).kill()
            except psutil.NoSuchProcess:
                continue

    def bounce(self, name: str, *, kill: bool = False) -> None:
        engine = getattr(self.running.engines, name)
        with self.engine_lock:
            engine.kill() if kill else engine.crash()
            self.over.wait(self.random.uniform(0.5, 3))
            while True:
                try:
                    engine.start()
                except EngineError:  # slow to come back on a busy machine; nothing works until it does
                    continue
                return

    def partner_down(self) -> None:
        self.partner.is_down = True
        self.over.wait(self.random.uniform(1, 4))
        self.partner.is_down = False

    def break_things(self) -> None:
        faults = self.faults()
        while not self.over.wait(2):
            name = self.random.choice(list(faults))
            fault = Fault(self.elapsed(), name.removesuffix(" again").removesuffix(" once more"))
            self.report.faults.append(fault)
            faults[name]()
            waiter = threading.Thread(target=self.note_recovery, args=(fault, len(self.partner.arrivals)), daemon=True)
            waiter.start()

    def note_recovery(self, fault: Fault, arrivals: int) -> None:
        """Recovered: the partner hears something new again."""
        try:
            driving.wait_until(lambda: len(self.partner.arrivals) > arrivals, "news at the partner", timeout_s=60)
        except TimeoutError:
            return
        fault.recovered_s = self.elapsed() - fault.at_s

    # what an outside observer sees

    def verdict(self, told: Told) -> str:
        """Empty when all is as ordered; else what is wrong."""
        version, action = told.last
        try:
            story = self.running.call("publication", "GET", f"/stories/{told.story_id}")
        except web.WebError:
            return "lost: not on the site"
        state = {"publish": "live", "correct": "live", "kill": "killed"}[action]
        if story["version"] < version:
            return f"lost: version {version} was ordered, {story['version']} stands"
        if story["state"] != state:
            return f"lost: {action} was ordered, the site says {story['state']}"
        last = self.partner.last_of(story["url"])
        if last is None:
            return "lost: the partner never heard of it"
        if last.version != version:
            return f"stale: the partner's last is version {last.version} of {version}"
        return ""

    def settle(self, progress: Progress) -> None:
        """Wait until nothing is wrong, SETTLE_S at most; what is wrong then is what the report says."""
        started = time.monotonic()
        wrong = list(self.told)
        task = progress.add_task("settling", total=len(wrong))
        while wrong and time.monotonic() - started < SETTLE_S:
            wrong = [told for told in wrong if self.verdict(told)]
            progress.update(task, completed=len(self.told) - len(wrong))
            time.sleep(0.5)
        self.report.settled_s = time.monotonic() - started
        for told in wrong:
            said = f"{told.story_id} {told.orders}: {self.verdict(told)}"
            (self.report.stale if "stale" in said else self.report.lost).append(said)
        self.count_webhooks()

    def count_webhooks(self) -> None:
        ids: dict[tuple[str, int], set[str]] = {}
        for one in self.partner.arrivals:
            ids.setdefault((one.uri, one.version), set()).add(one.webhook_id)
        self.report.doubled = [
            f"{uri} version {version}: {sorted(found)}" for (uri, version), found in ids.items() if len(found) > 1
        ]
        self.report.repeats = len(self.partner.arrivals) - len(ids)
        self.report.refused = self.partner.refused
        self.report.stories, self.report.orders = len(self.told), sum(len(told.orders) for told in self.told)
        base = time.perf_counter() - self.elapsed()
        self.report.arrivals_at_s = [one.at - base for one in self.partner.arrivals]


def run(seconds: float, seed: int, drivers: int = 4) -> Report:
    report = Report(seconds, seed)
    with tempfile.TemporaryDirectory() as folder, Progress(transient=True) as progress:
        task = progress.add_task("starting the house", total=seconds)
        with driving.running_house(Path(folder) / "house") as running, driving.partner_of(running) as partner:
            chaos = Chaos(running, partner, report)
            threads = [threading.Thread(target=chaos.drive, args=(number,), daemon=True) for number in range(drivers)]
            imp = threading.Thread(target=chaos.break_things, daemon=True)
            for thread in (*threads, imp):
                thread.start()
            while chaos.elapsed() < seconds:
                progress.update(
                    task,
                    completed=chaos.elapsed(),
                    description=f"{len(chaos.told)} stories, {len(report.faults)} faults",
                )
                time.sleep(0.5)
            chaos.over.set()
            for thread in (imp, *threads):
                thread.join(120)
            partner.is_down = False
            chaos.settle(progress)
    report.cpu_load = psutil.getloadavg()[0]
    return report


def table(report: Report) -> Table:
    by_fault: dict[str, list[float]] = {}
    counts = Counter(fault.name for fault in report.faults)
    for fault in report.faults:
        if fault.recovered_s is not None:
            by_fault.setdefault(fault.name, []).append(fault.recovered_s)
    shown = Table("fault", "times", "median until news again", "longest", title="Faults")
    for name, count in counts.most_common():
        values = sorted(by_fault.get(name, []))
        shown.add_row(
            name,
            str(count),
            f"{values[len(values) // 2]:.1f} s" if values else "",
            f"{values[-1]:.1f} s" if values else "",
        )
    return shown


def svg(report: Report, width: int = 960, height: int = 260) -> str:
    """Webhooks a second over time, with the faults marked below."""
    bins = [0] * (int(report.seconds) + 1)
    for at in report.arrivals_at_s:
        if 0 <= at < len(bins):
            bins[int(at)] += 1
    top = max([*bins, 1])
    step = (width - 60) / max(len(bins), 1)
    bars = "".join(
        f'<rect x="{50 + place * step:.1f}" y="{200 - 170 * count / top:.1f}" width="{max(step - 0.5, 0.5):.1f}" height="{170 * count / top:.1f}"/>'
        for place, count in enumerate(bins)
    )
    colours = {
        "PostgreSQL crashed": "#b3261e",
        "S3 killed": "#8a4fbe",
        "Valkey killed": "#c77700",
        "FLUSHALL": "#c77700",
        "partner down": "#00796b",
    }
    marks = "".join(
        f'<line x1="{50 + fault.at_s * step:.1f}" x2="{50 + fault.at_s * step:.1f}" y1="206" y2="220" stroke="{colours.get(fault.name, "#777")}" stroke-width="2"><title>{fault.name}</title></line>'
        for fault in report.faults
    )
    legend = "".join(
        f'<text x="{50 + 150 * place}" y="246" fill="{colour}">| {name}</text>'
        for place, (name, colour) in enumerate([*colours.items(), ("process killed", "#777")])
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="50" y="18">webhooks a second at the partner, and faults</text><text x="44" y="36" text-anchor="end">{top}</text><text x="44" y="200" text-anchor="end">0</text>'
        f'<g fill="#3b6ea5">{bars}</g><line x1="50" x2="{width - 10}" y1="200" y2="200" stroke="#444"/>{marks}{legend}</svg>'
    )


def page(report: Report) -> str:
    lines = [
        "# Chaos",
        "",
        f"Written by `make chaos` ({report.seconds:.0f} s, seed {report.seed}; load at the end {report.cpu_load:.1f}). Stories, one in three with a photo, one in five corrected,",
        "one in twenty killed, went through the embedded house while a fault fired about every two seconds. An observer that reads only HTTP doors, the",
        "site and what a partner received counted:",
        "",
        "| | |",
        "|---|---|",
        f"| stories published | {report.stories} |",
        f"| orders acknowledged | {report.orders} |",
        f"| faults | {len(report.faults)} |",
        f"| **lost** | {len(report.lost)} |",
        f"| **stale at the partner** | {len(report.stale)} |",
        f"| **doubled** (one version under two webhook-ids) | {len(report.doubled)} |",
        f"| repeats under the same webhook-id (allowed) | {report.repeats} |",
        f"| webhooks that did not verify | {report.refused} |",
        f"| settled after the last fault | {report.settled_s:.1f} s |",
        "",
        "![webhooks a second and faults](chaos.svg)",
        "",
        "| fault | times | median until the partner heard news again |",
        "|---|---|---|",
    ]
    for name, count in Counter(fault.name for fault in report.faults).most_common():
        values = sorted(
            fault.recovered_s for fault in report.faults if fault.name == name and fault.recovered_s is not None
        )
        lines.append(f"| {name} | {count} | {f'{values[len(values) // 2]:.1f} s' if values else ''} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--docs", type=Path, help="write chaos.md and chaos.svg there")
    arguments = parser.parse_args()
    report = run(arguments.seconds, arguments.seed)
    console = Console()
    console.print(table(report))
    console.print(
        f"{report.stories} stories, {report.orders} orders, {len(report.faults)} faults: lost {len(report.lost)}, stale {len(report.stale)}, doubled {len(report.doubled)}, repeats {report.repeats}, settled in {report.settled_s:.1f} s"
    )
    for line in (*report.lost, *report.stale, *report.doubled):
        console.print(line)
    out = Path(".depesha/chaos")
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report.__dict__, default=lambda fault: fault.__dict__))
    if arguments.docs:
        (arguments.docs / "chaos.md").write_text(page(report), encoding="utf-8")
        (arguments.docs / "chaos.svg").write_text(svg(report), encoding="utf-8")
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
