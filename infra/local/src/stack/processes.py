"""How the programs we start are held: none outlives us, none is mistaken for another, PostgreSQL is never root."""

import json
import os
import pwd
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

STOP_WITHIN_S = 15
READY_WITHIN_S = 30
CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}
"""Either lets a process walk folders that are closed to it; the milder first. Numbers from linux/capability.h."""
KEEP_POWERS = ("setpcap", 8)
"""What it takes to set the secure bit below; from linux/capability.h, too."""


class EngineError(Exception):
    """An engine did not start; the message says why, and holds the end of its log where there is one."""


def die_with_parent(command: list[str], last_signal: str = "TERM") -> list[str]:
    """On Linux the kernel sends `last_signal` to the child when the thread that started it ends, however it ends.

    Elsewhere the pid files have to do: `end_leftovers` at the next start.
    """
    if not sys.platform.startswith("linux") or not shutil.which("setpriv"):
        return command
    rest = command[1:] if command[0] == "setpriv" else command
    return ["setpriv", "--pdeathsig", last_signal, *rest]


def as_nobody(command: list[str], *places: Path) -> list[str]:
    """For PostgreSQL, which refuses to run as root: the same command as the user `nobody`, who must reach `places`.

    Raises:
        EngineError: there is no way to do so on this system.

    """
    if os.getuid() != 0:
        return command
    if not shutil.which("setpriv"):
        raise EngineError("PostgreSQL refuses to run as root, and there is no setpriv here: run as an ordinary user")
    reach = [] if all(_is_open_to_all(place) for place in places) else _power_to_reach(places)
    return ["setpriv", *reach, "--reuid=nobody", f"--regid={_nobody().pw_gid}", "--clear-groups", *command]


def give_to_nobody(path: Path) -> None:
    if os.getuid() == 0:
        os.chown(path, _nobody().pw_uid, _nobody().pw_gid)


def is_ours(path: Path) -> bool:
    """Whether an earlier run of this user made it; root's PostgreSQL keeps its data as nobody."""
    ours = {os.getuid()} if os.getuid() else {0, _nobody().pw_uid}
    return path.stat().st_uid in ours


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _is_open_to_all(place: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in place.resolve().parents)


def _power_to_reach(places: tuple[Path, ...]) -> list[str]:
    """The checkout may lie in /root. Containers often take away the milder capability."""
    held = int(_status_field("CapPrm"), 16) & int(_status_field("CapBnd"), 16)
    for name, number in CAPABILITIES.items():
        if held >> number & 1 and held >> KEEP_POWERS[1] & 1:
            # initdb asks access(2) for its neighbours, which forgets a non-root user's capabilities unless this bit is set
            return ["--securebits=+no_setuid_fixup", f"--inh-caps=+{name}", f"--ambient-caps=+{name}"]
    raise EngineError(
        "PostgreSQL runs as the user nobody, who may not walk to "
        f"{' or '.join(map(str, places))}: run as an ordinary user, or open the folders above (chmod o+x)"
    )


def _status_field(name: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


def remember(pid_file: Path, pid: int) -> None:
    """Note who runs: pid and start time, so that a pid used again is never taken for ours. Who reads the note finds it whole."""
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return
    new = pid_file.with_suffix(".new")
    new.write_text(json.dumps({"pid": pid, "started": started}))
    new.replace(pid_file)


def end_leftovers(root: Path) -> list[int]:
    """End what an earlier, killed run left running under `root`. Returns the pids."""
    files = sorted(root.glob("*.pid"))
    left = [process for file in files if (process := _remembered(file))]
    for process in left:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    for process in psutil.wait_procs(left, timeout=STOP_WITHIN_S)[1]:
        kill_tree(process.pid)
    for file in files:
        file.unlink(missing_ok=True)
    return [process.pid for process in left]


def _remembered(pid_file: Path) -> psutil.Process | None:
    """The very process of the note, if it still runs."""
    try:
        note = json.loads(pid_file.read_text())
        process = psutil.Process(note["pid"])
        is_ours = abs(process.create_time() - note["started"]) < 0.1
    except (psutil.NoSuchProcess, OSError, ValueError, KeyError, TypeError):
        return None
    return process if is_ours else None


def kill_tree(pid: int) -> None:
    try:
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=STOP_WITHIN_S)


def wait_until(
    is_true: Callable[[], bool],
    what: str,
    *,
    timeout_s: float = READY_WITHIN_S,
    alive: Callable[[], bool] = lambda: True,
) -> None:
    """Ask every 50 ms.

    Raises:
        TimeoutError: it did not become true in time, or `alive` became false.

    """
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline or not alive():
            raise TimeoutError(f"{what} was not ready after {timeout_s:.0f} s" if alive() else f"{what} ended")
        time.sleep(0.05)
