"""What a chaos run counted, as a table, a picture and a page."""

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from xml.sax.saxutils import escape

from rich.table import Table

COLOURS = {
    "PostgreSQL crashed": "#b3261e",
    "S3 down": "#8a4fbe",
    "S3 answers 500/503": "#c05fa8",
    "S3 killed": "#b48ad6",
    "Valkey killed": "#c77700",
    "FLUSHALL": "#e0a030",
    "partner down": "#00796b",
}
PROCESS_COLOUR = "#777"


@dataclass
class Fault:
    """`recovered_s`: until the partner heard news again, or a small event was handled again where that is what was hit."""

    at_s: float
    name: str
    recovered_s: float | None = None
    lost_by_celery: int = 0


@dataclass
class Report:
    seconds: float
    seed: int
    pushed: int = 0
    stories: int = 0
    photos: int = 0
    corrected: int = 0
    killed: int = 0
    orders: int = 0
    lost: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    repeats: int = 0
    refused: int = 0
    small_events: int = 0
    small_lost: int = 0
    small_doubled: int = 0
    small_slowest_s: float = 0.0
    small_lease_s: float = 0.0
    celery_sent: int = 0
    celery_lost: int = 0
    celery_doubled: int = 0
    celery_kills: int = 0
    dispatches: int = 0
    deliveries: int = 0
    objects: int = 0
    orphans: list[str] = field(default_factory=list)
    settled_s: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    arrivals_at_s: list[float] = field(default_factory=list)
    effects_at_s: list[float] = field(default_factory=list)
    load: float = 0.0
    cpus: int = 0

    @property
    def extra_dispatches(self) -> float:
        return (self.dispatches - self.deliveries) / max(self.deliveries, 1)

    @property
    def goals(self) -> list[tuple[str, object, str, bool]]:
        """(what, counted, goal, met)."""
        wrong = [
            ("orders lost", len(self.lost), "0"),
            ("stale at the partner", len(self.stale), "0"),
            ("doubled (one version under two webhook-ids)", len(self.doubled), "0"),
            ("stuck in the ledger", len(self.stuck), "0"),
            ("webhooks that did not verify", self.refused, "0"),
            ("small events lost", self.small_lost, "0"),
            ("small events doubled", self.small_doubled, "0"),
        ]
        return [(what, count, goal, count == 0) for what, count, goal in wrong] + [
            ("extra dispatches", f"{self.extra_dispatches:.1%}", "< 5 %", self.extra_dispatches < 0.05),
            (
                "slowest small event",
                f"{self.small_slowest_s:.1f} s",
                f"< {4 * self.small_lease_s:.0f} s, 4 leases",
                self.small_slowest_s < 4 * self.small_lease_s,
            ),
            ("settled after the last fault", f"{self.settled_s:.1f} s", "< 60 s", self.settled_s < 60),
        ]

    @property
    def is_clean(self) -> bool:
        """Nothing lost, doubled, stale or stuck; the speed goals are told apart."""
        return all(met for _, count, _, met in self.goals if isinstance(count, int)) and self.settled_s < 60


def by_fault(report: Report) -> list[tuple[str, int, str, str, int]]:
    """(fault, times, median and longest time to recovery, messages that Celery alone lost by it)."""
    rows = []
    for name, count in Counter(fault.name for fault in report.faults).most_common():
        group = [fault for fault in report.faults if fault.name == name]
        times = [fault.recovered_s for fault in group if fault.recovered_s is not None]
        shown = (f"{median(times):.1f} s", f"{max(times):.1f} s") if times else ("", "")
        rows.append((name, count, *shown, sum(fault.lost_by_celery for fault in group)))
    return rows


def tables(report: Report) -> list[Table]:
    counts = Table("counted", "", "goal", "", title=summary(report))
    for what, count, goal, met in report.goals:
        counts.add_row(what, str(count), goal, "met" if met else "[red]missed")
    faults = Table("fault", "times", "median until news again", "longest", "lost by Celery alone", title="Faults")
    for row in by_fault(report):
        faults.add_row(*map(str, row))
    return [counts, faults]


def summary(report: Report) -> str:
    return (
        f"{report.stories} stories published of {report.pushed} pushed ({report.photos} with a photo, {report.corrected} corrected, {report.killed} killed), "
        f"{report.orders} orders, {report.small_events} small events, {len(report.faults)} faults in {report.seconds:.0f} s"
    )


def orphans(report: Report, shown: int = 20) -> str:
    """Keys hold their content's hash, so the next try writes the same object: an orphan costs room and nothing else."""
    if not report.orphans:
        return "no orphans: each is named by a story."
    more = f" and {len(report.orphans) - shown} more" if len(report.orphans) > shown else ""
    return f"orphans that no story names, for the collector: {', '.join(report.orphans[:shown])}{more}."


def svg(report: Report, width: int = 960) -> str:
    """Webhooks and small events a second over time, with the faults marked between them."""
    span = max(int(report.seconds + report.settled_s) + 1, 1)
    step = (width - 70) / span

    def x(at_s: float) -> float:
        return 55 + at_s * step

    def panel(times: list[float], base: int, height: int, colour: str, title: str) -> str:
        bins = [0] * span
        for at in times:
            if 0 <= at < span:
                bins[int(at)] += 1
        top = max([*bins, 1])
        bars = "".join(
            f'<rect x="{x(place):.1f}" y="{base - height * count / top:.1f}" width="{max(step - 0.4, 0.4):.1f}" height="{height * count / top:.1f}"/>'
            for place, count in enumerate(bins)
            if count
        )
        return (
            f'<text x="55" y="{base - height - 8}" font-weight="600">{title}</text><text x="48" y="{base - height + 10}" text-anchor="end">{top}</text>'
            f'<text x="48" y="{base}" text-anchor="end">0</text><g fill="{colour}">{bars}</g><line x1="55" x2="{width - 15}" y1="{base}" y2="{base}" stroke="#444"/>'
        )

    marks = "".join(
        f'<line x1="{x(fault.at_s):.1f}" x2="{x(fault.at_s):.1f}" y1="{178 if fault.name in COLOURS else 186}" y2="200" stroke="{COLOURS.get(fault.name, PROCESS_COLOUR)}" '
        f'stroke-width="{2 if fault.name in COLOURS else 1}"><title>{escape(fault.name)} at {fault.at_s:.0f} s</title></line>'
        for fault in report.faults
    )
    legend = "".join(
        f'<text x="{55 + 132 * place}" y="366" fill="{colour}">▍{name}</text>'
        for place, (name, colour) in enumerate([*COLOURS.items(), ("process killed", PROCESS_COLOUR)])
    )
    ticks = "".join(
        f'<text x="{x(at):.1f}" y="344" text-anchor="middle" fill="#444">{at} s</text>'
        for at in range(0, span, max(30, span // 10 // 30 * 30))
    )
    over = f'<line x1="{x(report.seconds):.1f}" x2="{x(report.seconds):.1f}" y1="30" y2="330" stroke="#444" stroke-dasharray="4 3"/><text x="{x(report.seconds) - 4:.1f}" y="28" text-anchor="end" fill="#444">last fault</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 376" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        + panel(report.arrivals_at_s, 172, 120, "#3b6ea5", "webhooks a second at the partner")
        + marks
        + panel(report.effects_at_s, 330, 90, "#6a9a3b", "small events handled a second")
        + f"{ticks}{over}{legend}</svg>\n"
    )


def page(report: Report) -> str:
    lost, sent = report.celery_lost, max(report.celery_sent, 1)
    lines = [
        "# Chaos",
        "",
        f"Written by `make chaos` ({report.seconds:.0f} s, seed {report.seed}, {report.cpus} cores, load {report.load:.1f} at the end).",
        "",
        f"{summary(report)}.",
        "A worker was killed every 2 s and something larger broke every 6 s. Small events have two workers. The observer reads only HTTP doors, the site and",
        "what a partner received; small events count the rows that their handlers left. Accounting after Jepsen's total-queue: every acknowledged order must",
        "take effect, once, and the newest must stand last.",
        "",
        "| counted | | goal | |",
        "|---|---|---|---|",
        *(
            f"| {what} | {count} | {goal} | {'met' if met else '**missed**'} |"
            for what, count, goal, met in report.goals
        ),
        "",
        f"Photos' objects in S3: {report.objects}; {orphans(report)}",
        "",
        f"Repeated webhooks under the same webhook-id (allowed): {report.repeats}. Deliveries in the ledger: {report.deliveries}, sent {report.dispatches} times.",
        "",
        "**Celery alone** (acks_late, reject_on_worker_lost, prefetch 1, visibility timeout 5 s; same Valkey, killed and flushed at the same moments):",
        f"{lost} of {report.celery_sent} messages lost ({lost / sent:.1%}), {report.celery_doubled} run twice, over {report.celery_kills} worker kills.",
        "",
        "![webhooks and small events a second, and faults](chaos.svg)",
        "",
        "| fault | times | median until news again | longest | lost by Celery alone |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(map(str, row))} |" for row in by_fault(report)),
        "",
        "“Until news again”: until the partner heard of anything again, or, where the small events' worker was killed, until one of them was handled.",
        "A message lost by Celery alone is put down to the first fault after it was sent.",
        "",
    ]
    return "\n".join(lines)
