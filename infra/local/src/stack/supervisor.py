"""Keeps the house's processes running: starts them, restarts those that die, scales them, replaces them, stops them.

Our own two hundred lines: honcho ends all when one dies, and circus neither runs beside other work in a process (its threaded
arbiter calls what Python 3.9 removed) nor knows of loops that it did not make.
"""

import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from chassis import restarting
from chassis.restarting import Outcome
from chassis.scaling import read_scale
from stack.child import Child, Show, end_all
from stack.house import Process
from stack.processes import EngineError

GRACE_S = 8
"""For the end of the whole house."""
LEAVE_WITHIN_S = 120.0
"""For one that is no longer wanted while others go on: it finishes what it has in hand."""
READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.25
LONGEST_PAUSE_S = 15.0
LIVES_WELL_AFTER_S = 20.0
BACKLOG = 1024
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


@dataclass
class Slot:
    """One copy of a process that is wanted. `pause_s` grows while it keeps dying young; `heir` is to take its place."""

    process: Process
    child: Child | None = None
    heir: Child | None = None
    wish: str = ""
    """The restart that its child came with or after."""
    start_at: float = 0.0
    pause_s: float = 0.5

    @property
    def children(self) -> list[Child]:
        return [child for child in (self.child, self.heir) if child]


@dataclass(frozen=True)
class Leaving:
    """It was asked to end, and others work in its stead."""

    name: str
    child: Child
    until: float


class Supervisor:
    """Runs processes as children of this one, watched by a thread."""

    def __init__(self, processes: Sequence[Process], root: Path, show: Show) -> None:
        (root / "logs").mkdir(parents=True, exist_ok=True)
        restarting.forget(root)
        self._root = root
        self._show = show
        self._processes = {process.name: process for process in processes}
        self._sockets: dict[str, socket.socket] = {}
        self._slots: list[Slot] = []
        self._leaving: list[Leaving] = []
        self._told: dict[str, Outcome] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._keep_watch, name="supervisor", daemon=True)
        (root / "processes.json").write_text(json.dumps(sorted(self._processes)))

    def start(self) -> None:
        """Raises EngineError where a port was taken meanwhile."""
        self._look()
        self._watch.start()

    def stop(self) -> None:
        """Ask all to end, wait for their grace time, end them by force after it."""
        self._stopping.set()
        self._watch.join()
        with self._lock:
            for name, outcome in self._told.items():
                if not outcome.is_over:
                    restarting.tell(self._root, name, Outcome(outcome.wish, is_over=True, trouble="the house stops"))
            end_all(
                [child for slot in self._slots for child in slot.children] + [one.child for one in self._leaving],
                GRACE_S,
            )
            self._slots.clear()
            self._leaving.clear()
            for name in list(self._sockets):
                self._sockets.pop(name).close()

    def pids(self, name: str = "") -> list[int]:
        with self._lock:
            return [slot.child.pid for slot in self._slots if slot.child and name in ("", slot.process.name)]

    def _keep_watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self._look()
            except EngineError as error:  # a stranger has the port of what is wanted again
                self._show("stack", "error", str(error))

    def _look(self) -> None:
        """Have as many copies of each process as are wanted; start again those that died, after a pause; replace some on a wish."""
        wanted, wishes = read_scale(self._root), restarting.wishes(self._root)
        with self._lock:
            for name, process in self._processes.items():
                self._count(process, wanted.get(name, 1))
            for slot in self._slots:
                self._care_for(slot, wishes.get(slot.process.name, ""))
            for name in wishes.keys() & self._processes.keys():
                self._turn_over(name, wishes[name])
            self._see_off()
        restarting.show_life(self._root)

    def _count(self, process: Process, count: int) -> None:
        self._listen(process, is_wanted=count > 0)
        slots = [slot for slot in self._slots if slot.process is process]
        self._slots += [Slot(process) for _ in range(count - len(slots))]
        for slot in slots[count:]:
            self._slots.remove(slot)
            for child in slot.children:
                self._let_go(process.name, child)

    def _listen(self, process: Process, *, is_wanted: bool) -> None:
        """Its socket is ours, so that connections wait in the kernel while nobody accepts them. Nobody wanted: nobody waits."""
        if not process.port or is_wanted == (process.name in self._sockets):
            return
        if not is_wanted:
            self._sockets.pop(process.name).close()
            return
        try:
            self._sockets[process.name] = socket.create_server(("127.0.0.1", process.port), backlog=BACKLOG)
        except OSError as error:
            raise EngineError(f"{process.name}: port {process.port} cannot be had: {error}") from None

    def _care_for(self, slot: Slot, wish: str) -> None:
        now = time.monotonic()
        if slot.child is not None and slot.child.exit_code is not None:
            lived_s = now - slot.child.started_at
            slot.pause_s = 0.5 if lived_s > LIVES_WELL_AFTER_S else min(slot.pause_s * 2, LONGEST_PAUSE_S)
            slot.start_at = now + slot.pause_s
            self._show(
                slot.process.service,
                "warning",
                f"{slot.process.name} ended ({slot.child.exit_code}) and is started again in {slot.pause_s:.1f} s.{slot.child.farewell}",
            )
            slot.child.end()
            slot.child = None
        if slot.child is None and now >= slot.start_at and not self._stopping.is_set():
            slot.child, slot.wish = self._start(slot.process), wish

    def _start(self, process: Process) -> Child:
        return Child(process, self._root, self._show, self._sockets.get(process.name))

    def _turn_over(self, name: str, wish: str) -> None:
        """Replace copies one after another; tell how far it is."""
        behind = [slot for slot in self._slots if slot.process.name == name and slot.wish != wish]
        trouble = self._replace(behind[0], wish) if behind else ""
        if trouble:
            for slot in behind:
                slot.wish = wish
        known = self._told.get(name)
        if known is not None and known.wish == wish and known.is_over:
            return
        is_over = bool(trouble) or (not behind and all(one.name != name for one in self._leaving))
        outcome = Outcome(wish, is_over, trouble)
        if outcome != known:
            restarting.tell(self._root, name, outcome)
            self._told[name] = outcome

    def _replace(self, slot: Slot, wish: str) -> str:
        """One step of it. Returns why there will be no heir, if so."""
        if not slot.process.tells_ready:  # two of it cannot be at once
            slot.wish = wish
            if slot.child:
                slot.child.ask_to_end()
            return ""
        if slot.heir is None:
            slot.heir = self._start(slot.process)
        if slot.heir.is_ready:
            if slot.child:
                self._let_go(slot.process.name, slot.child)
            slot.child, slot.heir, slot.wish = slot.heir, None, wish
            return ""
        if slot.heir.exit_code is not None:
            reason = f"the new one ended ({slot.heir.exit_code}).{slot.heir.farewell}"
        elif time.monotonic() > slot.heir.started_at + READY_WITHIN_S:
            reason = f"the new one was not ready within {READY_WITHIN_S:g} s"
        else:
            return ""
        slot.heir.end()
        slot.heir = None
        return reason

    def _let_go(self, name: str, child: Child) -> None:
        child.ask_to_end()
        self._leaving.append(Leaving(name, child, time.monotonic() + LEAVE_WITHIN_S))

    def _see_off(self) -> None:
        gone = [one for one in self._leaving if one.child.exit_code is not None or time.monotonic() > one.until]
        for one in gone:
            one.child.end()
            self._leaving.remove(one)


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
