"""Keeps the house's processes running with circus: starts, restarts those that die, scales, stops. Their logs go by here."""

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from circus import get_arbiter
from circus.client import CircusClient

from stack.house import Process

GRACE_S = 8
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


class Supervisor:
    """Runs processes in the background of this one."""

    def __init__(self, processes: Sequence[Process], root: Path, show: Show) -> None:
        (root / "logs").mkdir(parents=True, exist_ok=True)
        self._root = root
        self._show = show
        self._endpoint = endpoint(root)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DEPESHA_")}
        self._arbiter = get_arbiter(
            [
                {
                    "name": process.name,
                    "cmd": process.command[0],
                    "args": list(process.command[1:]),
                    "env": {**inherited, **process.environment},
                    "copy_env": False,
                    "shell": False,
                    "use_sockets": False,
                    "numprocesses": 1,
                    "respawn": True,
                    "max_retry": -1,
                    "graceful_timeout": GRACE_S,
                    "stdout_stream": {"class": self._stream(process.name)},
                    "stderr_stream": {"class": self._stream(process.name)},
                }
                for process in processes
            ],
            controller=self._endpoint,
            pubsub_endpoint=f"ipc://{root}/circus-events.sock",
            background=True,
            loglevel="CRITICAL",
            check_delay=0.5,
        )

    def start(self) -> None:
        self._arbiter.start()

    def stop(self) -> None:
        """Ask all to end, wait for their grace time, end them by force after it."""
        self._arbiter.stop()
        deadline = time.monotonic() + GRACE_S + 5
        while self.pids() and time.monotonic() < deadline:
            time.sleep(0.1)

    def pids(self) -> list[int]:
        return [pid for watcher in self._arbiter.watchers for pid in list(watcher.processes)]

    def _stream(self, name: str) -> type:
        service = name.partition("-")[0]
        log_file = (self._root / "logs" / f"{name}.log").open("a", encoding="utf-8")
        show = self._show
        lock = threading.Lock()

        class Stream:
            def __init__(self, **_: Any) -> None:  # noqa: ANN401 - circus passes what it likes
                self._rest = ""

            def __call__(self, data: dict[str, Any]) -> None:
                text = self._rest + data["data"].decode(errors="replace")
                *lines, self._rest = text.split("\n")
                with lock:
                    for line in lines:
                        if line.strip():
                            log_file.write(line + "\n")
                            show(service, *readable(line))
                    log_file.flush()

            def close(self) -> None:
                log_file.flush()

        return Stream


def endpoint(root: Path) -> str:
    return f"ipc://{root}/circus.sock"


def scale(root: Path, name: str, count: int) -> None:
    """Have `count` processes of that name in the running house.

    Raises:
        LookupError: the house does not run, or has no such process; the message names those it has.

    """
    client = CircusClient(endpoint=endpoint(root), timeout=5)
    try:
        answer = client.send_message("set", name=name, options={"numprocesses": count})
        if answer.get("status") != "ok":
            names = ", ".join(sorted(client.send_message("list").get("watchers", [])))
            raise LookupError(f"no process {name!r}; there are: {names}")
    finally:
        client.stop()


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
