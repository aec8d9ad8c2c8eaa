"""The road as ops see it: how each consumer stands, how long its backlog will take, and how things are in one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from chassis.ledger.watch import OBJECTIVE_S, AtWork, Clock, Flow, Lane, Reason, View

Tone: TypeAlias = Literal["good", "warn", "bad"]

BUSY_FROM: Final = 0.2
"""From this share of its objective on an age is worth a look; the autoscaler's threshold in infra/kubernetes is the same."""
DRAIN_WITHIN_S: Final = 300.0
MOST_MORE: Final = 16
ROAD: Final = ("ingestion", "imaging", "tagging", "desk", "publication", "delivery")
UNSENT_FOR_S: Final = 5.0
TIMER_LATE_S: Final = 120.0


@dataclass(frozen=True)
class Forecast:
    """When the backlog is gone at today's rates; `None`: never. `more`: so many more workers of the same kind."""

    drain_s: float | None
    more: int = 0
    drain_with_more_s: float | None = None


@dataclass(frozen=True)
class Station:
    """One consumer. `used`: the worst share of a lane's objective that its oldest event has used up."""

    consumer: str
    waiting: int
    in_flight: int
    failing: int
    dead: int
    oldest_s: float
    used: float
    in_per_s: float
    out_per_s: float
    workers: tuple[AtWork, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def backlog(self) -> int:
        return self.waiting + self.in_flight

    @property
    def living(self) -> int:
        return sum(not one.is_silent for one in self.workers)

    @property
    def tone(self) -> Tone:
        if self.used >= 1 or (self.backlog and not self.living):
            return "bad"
        return "warn" if self.used >= BUSY_FROM or self.failing or self.living < len(self.workers) else "good"

    @property
    def forecast(self) -> Forecast:
        return foresee(self.backlog, self.in_per_s, self.out_per_s, self.living)


@dataclass(frozen=True)
class Verdict:
    """What is to be said first. `kind` picks the words, the rest fills them."""

    kind: Literal[
        "database", "redis", "storage", "nobody", "unsent", "dead", "late", "failing", "silent", "timer", "busy", "well"
    ]
    tone: Tone
    consumer: str = ""
    count: int = 0
    seconds: float = 0.0
    reason: str = ""
    forecast: Forecast | None = None


@dataclass(frozen=True)
class River:
    """Everything at one moment. `rates`: events a second by type; `down`: engines that do not answer, with the reason."""

    stations: tuple[Station, ...]
    rates: Mapping[str, float] = field(default_factory=dict)
    timers: tuple[Clock, ...] = ()
    unsent_s: float = 0.0
    down: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        return judge(self)


def foresee(backlog: int, in_per_s: float, out_per_s: float, workers: int) -> Forecast:
    """When `backlog` is gone, and with how many more workers within `DRAIN_WITHIN_S`.

    It takes each worker to do as much as those of today do, which holds as long as there are processors for them.
    """
    drain_s = _drain(backlog, out_per_s - in_per_s)
    if not backlog or (drain_s is not None and drain_s <= DRAIN_WITHIN_S) or not workers or not out_per_s:
        return Forecast(drain_s)
    each = out_per_s / workers
    for more in range(1, MOST_MORE + 1):
        quicker = _drain(backlog, out_per_s + more * each - in_per_s)
        if quicker is not None and quicker <= DRAIN_WITHIN_S:
            return Forecast(drain_s, more, quicker)
    return Forecast(drain_s, MOST_MORE, _drain(backlog, out_per_s + MOST_MORE * each - in_per_s))


def _drain(backlog: int, net_per_s: float) -> float | None:
    if not backlog:
        return 0.0
    return backlog / net_per_s if net_per_s > 0 else None


def flow(view: View, rates: Mapping[str, float], reasons: Sequence[Reason], down: Mapping[str, str]) -> River:
    """The ledger's view, consumer by consumer, in the order of the road; also those who have not worked yet."""
    flows = {name: Flow(name, 0.0, 0.0, 0.0, 0) for name in ROAD} | {one.consumer: one for one in view.flows}
    stations = tuple(
        _station(
            one.consumer,
            [lane for lane in view.lanes if lane.consumer == one.consumer],
            (one.came_per_s, one.handled_per_s),
            tuple(worker for worker in view.workers if worker.consumer == one.consumer),
            tuple(reason for reason in reasons if reason.consumer == one.consumer),
        )
        for one in flows.values()
    )
    return River(stations, rates, view.timers, view.unsent_s, down)


def _station(
    consumer: str,
    lanes: Sequence[Lane],
    rates: tuple[float, float],
    workers: tuple[AtWork, ...],
    reasons: tuple[Reason, ...],
) -> Station:
    return Station(
        consumer,
        waiting=sum(lane.waiting for lane in lanes),
        in_flight=sum(lane.sent for lane in lanes),
        failing=sum(lane.failing for lane in lanes),
        dead=sum(lane.dead for lane in lanes),
        oldest_s=max((lane.oldest_s for lane in lanes), default=0.0),
        used=max((lane.oldest_s / OBJECTIVE_S[lane.priority] for lane in lanes), default=0.0),
        in_per_s=rates[0],
        out_per_s=rates[1],
        workers=workers,
        reasons=reasons,
    )


def judge(river: River) -> Verdict:
    """The worst that is so now; where nothing is, how quick things are."""
    return _engines(river) or _stopped(river) or _slow(river) or _well(river)


def _engines(river: River) -> Verdict | None:
    for kind in ("database", "redis", "storage"):
        if kind in river.down:
            waiting = sum(one.backlog for one in river.stations)
            return Verdict(kind, "bad", count=waiting, reason=river.down[kind])
    return None


def _stopped(river: River) -> Verdict | None:
    for one in river.stations:
        if one.backlog and not one.living:
            return Verdict("nobody", "bad", one.consumer, one.backlog, one.oldest_s)
    if river.unsent_s > UNSENT_FOR_S:
        return Verdict("unsent", "bad", seconds=river.unsent_s)
    worst = max(river.stations, key=lambda one: one.dead, default=None)
    if worst and worst.dead:
        reason = next((reason.text for reason in worst.reasons if reason.is_dead), "")
        return Verdict("dead", "bad", worst.consumer, worst.dead, reason=reason)
    return None


def _slow(river: River) -> Verdict | None:
    worst = max(river.stations, key=lambda one: one.used, default=None)
    failing = max(river.stations, key=lambda one: one.failing, default=None)
    if failing and failing.failing:
        reason = next((reason.text for reason in failing.reasons if not reason.is_dead), "")
        return Verdict("failing", "warn", failing.consumer, failing.failing, reason=reason)
    if worst and worst.used >= 1:
        return Verdict("late", "bad", worst.consumer, worst.backlog, worst.oldest_s, forecast=worst.forecast)
    for one in river.stations:
        if one.living < len(one.workers):
            silent = max(worker.silent_s for worker in one.workers)
            return Verdict("silent", "warn", one.consumer, len(one.workers) - one.living, silent)
    for clock in river.timers:
        if clock.late_s > TIMER_LATE_S:
            return Verdict("timer", "warn", clock.consumer, seconds=clock.late_s, reason=clock.name)
    if worst and worst.used >= BUSY_FROM:
        return Verdict("busy", "warn", worst.consumer, worst.backlog, worst.oldest_s, forecast=worst.forecast)
    return None


def _well(river: River) -> Verdict:
    oldest_s = max((one.oldest_s for one in river.stations), default=0.0)
    return Verdict("well", "good", count=sum(one.backlog for one in river.stations), seconds=oldest_s)
