"""How much a story is about something: a linear model over what an editor looks at."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from contracts.content import Span, Tag

SHIPPED: Mapping[str, float] = {
    "bias": -2.9,
    "mentions": 1.25,
    "headline": 1.7,
    "lede": 1.2,
    "late": -0.9,
    "caption_only": -1.6,
    "by_alias_only": -0.25,
    "part_of_name": -1.5,
    "beside_person": -0.2,
    "acceptance": 0.9,
    "person": 0.45,
    "office": 1.2,
    "place": 0.0,
    "country": 0.7,
    "region": 0.6,
    "organisation": -0.4,
    "subject": -1.6,
    "event": 0.0,
    "other": -0.5,
    "narrower_named": 0.0,
}
"""Set by hand; what an editor does moves them (see `fit`)."""
FEATURES = tuple(SHIPPED)


@dataclass
class Candidate:
    """A possible tag with where it stands. `position`: of its first mention, as a share of the text."""

    tag: Tag
    spans: list[Span] = field(default_factory=list)
    position: float = 0.0
    aliases: int = 0
    """How many of its mentions are by another name, e.g. an adjective."""
    is_part_of_name: bool = False
    is_beside_person: bool = False
    place_kind: str = ""
    has_narrower: bool = False
    acceptance: float = 0.0

    @property
    def in_headline(self) -> bool:
        return any(span.field == "headline" for span in self.spans)

    @property
    def in_lede(self) -> bool:
        return any(span.field == "lede" for span in self.spans)

    @property
    def in_caption_only(self) -> bool:
        return all(span.field.startswith("images.") for span in self.spans)


def features(one: Candidate) -> dict[str, float]:
    found = {
        "bias": 1.0,
        "mentions": math.log2(1 + min(len(one.spans), 15)),
        "headline": float(one.in_headline),
        "lede": float(one.in_lede),
        "late": float(one.position > 0.5),
        "caption_only": float(one.in_caption_only),
        "by_alias_only": float(one.aliases == len(one.spans)),
        "part_of_name": float(one.is_part_of_name),
        "beside_person": float(one.is_beside_person),
        "acceptance": one.acceptance,
        "narrower_named": float(one.has_narrower),
        one.place_kind or one.tag.kind: 1.0,
    }
    return {name: value for name, value in found.items() if value}


def confidence(found: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Between 0 and 1: the share of such candidates that editors keep."""
    return round(1 / (1 + math.exp(-sum(weights.get(name, 0.0) * value for name, value in found.items()))), 3)


def acceptance(kept: int, removed: int) -> float:
    """What editors thought of a tag on other stories, from -1.5 to 1.5; nothing known: 0."""
    return max(-1.5, min(1.5, math.log((kept + 1) / (removed + 1)) / 2))


def fit(
    examples: Sequence[tuple[Mapping[str, float], bool]],
    start: Mapping[str, float] = SHIPPED,
    *,
    pull: float = 4.0,
    rounds: int = 12,
) -> dict[str, float]:
    """Weights by logistic regression, drawn towards `start` as if `pull` examples spoke for each of them; Newton's method.

    The order of the examples does not matter.
    """
    if not examples:
        return dict(start)
    names = list(start)
    columns = {name: place for place, name in enumerate(names)}
    rows = sorted((sorted(found.items()), kept) for found, kept in examples)
    table = np.zeros((len(rows), len(names)))
    for place, (found, _) in enumerate(rows):
        for name, value in found:
            if name in columns:
                table[place, columns[name]] = value
    kept = np.array([one for _, one in rows], dtype=float)
    origin = np.array([start[name] for name in names])
    weights = origin.copy()
    for _ in range(rounds):
        sure = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
        slope = table.T @ (sure - kept) + pull * (weights - origin)
        curve = (table * (sure * (1 - sure))[:, None]).T @ table + pull * np.eye(len(names))
        weights = weights - np.linalg.solve(curve, slope)
    return {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}
