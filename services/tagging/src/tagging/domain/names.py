"""Persons: their mentions put together, and their names in the nominative."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tagging.domain.words import parses, words

NAME_MARKS = ("Name", "Surn", "Patr")


class Span(NamedTuple):
    start: int
    end: int


class Reading(NamedTuple):
    """One way to read a mention: its words in the nominative, and how likely that is."""

    first: str
    surname: str
    gender: str
    score: float


@dataclass(frozen=True)
class Person:
    name: str
    spans: tuple[Span, ...]


def link_persons(text: str, spans: Sequence[Span]) -> list[Person]:
    """Persons with all their mentions; «Солнцев» belongs to «Евгений Солнцев» where only one such is named."""
    readings = {span: _read(text[span.start : span.end]) for span in spans}
    votes: Counter[tuple[str, str]] = Counter()
    for options in readings.values():
        for option in options:
            votes[option.surname, option.gender] += option.score  # type: ignore[assignment]
    chosen = {
        span: max(options, key=lambda one: (votes[one.surname, one.gender], one.score))
        for span, options in readings.items()
        if options
    }
    full = {reading.surname: reading for reading in chosen.values() if reading.first}
    groups: dict[str, list[Span]] = defaultdict(list)
    for span, reading in chosen.items():
        best = full.get(reading.surname, reading)
        groups[f"{best.first} {best.surname}".strip()].append(span)
    return [Person(name, tuple(sorted(mentions))) for name, mentions in groups.items()]


def _read(mention: str) -> list[Reading]:
    parts = [word.text for word in words(mention)]
    if not parts or len(parts) > 4:
        return []
    if not any("а" <= sign.lower() <= "я" for sign in mention):
        return [Reading(" ".join(parts[:-1]), parts[-1], "", 1.0)]
    return [
        reading
        for gender in ("masc", "femn")
        for case in ("nomn", "gent", "datv", "accs", "ablt", "loct")
        if (reading := _in_case(parts, gender, case))
    ]


def _in_case(parts: list[str], gender: str, case: str) -> Reading | None:
    names: list[tuple[str, str]] = []
    score = 1.0
    for part in parts:
        if len(part) == 1:
            names.append(("Init", f"{part}."))
            continue
        option = _fitting(part, gender, case)
        if option is None:
            return None
        kind, nominative, weight = option
        names.append((kind, _like(part, nominative)))
        score *= weight
    surname = next((name for kind, name in reversed(names) if kind == "Surn"), names[-1][1])
    first = " ".join(name for kind, name in names if kind in ("Name", "Init") and name != surname)
    return Reading(first, surname, gender, score)


def _fitting(part: str, gender: str, case: str) -> tuple[str, str, float] | None:
    best: tuple[str, str, float] | None = None
    for parse in parses(part):
        kind = next((mark for mark in NAME_MARKS if mark in parse.tag), None)
        weight = parse.score * (1.0 if kind else 0.1)
        if not kind and "NOUN" not in parse.tag:
            continue
        if case not in parse.tag or "plur" in parse.tag or not _is_of(parse, gender):
            continue
        nominative = parse.inflect({"nomn", "sing"})
        if nominative and (best is None or weight > best[2]):
            best = (kind or "Surn", nominative.word, weight)
    return best


def _is_of(parse: Any, gender: str) -> bool:  # noqa: ANN401 - pymorphy3 ships no types
    return gender in parse.tag or "ms-f" in parse.tag or "Fixd" in parse.tag


def _like(shape: str, word: str) -> str:
    """With capitals where a name has them."""
    return "-".join(part[:1].upper() + part[1:] for part in word.split("-")) if shape[:1].isupper() else word
