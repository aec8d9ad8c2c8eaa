"""One process that runs under the supervisor: what it is handed, what it says, whether it is ready, how it ends."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from chassis import handover
from stack.house import Process
from stack.processes import kill_tree, remember

QUIET_FIELDS = ("timestamp", "level", "message", "service", "library")

Show = Callable[[str, str, str], None]
"""(service, level, line): called for every log line."""


class Child:
    """Started at once. The thread that makes it must live as long as it does: the kernel watches the thread."""

    def __init__(self, process: Process, root: Path, show: Show, listening: socket.socket | None = None) -> None:
        self._process = process
        self._root = root
        self._show = show
        self._ready, ready_end = os.pipe()
        os.set_blocking(self._ready, False)
        handed = {handover.READY: ready_end} | ({handover.LISTEN: listening.fileno()} if listening else {})
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DEPESHA_")}
        self._popen = subprocess.Popen(
            process.command,
            env={**inherited, **process.environment, **{name: str(fd) for name, fd in handed.items()}},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=tuple(handed.values()),
            start_new_session=True,  # Ctrl-C in the terminal reaches us alone; we end them in order
        )
        os.close(ready_end)
        self.pid = self._popen.pid
        self.started_at = time.monotonic()
        self.last_words = ""
        self._is_ready = False
        self._pid_file = root / f"{process.name}.{self.pid}.pid"
        remember(self._pid_file, self.pid)
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def is_ready(self) -> bool:
        """Whether it has said so."""
        if not self._is_ready and self._ready >= 0:
            try:
                self._is_ready = bool(os.read(self._ready, 16))
            except BlockingIOError:
                return False
        return self._is_ready

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    @property
    def farewell(self) -> str:
        """Its last words, where it ended badly."""
        return f" It said last: {self.last_words}" if self.last_words and self.exit_code else ""

    def ask_to_end(self) -> None:
        if self.exit_code is None:
            self._popen.terminate()

    def end(self, within_s: float = 0.01) -> None:
        """Wait for its end, force it after that time, and forget it."""
        try:
            self._popen.wait(max(within_s, 0.01))
        except subprocess.TimeoutExpired:
            kill_tree(self.pid)
            self._popen.wait()
        self._pid_file.unlink(missing_ok=True)
        if self._ready >= 0:
            os.close(self._ready)
            self._ready = -1

    def _read(self) -> None:
        with self._popen, (self._root / "logs" / f"{self._process.name}.log").open("ab") as log_file:
            for line in self._popen.stdout or ():
                log_file.write(line)
                log_file.flush()
                level, text = readable(line.decode(errors="replace").rstrip())
                self.last_words = text or self.last_words
                self._show(self._process.service, level, text)


def end_all(children: Sequence[Child], grace_s: float) -> None:
    """Ask all, wait for their grace time, end them by force after it."""
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + grace_s
    for child in children:
        child.end(deadline - time.monotonic())


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
