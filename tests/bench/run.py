"""`make bench` runs every section, `make bench S=road` one: a table for people, .depesha/bench/<section>.json for programs.

All of them together also write docs/bench.md and docs/bench.json; each value is compared with what stood there before.

A section is a module beside this one with `run(rounds: int) -> list[dict]`; its rows have the fields of `Row`.
Peers run in the same process tree and the same run, in turn; values are medians of the rounds.
"""

import argparse
import importlib.util
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chassis import logs

HERE = Path(__file__).resolve().parent
OUT = Path(".depesha/bench")
DOCS = HERE.parents[1] / "docs"
sys.path[:] = [
    *(path for path in sys.path if Path(path).resolve() != HERE),  # sections are named like the services they measure
    str(HERE.parent / "support"),
]


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
    load_before, started = os.getloadavg()[0], time.monotonic()
    try:
        rows: list[Row] = module.run(rounds)
        trouble = ""
    except Exception as error:  # noqa: BLE001 - the other sections are measured all the same
        rows, trouble = [], f"{type(error).__name__}: {error}"
    return {
        "took_s": round(time.monotonic() - started, 1),
        "trouble": trouble,
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


def last_run(path: Path) -> dict[tuple[str, str], float]:
    """(section, row's name) -> its value last time."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return {(row["section"], row["name"]): row["value"] for result in known for row in result["rows"]}


def against(row: Row, before: dict[tuple[str, str], float]) -> str:
    """The change since the last run, such as `+4 %`; empty where there was none."""
    old = before.get((row["section"], row["name"]))
    return f"{round((row['value'] / old - 1) * 100):+d} %" if old else ""


def page(results: list[dict[str, Any]], before: dict[tuple[str, str], float]) -> str:
    """docs/bench.md."""
    lines = [
        "# What was measured",
        "",
        "Written by `make bench`. Peers run in the same run, in turn; values are medians of the rounds. Ratios hold on other machines, values do not.",
        "`since` is the change against the run before.",
        "",
        "| section | what | value | versus | ratio | goal | met | since |",
        "|---|---|---:|---|---:|---|---|---:|",
    ]
    for result in results:
        for row in result["rows"]:
            ratio, met = row.get("ratio"), row.get("met")
            cells = (
                row["section"],
                row["name"],
                shown(row),
                row.get("versus") or "",
                "" if ratio is None else f"{ratio:.2f}",
                row.get("goal") or "",
                "" if met is None else "yes" if met else "**no**",
                against(row, before),
            )
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        if result.get("trouble"):
            lines.append(
                f"| {result['section']} | did not come to its end: {result['trouble'][:200]} | | | | | **no** | |"
            )
    lines += ["", "| section | at | took | machine | load before → after |", "|---|---|---:|---|---|"]
    for result in results:
        facts = result["machine"]
        machine_words = f"{facts['cpus']} cpus, {facts['memory_gib']} GiB, {facts['system']}, Python {facts['python']}"
        load = f"{facts['load_before']} → {facts['load_after']}"
        lines.append(
            f"| {result['section']} | {result['at']} | {result.get('took_s', 0):.0f} s | {machine_words} | {load} |"
        )
    return "\n".join(lines) + "\n"


def shown(row: Row) -> str:
    value = row["value"]
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{number} {row['unit']}".replace(",", " ").strip()


def show(results: list[dict[str, Any]], console: Console, before: dict[tuple[str, str], float]) -> None:
    for result in results:
        facts = result["machine"]
        console.print(
            f"\n[bold]{result['section']}[/]  {result['took_s']:.0f} s, {facts['cpus']} cpus, load {facts['load_before']} → {facts['load_after']}, Python {facts['python']}",
            highlight=False,
        )
        console.print(_table(result["rows"], before))
        if result["trouble"]:
            console.print(f"[red]did not come to its end:[/] {escape(result['trouble'])}", highlight=False)


def _table(rows: list[Row], before: dict[tuple[str, str], float]) -> Table:
    """Reads well at 80 columns: what a value is compared with stands beneath its name."""
    table = Table(box=None, padding=(0, 2, 0, 0), expand=True, header_style="dim")
    table.add_column("", ratio=1)
    table.add_column("value", justify="right", max_width=13)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("goal", max_width=14)
    table.add_column("since", justify="right", no_wrap=True)
    for row in rows:
        ratio, met = row.get("ratio"), row.get("met")
        what, versus = escape(row["name"]), row.get("versus")
        verdict = "" if met is None else "[green]✓[/] " if met else "[red]✗[/] "
        table.add_row(
            f"{what}\n[dim]  {escape(versus)}[/]" if versus else what,
            escape(shown(row)),
            "" if ratio is None else f"{ratio:.2f}",
            verdict + escape(row.get("goal") or ""),
            against(row, before),
        )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"of: {', '.join(sections())}; none: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--docs", action="store_true", help="put the sections that ran into docs/bench.md, too")
    arguments = parser.parse_args()
    wanted = [name for name in arguments.sections if name != "all"] or sections()
    if unknown := set(wanted) - set(sections()):
        raise SystemExit(f"no bench section {', '.join(sorted(unknown))}; there are: {', '.join(sections())}")
    logs.configure("bench", "warning")
    console = Console()
    OUT.mkdir(parents=True, exist_ok=True)
    is_whole = wanted == sections()
    before = {key: value for key, value in last_run(DOCS / "bench.json").items() if key[0] in wanted}
    results = []
    for name in wanted:
        with console.status(f"bench {name} …"):
            results.append(run_section(name, arguments.rounds))
        (OUT / f"{name}.json").write_text(
            json.dumps(results[-1], ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    show(results, console, before)
    if is_whole or arguments.docs:
        others = [] if is_whole else [one for one in _known() if one["section"] not in wanted]
        told = sorted([*results, *others], key=lambda one: one["section"])
        (DOCS / "bench.md").write_text(page(told, before), encoding="utf-8")
        (DOCS / "bench.json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return int(any(one["trouble"] for one in results))


def _known() -> list[dict[str, Any]]:
    path = DOCS / "bench.json"
    known: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return known


if __name__ == "__main__":
    sys.exit(main())
