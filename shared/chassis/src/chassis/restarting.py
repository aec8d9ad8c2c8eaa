"""Rolling restarts of the embedded stack: a wish in a file that its supervisor reads, and a file that tells what became of it."""

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chassis.errors import Refusal
from chassis.scaling import known_processes, unknown

LAST: Final = "-api"
"""Consumers before producers: what a new API tells, a new worker understands."""
SILENT_FOR_S: Final = 10
"""Then nobody supervises any more: it is ended, stopped, or hangs."""
LOOK_EVERY_S: Final = 0.05
SIGN_OF_LIFE: Final = "supervised"


class NotRestarted(Refusal):
    """The old process goes on, since no new one took its place. The message says why."""


@dataclass(frozen=True)
class Outcome:
    """`trouble` is empty where every copy was replaced; `is_over`: nothing more will happen."""

    wish: str
    is_over: bool
    trouble: str = ""


def chosen(root: Path, name: str) -> list[str]:
    """The processes that `name` means: all, a service's API and workers, or one kind of process; in the order to replace them.

    Raises:
        NotScalable: there is no such process.

    """
    known = known_processes(root)
    meant = [one for one in known if name in ("all", one, one.rpartition("-")[0])]
    if not meant:
        raise unknown(name, known)
    return sorted(meant, key=lambda one: (one.endswith(LAST), one))


def restart(root: Path, name: str) -> float:
    """Replace every copy of a process, the new one ready before the old one goes. Returns the seconds it took.

    Raises:
        NotRestarted: a new one did not become ready, or nobody supervises processes here, or not any more.

    """
    started, wish = time.monotonic(), secrets.token_hex(8)
    _write(_folder(root) / f"{name}.wish", wish)
    sign, heard_at = _sign_of_life(root), started
    while True:
        outcome = _outcome(root, name)
        if outcome is not None and outcome.wish == wish:
            if outcome.trouble:
                raise NotRestarted(f"{name}: {outcome.trouble}; the old one goes on (see {root}/logs/{name}.log)")
            if outcome.is_over:
                return time.monotonic() - started
        elif _read(_folder(root) / f"{name}.wish") != wish:
            raise NotRestarted(
                f"{name}: another restart of it took this one's place, or the house itself was started anew"
            )
        if (newest := _sign_of_life(root)) != sign:
            sign, heard_at = newest, time.monotonic()
        elif time.monotonic() > heard_at + SILENT_FOR_S:
            raise NotRestarted(f"{name}: nobody has supervised it for {SILENT_FOR_S} s; does the house run ({root})?")
        time.sleep(LOOK_EVERY_S)


def wishes(root: Path) -> dict[str, str]:
    """For the supervisor: process -> its newest wish."""
    return {file.stem: file.read_text(encoding="utf-8") for file in _folder(root).glob("*.wish")}


def tell(root: Path, name: str, outcome: Outcome) -> None:
    """From the supervisor."""
    _write(_folder(root) / f"{name}.outcome", json.dumps(vars(outcome), ensure_ascii=False))


def show_life(root: Path) -> None:
    """From the supervisor, each time that it has looked after all."""
    (_folder(root) / SIGN_OF_LIFE).touch()


def forget(root: Path) -> None:
    """What was wished of an earlier house."""
    for file in _folder(root).iterdir():
        file.unlink()


def _sign_of_life(root: Path) -> int:
    """Another number after each sign; clocks do not matter."""
    try:
        return (_folder(root) / SIGN_OF_LIFE).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _outcome(root: Path, name: str) -> Outcome | None:
    told = _read(_folder(root) / f"{name}.outcome")
    return Outcome(**json.loads(told)) if told else None


def _folder(root: Path) -> Path:
    folder = root / "restarts"
    folder.mkdir(exist_ok=True)
    return folder


def _read(file: Path) -> str:
    """Empty where a house that begins has just forgotten it."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _write(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
