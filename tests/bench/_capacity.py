"""What N newsrooms need, from what a story costs: `python tests/bench/_capacity.py` reads the bench's section `cost`, draws docs/capacity.svg.

A fluid simulation of one day, minute by minute: stories come by the hours of a newsroom's day, with one great event at 18:00; workers come and
go by the chart's policy (more when the oldest event has used a fifth of its 300 s). It tells cores at the peak and how old the oldest event got.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STORIES_A_DAY = 80
"""Of one newsroom: what a regional site publishes on a working day."""
HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 8, 8, 8, 8, 7, 6, 5, 4, 3, 2, 2, 1)
"""Shares of a day's stories by hour."""
EVENT = range(18 * 60, 18 * 60 + 20)
EVENT_TIMES = 8
"""For twenty minutes all write about the same thing: so many times the usual rate."""
OBJECTIVE_S, BUSY_FROM, MOST_A_CORE = 300, 0.2, 0.7
"""Workers are planned to use 70 % of a core."""
SIZES = (1, 10, 100, 1000)
LEGS = ("imaging", "publication", "tagging", "desk", "ingestion", "delivery")


@dataclass(frozen=True)
class Day:
    """`cores`: of all workers of a leg at the peak; `oldest_s`: the oldest event of the day; `per_minute`: (minute, workers)."""

    cores: float
    oldest_s: float
    per_minute: tuple[float, ...]


def costs(path: Path) -> dict[str, float]:
    """CPU seconds a story by leg (API and worker together), engine and relay."""
    known = json.loads(path.read_text(encoding="utf-8"))
    rows = {row["name"].partition(",")[0]: row["value"] for row in known["rows"] if row["unit"] == "CPU ms/story"}
    legs = {leg: (rows[f"{leg}-api"] + rows[f"{leg}-worker"]) / 1000 for leg in LEGS}
    return {**legs, **{name: rows[name] / 1000 for name in ("relay", "postgres", "valkey", "s3")}}


def rate(newsrooms: int, minute: int) -> float:
    """Stories a second."""
    usual = newsrooms * STORIES_A_DAY * HOURS[minute // 60] / sum(HOURS) / 3600
    return usual * (EVENT_TIMES if minute in EVENT else 1)


def simulate(newsrooms: int, cost_s: float) -> Day:
    """A leg that costs `cost_s` CPU seconds a story."""
    backlog, workers, most, oldest = 0.0, 1, 1, 0.0
    seen = []
    for minute in range(24 * 60):
        arrived, can = rate(newsrooms, minute) * 60, workers * MOST_A_CORE * 60 / cost_s
        backlog = max(backlog + arrived - can, 0.0)
        age_s = backlog / (can / 60)
        oldest = max(oldest, age_s)
        seen.append(workers)
        if age_s > BUSY_FROM * OBJECTIVE_S:
            workers = workers * 2
        elif backlog == 0 and workers > 1 and arrived < 0.7 * (workers - 1) * MOST_A_CORE * 60 / cost_s:
            workers -= 1
        most = max(most, workers)
    return Day(float(most), oldest, tuple(seen))


def draw(by_size: dict[int, dict[str, Day]]) -> str:
    """Workers of all legs over the day at the largest size, as SVG."""
    size = max(by_size)
    days = by_size[size]
    top = max(max(day.per_minute) for day in days.values())
    colours = ("#1f4fd8", "#b3261e", "#17713b", "#8a5300", "#6d3fb4", "#3a7f8f")
    lines = []
    for place, (leg, day) in enumerate(days.items()):
        points = " ".join(
            f"{60 + minute / 2:.1f},{300 - 260 * n / top:.1f}"
            for minute, n in enumerate(day.per_minute)
            if minute % 5 == 0
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colours[place]}" stroke-width="2"/>')
        lines.append(f'<text x="{70 + 118 * place}" y="352" fill="{colours[place]}">{leg}: {day.cores:.0f}</text>')
    hours = "".join(
        f'<text x="{60 + 30 * hour}" y="322" text-anchor="middle">{hour}:00</text>' for hour in range(0, 25, 4)
    )
    title = f"Workers over a day of {size} newsrooms; at 18:00 everybody writes about one thing"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 370" font-family="sans-serif" font-size="13">'
        f'<rect width="820" height="370" fill="#fff"/><text x="60" y="24" font-size="15">{title}</text>'
        f'<text x="52" y="44" text-anchor="end">{top:.0f}</text><text x="52" y="304" text-anchor="end">0</text>'
        f'<path d="M60 40V300H780" fill="none" stroke="#999"/>{hours}{"".join(lines)}</svg>\n'
    )


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".depesha/bench/cost.json"
    cost = costs(path)
    by_size = {size: {leg: simulate(size, cost[leg]) for leg in LEGS} for size in SIZES}
    print("CPU ms a story: " + ", ".join(f"{name} {value * 1000:.0f}" for name, value in cost.items()))
    print(
        "| newsrooms | stories at the peak | " + " | ".join(LEGS) + " | PostgreSQL, cores at the peak | oldest event |"
    )
    for size, days in by_size.items():
        peak = max(rate(size, minute) for minute in range(24 * 60))
        cells = " | ".join(f"{days[leg].cores:.0f}" for leg in LEGS)
        oldest = max(day.oldest_s for day in days.values())
        print(f"| {size} | {peak:.2f}/s | {cells} | {peak * cost['postgres']:.2f} | {oldest:.0f} s |")
    (ROOT / "docs/capacity.svg").write_text(draw(by_size), encoding="utf-8")


if __name__ == "__main__":
    main()
