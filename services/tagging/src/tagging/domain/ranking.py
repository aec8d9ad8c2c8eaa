"""How much a story is about something: a linear model over what an editor looks at."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from contracts.content import Span, Tag

SHIPPED: Mapping[str, float] = {
    "bias": -1.8,
    "mentions": 1.56,
    "headline": 0.93,
    "lede": -0.04,
    "late": -0.6,
    "caption_only": -1.6,
    "by_alias_only": -0.56,
    "part_of_name": -0.64,
    "top": 1.3,
    "acceptance": 0.9,
    "person": 0.3,
    "office": -1.02,
    "holder": 0.53,
    "holder_lead": -0.12,
    "holder_top": 1.57,
    "holder_overshadowed": -0.66,
    "holder_rank": -0.98,
    "holder_before": -0.69,
    "no_holder": 0.23,
    "overshadowed": -0.78,
    "rank_person": -1.3,
    "rank_office": -0.6,
    "rank_place": -0.54,
    "rank_organisation": -0.13,
    "rank_subject": -0.32,
    "person_overshadowed": -0.21,
    "person_body": -0.34,
    "place": -0.46,
    "country": -0.47,
    "region": 0.87,
    "home_country": -0.43,
    "foreign_place": -1.73,
    "narrower": 1.02,
    "implied": -0.7,
    "near": -0.66,
    "organisation": -0.19,
    "subject": -0.84,
    "subject_mentions": -0.33,
    "subject_headline": -0.69,
    "subject_lede": -0.64,
    "subject_words": 0.47,
    "organisation_headline": -0.34,
    "place_headline": 0.29,
    "region_headline": 0.14,
    "unlinked": -1.09,
    "narrower_headline": 1.05,
    "narrower_lede": -0.29,
    "sole_country": 0.04,
    "sole_region": 1.3,
    "sole_place": 0.91,
    "rank_country": -0.37,
    "rank_region": -0.87,
    "implied_late": -0.72,
    "person_speaks": -0.41,
    "person_sole": 0.57,
    "person_only_speaks": -0.9,
    "has_narrower": -1.64,
    "broader_mentions": 1.63,
    "organisation_unlinked": 0.4,
    "official": 0.93,
    "holder_guessed": 0.65,
    "holder_guessed_lead": 0.07,
    "event": 0.0,
    "other": -0.5,
}
"""Fitted to the stories of tests/gold/tune*.txt by tests/fit.py; what an editor does moves them on (see `fit`)."""
SHIPPED_VERSION = sha256(repr(sorted(SHIPPED.items())).encode()).hexdigest()[:12]
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
    near: int = 0
    """How many of its mentions only say what is near it: «под Пензой»."""
    narrower: int = 0
    """How often places inside it are named."""
    narrower_spans: list[Span] = field(default_factory=list)
    """Where they are."""
    has_narrower: bool = False
    """Of a subject: one that is part of it is proposed, too: «спорт» beside «хоккей»."""
    words: set[str] = field(default_factory=set)
    """Of a subject: the beginnings of the different words that speak of it."""
    broader_mentions: int = 0
    """Of a subject: how often what it is part of is named."""
    speaks: int = 0
    """Of a person: how many of its mentions only say whose words these are."""
    is_sole: bool = False
    """No other of its kind is named."""
    is_official: bool = False
    """Of an office: a public one, «мэр», not «адвокат»."""
    acts: bool = False
    """Of an office: it stands in the nominative somewhere, «добавил губернатор», but not only «премия губернатора»."""
    guessed_holder: "Candidate | None" = None
    """Of an office that nobody is named beside: the story's most prominent person who has no other."""
    is_implied: bool = False
    """Not named at all: only a place inside it is, whose mentions are its own."""
    implied_by: Mapping[str, str] = field(default_factory=dict)
    """That place's name by language."""
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
    def in_lead(self) -> bool:
        return self.in_headline or self.in_lede

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
    if one.tag.kind == "place":
        found |= {
            "narrower_headline": float(any(span.field == "headline" for span in one.narrower_spans)),
            "narrower_lede": float(any(span.field == "lede" for span in one.narrower_spans)),
            "near": one.near / max(1, len(one.spans)),
            f"sole_{one.place_kind or 'place'}": float(one.is_sole),
            f"rank_{one.place_kind or 'place'}": float(min(one.rank, LAST_RANK)),
        }
    if one.is_implied:
        found |= {"implied": 1.0, "implied_late": float(one.position > 0.5)}
        return {name: value for name, value in found.items() if value}
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
    }
    if one.tag.kind == "place":
        found[f"{one.place_kind or 'place'}_headline"] = found["headline"]
    else:
        found[f"rank_{one.tag.kind}"] = float(min(one.rank, LAST_RANK))
    if one.tag.kind == "office":
        found |= _of_holder(one)
    if one.tag.kind == "person":
        found |= {
            "person_overshadowed": float(one.is_overshadowed),
            "person_body": float(not (one.in_headline or one.in_lede)),
            "person_speaks": one.speaks / len(one.spans),
            "person_sole": float(one.is_sole),
            "person_only_speaks": float(one.speaks == len(one.spans)),
        }
    if one.tag.kind == "subject":
        found |= {
            "subject_mentions": found["mentions"],
            "subject_headline": found["headline"],
            "subject_lede": found["lede"],
            "subject_words": math.log2(len(one.words)) if one.words else 0.0,
            "has_narrower": float(one.has_narrower),
            "broader_mentions": math.log2(1 + min(one.broader_mentions, 15)),
        }
    if one.tag.kind == "organisation":
        found |= {"organisation_unlinked": float(one.is_unlinked), "organisation_headline": found["headline"]}
    return {name: value for name, value in found.items() if value}


def _of_holder(one: Candidate) -> dict[str, float]:
    """An office is as interesting as the person who holds it."""
    official = float(one.is_official)
    holder = one.holder or one.holder_before
    if holder is None:
        return {
            "official": official,
            "no_holder": 1.0,
            "holder_guessed": math.log2(1 + len(one.guessed_holder.spans)) if one.guessed_holder else 0.0,
            "holder_guessed_lead": float(one.guessed_holder is not None and one.in_lead),
        }
    return {
        "official": official,
        "holder": math.log2(1 + min(len(holder.spans), 15)),
        "holder_lead": float(holder.in_headline or holder.in_lede),
        "holder_top": float(holder.is_top),
        "holder_overshadowed": float(holder.is_overshadowed),
        "holder_before": float(one.holder is None),
        "holder_rank": float(min(holder.rank, LAST_RANK)),
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
    count = Counter(map(_class, candidates))
    for one in candidates:
        one.is_sole = count[_class(one)] == 1
    seen: Counter[str] = Counter()
    for one in sorted(candidates, key=lambda one: (-_prominence(one), one.is_implied, one.position)):
        one.rank = seen[_class(one)]
        seen[_class(one)] += 1


def _prominence(one: Candidate) -> float:
    """An office stands where its holder stands."""
    holder = one.holder or one.holder_before or one.guessed_holder
    if holder is not None:
        return _prominence(holder)
    spans = one.spans if one.is_implied else [*one.spans, *one.narrower_spans]
    fields = {span.field for span in spans}
    return math.log2(1 + len(spans)) + ("headline" in fields) + ("lede" in fields) / 2


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
