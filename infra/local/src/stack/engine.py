"""What the three engines have in common: a server process that can be started, waited for, stopped and killed."""

import importlib.util
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from stack.processes import STOP_WITHIN_S, EngineError, die_with_parent, kill_tree, remember, wait_until

ENGINE_READY_WITHIN_S = 120
"""As long as it lives it may take so long: PostgreSQL that was not stopped cleanly reads its log first, on a busy disk for a minute."""

LEFTOVERS_GO_WITHIN_S = 20
"""PostgreSQL's children outlive it for a moment and keep its memory."""


def folder_of(package: str) -> Path:
    """Where a wheel lies; importing these two has side effects and takes long."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EngineError(f"the package {package} is not installed: run make setup")
    return Path(spec.origin).parent


@dataclass
class Engine(ABC):
    """One server process. Its log is `<name>.log` in the data folder, its pid and start time in `<name>.pid`."""

    name: str
    root: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    last_signal: ClassVar[str] = "TERM"
    """What it gets when we die."""
    stop_within_s: ClassVar[float] = STOP_WITHIN_S
    """Then it is ended by force."""
    environment: ClassVar[dict[str, str]] = {}
    """What it reads besides its arguments."""

    @property
    def folder(self) -> Path:
        return self.root / self.name

    @property
    def pid_file(self) -> Path:
        return self.root / f"{self.name}.pid"

    @property
    def log_file(self) -> Path:
        return self.root / f"{self.name}.log"

    @abstractmethod
    def command(self) -> list[str]: ...

    def prepare(self) -> None:
        """Make what the first start needs."""
        self.folder.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def is_ready(self) -> bool: ...

    def start(self) -> None:
        """Start and wait until it answers. The thread that calls this must live as long as the engine is to live.

        Raises:
            EngineError: it does not, within ENGINE_READY_WITHIN_S.

        """
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start, and do not wait."""
        self.prepare()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                die_with_parent(self.command(), self.last_signal),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env={**os.environ, **self.environment},
            )
        remember(self.pid_file, self.process.pid)

    def wait(self) -> None:
        """Until it answers.

        Raises:
            EngineError: it does not, within ENGINE_READY_WITHIN_S.

        """
        try:
            wait_until(
                self.is_ready,
                f"{self.name} on port {self.port}",
                timeout_s=ENGINE_READY_WITHIN_S,
                alive=lambda: self.process is not None and self.process.poll() is None,
            )
        except TimeoutError as error:
            self.kill()
            tail = self.log_file.read_text(errors="replace")[-2000:]
            raise EngineError(f"{error}; its log ends with:\n{tail}") from None

    def start_again(self) -> None:
        """After it has ended by itself. What it left may still be going: it is tried for LEFTOVERS_GO_WITHIN_S.

        Raises:
            EngineError: it does not start.

        """
        self.kill()
        ends_at = time.monotonic() + LEFTOVERS_GO_WITHIN_S
        while True:
            try:
                self.start()
            except EngineError:
                if time.monotonic() > ends_at:
                    raise
                time.sleep(0.5)
            else:
                return

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it cleanly; by force after `stop_within_s`."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(self.stop_within_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL it and its children: what a power cut looks like."""
        if self.process is None:
            return
        kill_tree(self.process.pid)
        self.process.wait()
        self.process = None
        self.pid_file.unlink(missing_ok=True)
