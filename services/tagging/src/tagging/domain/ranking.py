"""How much a story is about something: a linear model over what an editor looks at."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from contracts.content import Span, Tag

SHIPPED: Mapping[str, float] = {
    "bias": -2.83,
    "mentions": 1.74,
    "headline": 1.44,
    "lede": 0.38,
    "late": 0.14,
    "caption_only": -1.6,
    "by_alias_only": -0.64,
    "part_of_name": -1.55,
    "top": 1.27,
    "acceptance": 0.9,
    "person": 0.41,
    "office": -0.46,
    "holder": 1.01,
    "holder_lead": 0.51,
    "holder_top": 1.09,
    "holder_overshadowed": -0.82,
    "holder_before": -0.59,
    "no_holder": -0.53,
    "overshadowed": -0.64,
    "rank_person": -0.52,
    "rank_office": -0.43,
    "rank_place": -0.52,
    "rank_organisation": -0.17,
    "rank_subject": -0.25,
    "person_overshadowed": -0.53,
    "person_body": -0.45,
    "place": -0.37,
    "country": 0.03,
    "region": 1.54,
    "home_country": -1.01,
    "foreign_place": -0.64,
    "narrower": 1.09,
    "implied": -0.09,
    "organisation": -0.36,
    "subject": -1.27,
    "subject_mentions": 0.66,
    "unlinked": -0.58,
    "event": 0.0,
    "other": -0.5,
}
"""Fitted to the stories of tests/gold/tune.txt; what an editor does moves them on (see `fit`)."""
FEATURES = tuple(SHIPPED)
LAST_RANK = 3


@dataclass
class Candidate:
    """A possible tag with where it stands. `position`: of its first mention, as a share of the text."""

    tag: Tag
    spans: list[Span] = field(default_factory=list)
    position: float = 0.0
    places: list[tuple[int, int]] = field(default_factory=list)
    """Of a person: where it stands in the whole text."""
    aliases: int = 0
    """How many of its mentions are by another name, e.g. an adjective."""
    is_part_of_name: bool = False
    holder: "Candidate | None" = None
    """Of an office: the person beside it."""
    holder_before: "Candidate | None" = None
    """The person named last before an office that begins a sentence: «Губернатор добавил»."""
    is_unlinked: bool = False
    """The vocabulary does not know it."""
    is_home: bool = True
    """Of a place: in the newsroom's own country, or nobody knows where."""
    place_kind: str = ""
    narrower: int = 0
    """How often places inside it are named."""
    is_implied: bool = False
    """Not named at all: only a place inside it is, `implied_by`."""
    implied_by: str = ""
    is_overshadowed: bool = False
    """Neither headline nor lede names it, though they name another of its kind."""
    rank: int = 0
    """How many others of its kind are more prominent."""
    is_top: bool = False
    """Named more than once, and no other of its kind is named more often."""
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
        "acceptance": one.acceptance,
        "narrower": math.log2(1 + min(one.narrower, 15)),
        one.place_kind or one.tag.kind: 1.0,
    }
    if one.tag.kind == "place" and (one.place_kind == "country") == one.is_home:
        found["home_country" if one.is_home else "foreign_place"] = 1.0
    if one.is_implied:
        return {name: value for name, value in {**found, "implied": 1.0}.items() if value}
    found |= {
        "mentions": math.log2(1 + min(len(one.spans), 15)),
        "headline": float(one.in_headline),
        "lede": float(one.in_lede),
        "late": float(one.position > 0.5),
        "caption_only": float(one.in_caption_only),
        "by_alias_only": float(one.aliases == len(one.spans)),
        "part_of_name": float(one.is_part_of_name),
        "top": float(one.is_top),
        "unlinked": float(one.is_unlinked),
        "overshadowed": float(one.is_overshadowed),
        f"rank_{one.tag.kind}": float(min(one.rank, LAST_RANK)),
    }
    if one.tag.kind == "office":
        found |= _of_holder(one)
    if one.tag.kind == "person":
        found |= {
            "person_overshadowed": float(one.is_overshadowed),
            "person_body": float(not (one.in_headline or one.in_lede)),
        }
    if one.tag.kind == "subject":
        found["subject_mentions"] = found["mentions"]
    return {name: value for name, value in found.items() if value}


def _of_holder(one: Candidate) -> dict[str, float]:
    """An office is as interesting as the person who holds it."""
    holder = one.holder or one.holder_before
    if holder is None:
        return {"no_holder": 1.0}
    return {
        "holder": math.log2(1 + min(len(holder.spans), 15)),
        "holder_lead": float(holder.in_headline or holder.in_lede),
        "holder_top": float(holder.is_top),
        "holder_overshadowed": float(holder.is_overshadowed),
        "holder_before": float(one.holder is None),
    }


def compare(candidates: Sequence[Candidate]) -> None:
    """Set each beside the others of its kind: who is named most often, who stands in the headline or the lede."""
    most: dict[str, int] = {}
    in_lead: set[str] = set()
    for one in candidates:
        if not one.is_implied:
            most[_class(one)] = max(most.get(_class(one), 2), len(one.spans))
            if one.in_headline or one.in_lede:
                in_lead.add(_class(one))
    for one in candidates:
        one.is_top = not one.is_implied and len(one.spans) >= most[_class(one)]
        one.is_overshadowed = _class(one) in in_lead and not (one.in_headline or one.in_lede)
    seen: Counter[str] = Counter()
    for one in sorted(candidates, key=lambda one: (one.is_implied, -_prominence(one), one.position)):
        one.rank = seen[_class(one)]
        seen[_class(one)] += 1


def _prominence(one: Candidate) -> float:
    """An office stands where its holder stands."""
    holder = one.holder or one.holder_before
    if holder is not None:
        return _prominence(holder)
    return math.log2(1 + len(one.spans)) + one.in_headline + one.in_lede / 2


def _class(one: Candidate) -> str:
    return one.place_kind or one.tag.kind


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
    pull: float = 12.0,
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
