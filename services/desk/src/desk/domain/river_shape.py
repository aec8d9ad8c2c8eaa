"""Where the river's stations stand and how wide its bands are, in the units of the picture (1160 by 430)."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import log10
from typing import Final

from contracts import events as _events
from contracts.event import Event
from desk.domain.river import River, Station

assert _events  # noqa: S101 - importing it fills the registry of events

WIDTH: Final = 1160
HEIGHT: Final = 400
CARD: Final = (150, 92)
PLACES: Final = {
    "sources": (10, 154),
    "ingestion": (170, 154),
    "imaging": (360, 30),
    "tagging": (360, 278),
    "desk": (550, 154),
    "publication": (740, 154),
    "delivery": (930, 154),
    "sites": (1120, 154),
}
ENDS: Final = {"sources": 30, "sites": 30}
"""The two ends are marks, not cards: their width."""
MOST_DOTS: Final = 12
MOST_DROPS: Final = 8


@dataclass(frozen=True)
class Band:
    """A stream from one station to another. `path` is an SVG path; `goes_back`: against the river, drawn thin."""

    origin: str
    target: str
    per_s: float
    path: str
    width: float
    tone: str
    goes_back: bool


@dataclass(frozen=True)
class Card:
    """A station's box at (x, y)."""

    station: Station
    x: int
    y: int

    @property
    def dots(self) -> tuple[tuple[int, str], ...]:
        """(x, state) of each worker: `busy`, `idle` or `silent`."""
        shown = self.station.workers[:MOST_DOTS]
        return tuple(
            (self.x + 14 + 11 * place, "silent" if one.is_silent else "busy" if one.in_hand else "idle")
            for place, one in enumerate(shown)
        )

    @property
    def drops(self) -> tuple[int, ...]:
        """X of each drop; a drop is a dead event."""
        return tuple(self.x + 16 + 16 * place for place in range(min(self.station.dead, MOST_DROPS)))


@dataclass(frozen=True)
class Shape:
    bands: tuple[Band, ...]
    cards: tuple[Card, ...]


def width_of(per_s: float) -> float:
    """2 where nothing flows, 11 at one a second, 29 at a hundred: so that a trickle and a flood are both seen."""
    return round(min(2 + 9 * log10(1 + 10 * per_s), 40), 1)


def shape(river: River) -> Shape:
    stations = {one.consumer: one for one in river.stations}
    cards = tuple(Card(stations[name], *place) for name, place in PLACES.items() if name in stations)
    wide = sorted(streams(river.rates).items(), key=lambda one: -one[1])
    return Shape(tuple(_band(*ends, per_s, stations) for ends, per_s in wide), cards)


def streams(rates: Mapping[str, float]) -> dict[tuple[str, str], float]:
    """Events a second between two stations, for all that there are, by the catalogue of events."""
    found: dict[tuple[str, str], float] = {}
    for name, event in Event.registry.items():
        for ends in product((event.producer,), event.consumers):
            if not PLACES.keys() >= set(ends):
                continue  # an event of somebody's own tests or tools
            found[ends] = found.get(ends, 0.0) + rates.get(name, 0.0)
    received = rates.get("story.received.v1", 0.0) + rates.get("story.withdrawn_at_source.v1", 0.0)
    return {**found, ("sources", "ingestion"): received, ("delivery", "sites"): rates.get("delivery.changed.v1", 0.0)}


def _band(origin: str, target: str, per_s: float, stations: Mapping[str, Station]) -> Band:
    goes_back = PLACES[target][0] < PLACES[origin][0]
    tone = stations[target].tone if target in stations else "good"
    path = _back(origin, target) if goes_back else _forth(origin, target)
    return Band(
        origin, target, per_s, path, min(width_of(per_s), 6.0) if goes_back else width_of(per_s), tone, goes_back
    )


def _middle(name: str) -> int:
    return PLACES[name][1] + CARD[1] // 2


def _forth(origin: str, target: str) -> str:
    start, end = PLACES[origin][0] + ENDS.get(origin, CARD[0]), PLACES[target][0]
    half = (start + end) // 2
    return f"M{start} {_middle(origin)} C{half} {_middle(origin)} {half} {_middle(target)} {end} {_middle(target)}"


def _back(origin: str, target: str) -> str:
    """An arc under the cards, or over them where it comes from or goes to the upper row."""
    start, end = PLACES[origin][0] + CARD[0] // 2, PLACES[target][0] + CARD[0] // 2
    is_over = PLACES[target][1] < PLACES["desk"][1]
    first = PLACES[origin][1] + (0 if is_over else CARD[1])
    last = PLACES[target][1] + (CARD[1] // 2 if PLACES[target][1] != PLACES["desk"][1] else CARD[1])
    reach = (first - 70) if is_over else min(first + 90 + (start - end) // 12, HEIGHT - 6)
    return f"M{start} {first} C{start} {reach} {end} {reach if last > reach or not is_over else last} {end} {last}"
