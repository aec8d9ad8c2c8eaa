"""People, places and organisations of a text: every mention in the nominative, and those that mean the same put together."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tagging.domain.names import link_persons
from tagging.domain.phrases import nominatives
from tagging.domain.spans import Span
from tagging.domain.surnames import is_role
from tagging.domain.words import folded, parses

Identify = Callable[[str], str | None]
"""A name in the nominative -> the id of the concept that it means, if the vocabulary knows exactly one."""

NAME_MARKS = ("Name", "Surn", "Patr", "Geox", "Orgn", "Trad")
NO_ORGANISATIONS = frozenset({"сми", "чп", "дтп", "тв", "пк", "зао", "ооо", "оао", "ао", "пао", "гу", "фото", "рис"})
BREAKS = re.compile(r"\s*[•·|;]\s*|\)\s*$")
BREAKS_OF_PEOPLE = re.compile(r"\s*[•·|;,/]\s*|\s*\((?=[А-ЯЁ])|\)\s*|\s+и\s+")
PARENTHESES = re.compile(r"\s*\([^()]*\)?")
CASE_ENDING = re.compile(r"(?:ами|ями|ах|ях|ам|ям|ом|ем|ой|ей|а|я|о|е|у|ю|ы|и|ь|й)$")
OBLIQUE = frozenset("еиуыю")
MOST_ALIKE = 50
INNER = re.compile(r"[^\W_]+")
CONNECTING = frozenset(
    [
        "и",
        "в",
        "во",
        "на",
        "по",
        "о",
        "об",
        "при",
        "для",
        "с",
        "из",
        "к",
        "у",
        "от",
        "до",
        "за",
        "the",
        "of",
        "and",
        "for",
    ]
)
HEADS = frozenset(
    [
        "министерство",
        "ведомство",
        "правительство",
        "парламент",
        "суд",
        "прокуратура",
        "администрация",
        "мэрия",
        "собрание",
        "комитет",
        "комиссия",
        "палата",
        "служба",
        "управление",
        "департамент",
        "федерация",
        "союз",
        "ассоциация",
        "совет",
        "банк",
        "академия",
        "полиция",
        "посольство",
        "генпрокуратура",
        "генштаб",
        "минобороны",
        "мид",
        "госдепартамент",
        "конгресс",
        "сенат",
        "сейм",
        "акимат",
        "маслихат",
        "дума",
        "госдума",
        "избирком",
        "мчс",
        "мвд",
        "минздрав",
        "минфин",
        "агентство",
    ]
)
"""Institutions whose name goes on with the country or region after it: «министерство сельского хозяйства Германии»."""


@dataclass(frozen=True)
class Mention:
    span: Span
    name: str
    """In the nominative, as this mention alone says it."""


@dataclass(frozen=True)
class Entity:
    kind: str
    """PER, LOC or ORG."""
    name: str
    mentions: tuple[Mention, ...]
    concept_id: str | None = None


def find_entities(text: str, spans: Sequence[Span], identify: Identify) -> list[Entity]:
    """In the order in which they are first named."""
    spans = _sensible(text, spans)
    spans = _places_among_people(text, _surnames_among_places(text, spans), identify)
    spans = [span for span in spans if span.kind != "PER" or not _is_family(text, span)]
    people = [
        Entity("PER", person.name.label, tuple(Mention(*pair) for pair in zip(person.spans, person.own, strict=True)))
        for person in link_persons(text, [span for span in spans if span.kind == "PER"])
    ]
    others = [span for span in spans if span.kind != "PER"]
    mentions = [Mention(span, name) for span, name in zip(others, nominatives(text, others), strict=True)]
    return sorted([*people, *_merge(text, mentions, identify)], key=lambda one: one.mentions[0].span)


def _sensible(text: str, spans: Sequence[Span]) -> list[Span]:
    """Without what is surely no name: a common word at a sentence's start, a people, «СМИ»; lists are cut into their items."""
    pieces = [piece for span in spans for piece in _pieces(text, span)]
    parts = {word[:4] for span in pieces if span.kind == "PER" for word in _many(text[span.start : span.end])}
    return [
        span
        for span in pieces
        if (span.kind == "PER" and text[span.start : span.end][:4] in parts)
        or not (_is_common(text[span.start : span.end], span.kind) or _is_lone_calling(text, span))
    ]


def _is_lone_calling(text: str, span: Span) -> bool:
    name = text[span.start : span.end]
    if span.kind != "PER" or not name.isalpha() or not _begins_sentence(text, span.start):
        return False
    return _is_calling([parse.tag for parse in parses(name.lower()) if parse.is_known])


def _many(name: str) -> list[str]:
    words = name.split()
    return words if len(words) > 1 else []


def _is_family(text: str, span: Span) -> bool:
    """«Ивановы», «братьев Ямадаевых»: several people, no tag."""
    name = text[span.start : span.end]
    if " " in name or not name.isalpha():
        return False
    tags = [parse.tag for parse in parses(name.lower()) if "Surn" in parse.tag]
    return bool(tags) and all("plur" in tag and "Fixd" not in tag for tag in tags)


def _pieces(text: str, span: Span) -> list[Span]:
    start, found = _without_first_word(text, span), []
    breaks = BREAKS_OF_PEOPLE if span.kind == "PER" else BREAKS
    for cut in [*breaks.finditer(text, start, span.end), None]:
        end = cut.start() if cut else span.end
        if end > start:
            found.append(Span(start, end, span.kind))
        start = cut.end() if cut else start
    return found


def _without_first_word(text: str, span: Span) -> int:
    """Where a person's name begins: not at a word that begins a sentence and is surely none («Всё-таки Проди», «Лыжница Непряева»)."""
    first, _, rest = text[span.start : span.end].partition(" ")
    if span.kind != "PER" or not rest or not first[:1].isupper() or first.isupper() or not rest[:1].isupper():
        return span.start
    known = [parse.tag for parse in parses(first.lower()) if parse.is_known]
    is_word = bool(known) and all({"PREP", "CONJ", "ADVB", "PRCL", "INTJ", "PRED"} & tag.grammemes for tag in known)
    if is_word or (_begins_sentence(text, span.start) and _is_calling(known)):
        return span.end - len(rest.lstrip())
    return span.start


def _is_calling(known: Sequence[Any]) -> bool:
    """What somebody is, and never what somebody is called: «лыжница», «хирург»."""
    return bool(known) and all(
        {"NOUN", "anim"} <= tag.grammemes and not any(mark in tag for mark in NAME_MARKS) for tag in known
    )


def _begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(' «„"“')[-1:]
    return before in ("", "\n", ".", "!", "?", "—")


def _is_common(name: str, kind: str) -> bool:
    words = INNER.findall(name)
    if not words or (kind == "ORG" and len(words) == 1 and words[0].lower() in NO_ORGANISATIONS):
        return True
    if len(words) > 1:
        return "-" in name and words[-1].lower() in ("же", "то", "таки", "ка")
    known = [parse.tag for parse in parses(name.lower()) if parse.is_known]
    if not known or name.isupper() or any(mark in tag for tag in known for mark in NAME_MARKS):
        return False
    is_of_many = "anim" in known[0] and "plur" in known[0]
    if kind == "PER":
        return is_of_many or not {"NOUN", "anim"} <= known[0].grammemes
    return kind == "LOC" and (is_of_many or not {"NOUN", "ADJF"} & known[0].grammemes)


def _surnames_among_places(text: str, spans: Sequence[Span]) -> list[Span]:
    """A lone word that the net takes for a place though a person of the text bears it is that person."""
    surnames = {
        text[span.start : span.end].rsplit(maxsplit=1)[-1][:5].lower()
        for span in spans
        if span.kind == "PER" and " " in text[span.start : span.end]
    }
    changed = []
    for span in spans:
        word = text[span.start : span.end]
        is_surname = span.kind != "PER" and word.isalpha() and len(word) > 4 and word[:5].lower() in surnames
        is_surname = is_surname and any("Surn" in parse.tag for parse in parses(word.lower()))
        changed.append(span._replace(kind="PER") if is_surname else span)
    return changed


def _places_among_people(text: str, spans: Sequence[Span], identify: Identify) -> list[Span]:
    """A lone name that the net takes for a person's though the vocabulary knows a place or an organisation of that name."""
    borne = {word[:5].lower() for span in spans if span.kind == "PER" for word in _many(text[span.start : span.end])}
    changed = []
    for span in spans:
        name = text[span.start : span.end]
        if span.kind == "PER" and (" " not in name and name[:5].lower() not in borne) | (
            " " in name and not any(is_role(word, "first") for word in name.split())
        ):
            [nominative] = nominatives(text, [span._replace(kind="LOC")])
            if identify(nominative):
                span = span._replace(kind="LOC")  # noqa: PLW2901 - the same span, read otherwise
        changed.append(span)
    return changed


def _merge(text: str, mentions: Sequence[Mention], identify: Identify) -> list[Entity]:
    names = _in_one_case(mentions, [_extended(text, mention, mentions) for mention in mentions])
    groups = _Groups()
    by_acronym: dict[str, int] = {}
    for place, name in enumerate(names):
        groups.join(place, folded(name), identify(name))
    for place, name in enumerate(names):
        for acronym in acronyms(name):
            by_acronym.setdefault(acronym, place)
    for place, name in enumerate(names):
        if name.isupper() and 2 <= len(name) <= 8 and name.lower() in by_acronym:
            groups.join(place, folded(names[by_acronym[name.lower()]]), None)
    _join_shorter(groups, mentions, names)
    return [
        _entity([mentions[place] for place in group], [names[place] for place in group], identify)
        for group in groups.all()
    ]


def _in_one_case(mentions: Sequence[Mention], names: Sequence[str]) -> list[str]:
    """«Ак Барса» is «Ак Барс» where the text has both: a name that no dictionary knows stands in the case in which it was found."""
    known = {name for mention, name in zip(mentions, names, strict=True) if mention.span.kind == "ORG"}
    by_start: dict[str, list[str]] = defaultdict(list)
    for name in sorted(known, key=lambda one: (len(one), one[-1:] in OBLIQUE, one)):
        by_start[folded(name)[:4]].append(name)
    nominative: dict[str, str] = {}
    for alike in by_start.values():
        for place, name in enumerate(alike[:MOST_ALIKE]):
            earlier = next((one for one in alike[:place] if one not in nominative and _is_case_of(name, one)), None)
            if earlier is not None:
                nominative[name] = earlier
    return [nominative.get(name, name) for name in names]


def _is_case_of(name: str, nominative: str) -> bool:
    words, others = folded(name).split(), folded(nominative).split()
    return len(words) == len(others) and all(
        word == other
        or (not (word.isdigit() or other.isdigit()) and _without_ending(word) == _without_ending(other) != "")
        for word, other in zip(words, others, strict=True)
    )


def _without_ending(word: str) -> str:
    return CASE_ENDING.sub("", word) if len(word) > 3 else word


class _Groups:
    """Places with equal keys, or that were joined, are one group."""

    def __init__(self) -> None:
        self._parents: dict[object, object] = {}
        self._places: list[int] = []

    def join(self, place: int, *keys: object) -> None:
        if place not in self._parents:
            self._places.append(place)
        for key in keys:
            if key is not None:
                self._parents[self._root(place)] = self._root(("key", key))

    def _root(self, one: object) -> object:
        self._parents.setdefault(one, one)
        while self._parents[one] != one:
            one = self._parents[one]
        return one

    def all(self) -> list[list[int]]:
        found: dict[object, list[int]] = defaultdict(list)
        for place in self._places:
            found[self._root(place)].append(place)
        return list(found.values())


def _join_shorter(groups: _Groups, mentions: Sequence[Mention], names: Sequence[str]) -> None:
    """«Конституционный суд» belongs to «Конституционный суд России» where the text has only one such."""
    organisations = {folded(name) for mention, name in zip(mentions, names, strict=True) if mention.span.kind == "ORG"}
    for place, (mention, name) in enumerate(zip(mentions, names, strict=True)):
        if mention.span.kind != "ORG" or name.isupper():
            continue
        longer = [one for one in organisations if one.startswith(folded(name) + " ")]
        if len(longer) == 1:
            groups.join(place, longer[0])


def _extended(text: str, mention: Mention, mentions: Sequence[Mention]) -> str:
    """An institution with the place whose it is; without what stands in brackets."""
    name = PARENTHESES.sub("", mention.name).strip() or mention.name
    if mention.span.kind != "ORG" or folded(name).split()[-1:] == []:
        return name
    if not HEADS & set(folded(name).split()):
        return name
    after = next(
        (
            one.span
            for one in mentions
            if one.span.kind == "LOC" and mention.span.end < one.span.start <= mention.span.end + 1
        ),
        None,
    )
    return f"{name} {text[after.start : after.end]}" if after else name


def acronyms(name: str) -> list[str]:
    """The initials of a name of several words, with and without «и», «по»: «Организация Объединённых Наций» -> оон."""
    words = [part for word in name.split() for part in INNER.findall(word)]
    if len(words) < 2:
        return []
    every = "".join(word[0] for word in words).lower()
    main = "".join(word[0] for word in words if word.lower() not in CONNECTING).lower()
    return list(dict.fromkeys((every, main)))


def _entity(mentions: list[Mention], names: list[str], identify: Identify) -> Entity:
    """The kind and name that most mentions have; of organisations the fullest name."""
    kind = Counter(mention.span.kind for mention in mentions).most_common(1)[0][0]
    count = Counter(names)
    is_fuller = kind == "ORG" and any(not name.isupper() for name in names)
    name = max(
        count,
        key=lambda one: (
            not one.isupper() and is_fuller,
            len(one) if is_fuller else 0,
            count[one],
            not one.isupper(),
            -names.index(one),
        ),
    )
    concept_id = next((found for one in names if (found := identify(one))), None)
    retyped = tuple(replace(mention, span=mention.span._replace(kind=kind)) for mention in mentions)
    return Entity(kind, name, retyped, concept_id)
