"""Keeps the house's processes running: starts them, restarts those that die, scales them, stops them. Their logs go by here.

Our own hundred lines: honcho ends all when one dies, and circus neither runs beside other work in a process (its threaded
arbiter calls what Python 3.9 removed) nor knows of loops that it did not make.
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from chassis.scaling import read_scale
from stack.house import Process
from stack.processes import kill_tree, remember

GRACE_S = 8
LOOK_EVERY_S = 0.25
LONGEST_PAUSE_S = 15.0
LIVES_WELL_AFTER_S = 20.0
COLOURS = {
    "desk": "magenta",
    "ingestion": "green",
    "imaging": "cyan",
    "tagging": "yellow",
    "publication": "blue",
    "delivery": "bright_red",
    "relay": "white",
    "partner": "bright_black",
}
QUIET_FIELDS = ("timestamp", "level", "message", "service", "library")

Show = Callable[[str, str, str], None]
"""(service, level, line): called for every log line."""


@dataclass
class Slot:
    """One running copy of a process. `pause_s` grows while it keeps dying young."""

    process: Process
    child: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    pause_s: float = 0.5
    last_words: str = ""


class Supervisor:
    """Runs processes as children of this one, watched by a thread."""

    def __init__(self, processes: Sequence[Process], root: Path, show: Show) -> None:
        (root / "logs").mkdir(parents=True, exist_ok=True)
        self._root = root
        self._show = show
        self._processes = {process.name: process for process in processes}
        self._slots: list[Slot] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._keep_watch, name="supervisor", daemon=True)
        (root / "processes.json").write_text(json.dumps(sorted(self._processes)))

    def start(self) -> None:
        self._look()
        self._watch.start()

    def stop(self) -> None:
        """Ask all to end, wait for their grace time, end them by force after it."""
        self._stopping.set()
        self._watch.join()
        with self._lock:
            self._end([slot for slot in self._slots if slot.child])
            self._slots.clear()

    def pids(self, name: str = "") -> list[int]:
        with self._lock:
            return [slot.child.pid for slot in self._slots if slot.child and name in ("", slot.process.name)]

    def _keep_watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        """Have as many copies of each process as are wanted; start again those that died, after a pause."""
        wanted = read_scale(self._root)
        with self._lock:
            for name, process in self._processes.items():
                slots = [slot for slot in self._slots if slot.process.name == name]
                count = wanted.get(name, 1)
                self._slots += [Slot(process) for _ in range(count - len(slots))]
                surplus = slots[count:]
                self._slots = [slot for slot in self._slots if slot not in surplus]
                self._end([slot for slot in surplus if slot.child])
            for slot in self._slots:
                self._care_for(slot)

    def _care_for(self, slot: Slot) -> None:
        now = time.monotonic()
        if slot.child is not None and slot.child.poll() is not None:
            slot.pause_s = 0.5 if now - slot.started_at > LIVES_WELL_AFTER_S else min(slot.pause_s * 2, LONGEST_PAUSE_S)
            slot.start_at = now + slot.pause_s
            said = f" It said last: {slot.last_words}" if slot.last_words and slot.child.returncode else ""
            self._show(
                slot.process.service,
                "warning",
                f"{slot.process.name} ended ({slot.child.returncode}) and is started again in {slot.pause_s:.1f} s.{said}",
            )
            self._pid_file(slot.process.name, slot.child).unlink(missing_ok=True)
            slot.child = None
        if slot.child is None and now >= slot.start_at and not self._stopping.is_set():
            self._start(slot)

    def _start(self, slot: Slot) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DEPESHA_")}
        slot.child = subprocess.Popen(
            slot.process.command,
            env={**inherited, **slot.process.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal reaches us alone; we end them in order
        )
        slot.started_at = time.monotonic()
        remember(self._pid_file(slot.process.name, slot.child), slot.child.pid)
        threading.Thread(target=self._read, args=(slot, slot.child), daemon=True).start()

    def _pid_file(self, name: str, child: subprocess.Popen[bytes]) -> Path:
        return self._root / f"{name}.{child.pid}.pid"

    def _end(self, slots: Sequence[Slot]) -> None:
        children = [(slot.process.name, slot.child) for slot in slots if slot.child]
        for _, child in children:
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + GRACE_S
        for name, child in children:
            try:
                child.wait(max(deadline - time.monotonic(), 0.01))
            except subprocess.TimeoutExpired:
                kill_tree(child.pid)
                child.wait()
            self._pid_file(name, child).unlink(missing_ok=True)

    def _read(self, slot: Slot, child: subprocess.Popen[bytes]) -> None:
        with child, (self._root / "logs" / f"{slot.process.name}.log").open("ab") as log_file:
            for line in child.stdout or ():
                log_file.write(line)
                log_file.flush()
                level, text = readable(line.decode(errors="replace").rstrip())
                slot.last_words = text or slot.last_words
                self._show(slot.process.service, level, text)


def readable(line: str) -> tuple[str, str]:
    """(level, text for a person) of a JSON log line; other lines stay as they are."""
    try:
        fact = json.loads(line)
    except ValueError:
        return "info", line
    if not isinstance(fact, dict):
        return "info", line
    details = " ".join(f"{name}={value}" for name, value in fact.items() if name not in QUIET_FIELDS)
    return str(
        fact.get("level", "info")
    ), f"{str(fact.get('timestamp', ''))[11:19]} {fact.get('message', '')} {details}".strip()


def resident_bytes(pids: Sequence[int]) -> int:
    """Memory of these processes and their children, shared pages counted once where the system tells (PSS)."""
    seen: dict[int, psutil.Process] = {}
    for pid in pids:
        try:
            process = psutil.Process(pid)
            seen[pid] = process
            seen.update((child.pid, child) for child in process.children(recursive=True))
        except psutil.NoSuchProcess:
            continue
    return sum(_resident(process) for process in seen.values())


def _resident(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
