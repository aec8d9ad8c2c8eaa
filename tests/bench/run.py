"""`make bench` runs every section, `make bench S=road` one: a table for people, .depesha/bench/<section>.json for programs.

A section is a module beside this one with `run(rounds: int) -> list[dict]`; its rows have the fields of `Row`.
Peers run in the same process tree and the same run, in turn; values are medians of the rounds.
"""

import argparse
import importlib.util
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import psutil
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
OUT = Path(".depesha/bench")
sys.path[:] = [
    path for path in sys.path if Path(path).resolve() != HERE
]  # sections are named like the services they measure


class Row(TypedDict):
    section: str
    name: str
    value: float
    unit: str
    versus: NotRequired[str | None]
    ratio: NotRequired[float | None]
    goal: NotRequired[str | None]
    met: NotRequired[bool | None]


def sections() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem != "run" and not path.stem.startswith("_"))


def run_section(name: str, rounds: int) -> dict[str, Any]:
    """Import the section's file, run it, and put the machine's facts beside its rows."""
    spec = importlib.util.spec_from_file_location(f"bench_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    load_before = os.getloadavg()[0]
    rows: list[Row] = module.run(rounds)
    return {
        "section": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(load_before),
        "rows": rows,
    }


def machine(load_before: float) -> dict[str, Any]:
    memory = psutil.virtual_memory()
    return {
        "cpus": os.cpu_count(),
        "memory_gib": round(memory.total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(load_before, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


def show(results: list[dict[str, Any]], console: Console) -> None:
    table = Table(title="Depesha bench", title_style="bold", row_styles=["", "dim"])
    for column, justify in (
        ("section", "left"),
        ("what", "left"),
        ("value", "right"),
        ("versus", "left"),
        ("ratio", "right"),
        ("goal", "left"),
        ("", "center"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for result in results:
        for row in result["rows"]:
            ratio, met = row.get("ratio"), row.get("met")
            table.add_row(
                row["section"],
                row["name"],
                f"{row['value']:,.4g} {row['unit']}".replace(",", " "),
                row.get("versus") or "",
                "" if ratio is None else f"{ratio:.2f}",
                row.get("goal") or "",
                "" if met is None else "[green]met[/]" if met else "[red]missed[/]",
            )
    console.print(table)
    for result in results:
        facts = result["machine"]
        console.print(
            f"{result['section']}: {facts['cpus']} cpus, load {facts['load_before']} → {facts['load_after']}, {facts['system']}, Python {facts['python']}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"of: {', '.join(sections())}; none: all")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    wanted = [name for name in arguments.sections if name != "all"] or sections()
    if unknown := set(wanted) - set(sections()):
        raise SystemExit(f"no bench section {', '.join(sorted(unknown))}; there are: {', '.join(sections())}")
    console = Console()
    OUT.mkdir(parents=True, exist_ok=True)
    results = []
    for name in wanted:
        with console.status(f"bench {name} …"):
            results.append(run_section(name, arguments.rounds))
        (OUT / f"{name}.json").write_text(
            json.dumps(results[-1], ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    show(results, console)


if __name__ == "__main__":
    main()
