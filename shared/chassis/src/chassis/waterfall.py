"""A story's way as bars on a line of time, drawn from the ledger alone; for the terminal here, for a page by the desk.

A story rests for hours while people sleep. Such a rest ends a chapter, and each chapter has its own scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

from chassis.ledger.inspect import Step

REST_S = 5.0
"""So long without anything to do for the machine, and a new chapter begins."""
COLOURS = {"handled": "green", "rejected": "yellow", "waiting": "cyan", "sent": "cyan", "dead": "red"}
MARKS = {"handled": "", "rejected": "refused", "waiting": "waits", "sent": "in hand", "dead": "dead"}


@dataclass(frozen=True)
class Bar:
    """One event at one consumer; seconds from the chapter's start. It waited, then it was worked on."""

    event: str
    consumer: str
    state: str
    starts_s: float
    waited_s: float
    took_s: float
    attempts: int
    reason: str

    @property
    def ends_s(self) -> float:
        return self.starts_s + self.waited_s + self.took_s


@dataclass(frozen=True)
class Chapter:
    """What happened in one go. `rest_s`: how long nothing had before it."""

    at: datetime
    rest_s: float
    bars: tuple[Bar, ...]

    @property
    def span_s(self) -> float:
        return max(max((bar.ends_s for bar in self.bars), default=0.0), 0.001)


def chapters(steps: Sequence[Step], now: datetime) -> list[Chapter]:
    """The steps (oldest first, as `inspect.trace` gives them) as chapters; what is not handled lasts until `now`."""
    found: list[Chapter] = []
    group: list[Step] = []
    busy_until: datetime | None = None
    rest_s = 0.0
    for step in steps:
        if busy_until is not None and (step.recorded_at - busy_until).total_seconds() > REST_S:
            found.append(_chapter(group, rest_s, now))
            rest_s = (step.recorded_at - busy_until).total_seconds()
            group = []
            busy_until = None
        group.append(step)
        end = _end(step, now)
        busy_until = end if busy_until is None else max(busy_until, end)
    if group:
        found.append(_chapter(group, rest_s, now))
    return found


def _end(step: Step, now: datetime) -> datetime:
    if step.handled_at is not None:
        return step.handled_at
    return step.recorded_at if step.state == "dead" else max(now, step.recorded_at)


def _chapter(steps: Sequence[Step], rest_s: float, now: datetime) -> Chapter:
    start = steps[0].recorded_at
    return Chapter(start, rest_s, tuple(_bar(step, start, now) for step in steps))


def _bar(step: Step, start: datetime, now: datetime) -> Bar:
    lasted_s = max((_end(step, now) - step.recorded_at).total_seconds(), 0.0)
    took_s = min((step.duration_ms or 0.0) / 1000, lasted_s)
    return Bar(
        step.type,
        step.consumer,
        step.state,
        (step.recorded_at - start).total_seconds(),
        lasted_s - took_s,
        took_s,
        step.attempts,
        step.reason or "",
    )


def draw(found: Sequence[Chapter], width: int) -> Table:
    """For a terminal of `width` columns: `─` waited, `█` was worked on."""
    table = Table("event → consumer", "", "waited", "took", "", box=None, pad_edge=False)
    room = max(width - 74, 16)
    for number, chapter in enumerate(found):
        rested = f", after a rest of {_long(chapter.rest_s)}" if chapter.rest_s else ""
        if number:
            table.add_row()
        table.add_row(Text(f"{chapter.at:%d.%m. %H:%M:%S}{rested}; {_short(chapter.span_s)} in all", style="bold"))
        for bar in chapter.bars:
            table.add_row(
                f"{bar.event.rpartition('.v')[0]} → {bar.consumer}",
                _line(bar, chapter.span_s, room),
                _short(bar.waited_s),
                _short(bar.took_s),
                Text(_remark(bar), style=COLOURS.get(bar.state, "")),
            )
    return table


def _line(bar: Bar, span_s: float, room: int) -> Text:
    def column(seconds: float) -> int:
        return round(seconds / span_s * (room - 1))

    begin, work = column(bar.starts_s), column(bar.starts_s + bar.waited_s)
    end = max(column(bar.ends_s), work)
    colour = COLOURS.get(bar.state, "white")
    return Text(" " * begin).append("─" * (work - begin), style="dim").append("█" * (end - work + 1), style=colour)


def _remark(bar: Bar) -> str:
    tried = f"failed {bar.attempts}x" if bar.attempts else ""
    return " ".join(part for part in (MARKS.get(bar.state, bar.state), tried, bar.reason[:60]) if part)


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds < 120 else _long(seconds)


def _long(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
