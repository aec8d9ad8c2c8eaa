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
NOTICED_WITHIN_S: Final = 10
LOOK_EVERY_S: Final = 0.05


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
        NotRestarted: a new one did not become ready, or nobody supervises processes here.

    """
    started, wish = time.monotonic(), secrets.token_hex(8)
    _write(_folder(root) / f"{name}.wish", wish)
    while True:
        outcome = _outcome(root, name)
        if outcome is not None and outcome.wish == wish:
            if outcome.trouble:
                raise NotRestarted(f"{name}: {outcome.trouble}; the old one goes on (see {root}/logs/{name}.log)")
            if outcome.is_over:
                return time.monotonic() - started
        elif time.monotonic() > started + NOTICED_WITHIN_S:
            raise NotRestarted(f"{name}: nobody heard of it within {NOTICED_WITHIN_S} s; does the house run ({root})?")
        time.sleep(LOOK_EVERY_S)


def wishes(root: Path) -> dict[str, str]:
    """For the supervisor: process -> its newest wish."""
    return {file.stem: file.read_text(encoding="utf-8") for file in _folder(root).glob("*.wish")}


def tell(root: Path, name: str, outcome: Outcome) -> None:
    """From the supervisor."""
    _write(_folder(root) / f"{name}.outcome", json.dumps(vars(outcome), ensure_ascii=False))


def forget(root: Path) -> None:
    """What was wished of an earlier house."""
    for file in _folder(root).iterdir():
        file.unlink()


def _outcome(root: Path, name: str) -> Outcome | None:
    file = _folder(root) / f"{name}.outcome"
    return Outcome(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def _folder(root: Path) -> Path:
    folder = root / "restarts"
    folder.mkdir(exist_ok=True)
    return folder


def _write(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
