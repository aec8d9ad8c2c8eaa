"""Finds the vocabulary's concepts in a text, in any inflection: every form of every name, looked up by its first word."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from tagging.domain.inflection import inflected
from tagging.domain.kazakh import stems
from tagging.domain.vocabulary import NEVER_SOUGHT, Alias, Concept, Kind, Vocabulary
from tagging.domain.words import Word, plain, words

DIGITS = re.compile(r"\d+")
CITY_WORDS = frozenset(
    ["город", "города", "городе", "городу", "городом", "г", "село", "села", "селе", "поселок", "поселка", "поселке"]
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A concept in a text. `by_alias`: not named by its label, e.g. by an adjective."""

    concept_id: str
    kind: Kind
    start: int
    end: int
    by_alias: bool


Numbers = tuple[tuple[str, ...], ...]
"""Of words: the numbers before the first, between each two, after the last. «Школа № 5»: ((), ("5",))."""


@dataclass(frozen=True, slots=True)
class _Name:
    concept: Concept
    alias: Alias
    by_alias: bool
    wants_capital: bool
    numbers: Numbers = ()
    """Empty: the name has none."""


class Gazetteer:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._index: dict[str, list[tuple[tuple[str, ...], _Name]]] = defaultdict(list)
        self._has_kazakh: set[str] = set()
        for concept in vocabulary.by_id.values():
            if (
                concept.status == "active"
                and concept.kind != "rubric"
                and not concept.concept_id.startswith(NEVER_SOUGHT)
            ):
                self._add(concept)
        self._index = dict(self._index)

    def _add(self, concept: Concept) -> None:
        labels = {concept.label, concept.label_en, concept.label_kk}
        for alias in concept.names():
            wants_capital = alias.text[:1].isupper() and concept.kind not in ("subject", "office")
            numbers = _numbers(alias.text, words(alias.text)) if DIGITS.search(alias.text) else ()
            name = _Name(concept, alias, alias.text not in labels, wants_capital, numbers)
            forms = inflected(alias.text, is_proper=wants_capital) if alias.language == "ru" else {_plain(alias.text)}
            for first, *rest in filter(None, forms):
                self._index[first].append((tuple(rest), name))
                if alias.language == "kk":
                    self._has_kazakh.add(first)

    def find(self, text: str, *, is_kazakh: bool = False, day: date | None = None) -> list[Mention]:
        """All mentions, the longest at each place; overlapping shorter ones are dropped. Names that need context count only with it."""
        tokens = words(text)
        found = list(self._all(text, tokens, is_kazakh=is_kazakh))
        if day is not None:
            found = [
                (start, end, [one for one in options if one.concept.is_valid(day)]) for start, end, options in found
            ]
        sure = {name.concept.concept_id for _, _, options in found for name in options if not name.alias.needs_context}
        near = {above for one in sure for above in self.vocabulary.way_up(one)[:2]}
        mentions = []
        for start, end, options in found:
            name = self._best(options, near, tokens, start)
            if name:
                concept = name.concept
                first, last = _edges(text, tokens[start:end], name)
                mentions.append(Mention(concept.concept_id, concept.kind, first, last, name.by_alias))
        return mentions

    def _all(self, text: str, tokens: Sequence[Word], *, is_kazakh: bool) -> Iterable[tuple[int, int, list[_Name]]]:
        plains = [plain(token.text).removesuffix("'s").removesuffix("’s") for token in tokens]
        place = 0
        while place < len(tokens):
            length = 1
            options: list[_Name] = []
            for first in stems(plains[place], self._has_kazakh) if is_kazakh else (plains[place],):
                for rest, name in self._index.get(first, ()):
                    size = len(rest) + 1
                    if length == 1 and _has_place_inside(name, plains, tokens, place, rest):
                        options.append(name)
                        continue
                    if (
                        size < length
                        or not _follows(plains, place, rest, is_kazakh=is_kazakh)
                        or not _is_as_written(name, tokens, place, size)
                        or not _is_numbered(name, text, tokens, place, size)
                    ):
                        continue
                    if size > length:
                        length, options = size, []
                    options.append(name)
            if options:
                yield place, place + length, options
            place += length

    def _best(self, options: list[_Name], near: set[str], tokens: Sequence[Word], place: int) -> _Name | None:
        """Of several concepts with one name: the one whose region or country the text names."""
        after_city = place > 0 and plain(tokens[place - 1].text) in CITY_WORDS
        fitting = [
            name
            for name in options
            if not name.alias.needs_context
            or after_city
            or (set(self.vocabulary.way_up(name.concept.concept_id)[1:2]) & near)
            or (not name.concept.broader and name.concept.concept_id in near)
            or name.concept.concept_id in near
        ]
        ids = {name.concept.concept_id for name in fitting}
        fitting = [name for name in fitting if name.concept.broader not in ids] or fitting  # Бразилия, not its capital
        in_context = [name for name in fitting if set(self.vocabulary.way_up(name.concept.concept_id)[1:2]) & near]
        return min(in_context or fitting, key=lambda name: (name.alias.needs_context, name.by_alias), default=None)


def _plain(text: str) -> tuple[str, ...]:
    return tuple(plain(word.text) for word in words(text))


def _follows(plains: Sequence[str], place: int, rest: tuple[str, ...], *, is_kazakh: bool) -> bool:
    after = plains[place + 1 : place + 1 + len(rest)]
    if is_kazakh and rest and len(after) == len(rest):
        return after[:-1] == list(rest[:-1]) and after[-1].startswith(rest[-1][:-1])
    return after == list(rest)


def _has_place_inside(
    name: _Name, plains: Sequence[str], tokens: Sequence[Word], place: int, rest: tuple[str, ...]
) -> bool:
    """«Глава Беляевского района» is a «глава района»; the place is found for itself."""
    return (
        name.concept.kind == "office"
        and bool(rest)
        and place + 1 < len(tokens)
        and tokens[place + 1].is_capital
        and _follows(plains, place + 1, rest, is_kazakh=False)
    )


def _is_as_written(name: _Name, tokens: Sequence[Word], place: int, size: int) -> bool:
    if name.alias.is_exact:
        return size > 1 or tokens[place].text == name.alias.text
    return not name.wants_capital or any(token.is_capital for token in tokens[place : place + size])


def _numbers(text: str, tokens: Sequence[Word], start: int = 0, end: int | None = None) -> Numbers:
    starts, ends = [start, *(token.end for token in tokens)], [*(token.start for token in tokens), end]
    return tuple(tuple(DIGITS.findall(text[one:other])) for one, other in zip(starts, ends, strict=True))


def _is_numbered(name: _Name, text: str, tokens: Sequence[Word], place: int, size: int) -> bool:
    """«Школа № 5» is neither «Школа № 15» nor any school."""
    if not name.numbers:
        return True
    start = tokens[place - 1].end if place else 0
    end = tokens[place + size].start if place + size < len(tokens) else len(text)
    before, *between, after = _numbers(text, tokens[place : place + size], start, end)
    own_before, *own_between, own_after = name.numbers
    return (
        before[len(before) - len(own_before) :] == own_before
        and between == own_between
        and after[: len(own_after)] == own_after
    )


def _edges(text: str, tokens: Sequence[Word], name: _Name) -> tuple[int, int]:
    """Where a mention begins and ends, with its numbers."""
    start, end = tokens[0].start, tokens[-1].end
    if name.numbers and name.numbers[0]:
        start = text.rindex(name.numbers[0][0], 0, start)
    if name.numbers and name.numbers[-1]:
        for number in name.numbers[-1]:
            end = text.index(number, end) + len(number)
    return start, end
