"""How many copies of each process the embedded stack is to run: a file that its supervisor reads several times a second.

Past one machine an engine scales (docs/runbook.md); then there is no such folder, and nothing here pretends otherwise.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from chassis.errors import Refusal

MOST_COPIES = 64


class NotScalable(Refusal, LookupError):  # noqa: N818 - it is a refusal
    """There is no such process here, or not so many of it can be had. The message says what there is."""


def known_processes(root: Path) -> list[str]:
    file = root / "processes.json"
    names: list[str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return names


def unknown(name: str, known: Sequence[str]) -> NotScalable:
    return NotScalable(f"no process {name!r}; there are: {', '.join(known) or 'none, since Depesha never ran here'}")


def read_scale(root: Path) -> dict[str, int]:
    """How many copies are wanted of each process that is not to have one."""
    try:
        counts: dict[str, int] = json.loads((root / "scale.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return counts


def scale(root: Path, name: str, count: int) -> str:
    """Have `count` copies of a process from now on; a running house follows within a moment.

    `name` may be a service: then its workers are meant. Returns the process's full name.

    Raises:
        NotScalable: there is no such process, or the count is not 0 to MOST_COPIES.

    """
    names = known_processes(root)
    full = name if name in names else f"{name}-worker"
    if full not in names:
        raise unknown(name, names)
    if not 0 <= count <= MOST_COPIES:
        raise NotScalable(f"{count} copies of {full}: 0 to {MOST_COPIES} can be had")
    fresh = root / "scale.new"
    fresh.write_text(json.dumps({**read_scale(root), full: count}), encoding="utf-8")
    fresh.replace(root / "scale.json")
    return full
