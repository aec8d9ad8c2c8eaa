"""Persons: their mentions put together, and their names in the nominative.

Each mention may be read in several genders and cases; all mentions of the story vote. A surname, initials or a first name alone
belong to the fullest name that fits.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tagging.domain.context import case_weights, gender_after, gender_before
from tagging.domain.phrases import like
from tagging.domain.spans import Span
from tagging.domain.surnames import CASES, Form, Role, forms, is_role

PART = re.compile(r"[^\W\d_]+(?:[-‐‑’'][^\W\d_]+)*\.?")
PARTICLES = frozenset(
    [
        "де",
        "да",
        "ди",
        "дю",
        "ван",
        "фон",
        "дер",
        "ден",
        "ла",
        "ле",
        "ибн",
        "бен",
        "аль",
        "эль",
        "оглы",
        "кызы",
        "улы",
        "заде",
        "дос",
        "дель",
        "бин",
        "of",
        "van",
        "von",
        "de",
        "la",
    ]
)
LATIN = re.compile(r"[A-Za-z]")
CYRILLIC = re.compile(r"[А-Яа-яЁё]")
VOWEL = re.compile(r"[аеёиоуыэюя]", re.IGNORECASE)
BEFORE = re.compile(r"([^\W\d_]+(?:-[^\W\d_]+)*)[\s«\"„“]*$")
AFTER = re.compile(r"\s+(?:не\s+)?([^\W\d_]+)")
SURNAME_LIKE = re.compile(
    r"(?:[оеё]в|[иы]н|ск|цк|ко|енк|ян|дзе|швили|чук|юк|[иы]х|ич)(?:а|у|ым|ой|е|ий|ого|ому|им|ом|ая|ую)?$"
)
"""Only such a word may be a surname before the first name: «Полухин Александр», but «Саясат Нурбек»."""
ENDINGS = frozenset(["а", "у", "ом", "ем", "е", "я", "ю"])
"""Of men's first names in the oblique cases."""
MOST_READINGS = 40
SHARE_OF_WOMEN = 0.4
"""Beside men, in the news; decides only where nothing else does."""


class Name(NamedTuple):
    """A person's name in the nominative; parts that are not known are empty. `first` may be an initial: «А.»."""

    first: str
    patronymic: str
    surname: str

    @property
    def label(self) -> str:
        """As an editor tags it: first name and surname."""
        shown = [self.first, self.surname] if self.surname else [self.first, self.patronymic]
        return " ".join(part for part in shown if part)

    @property
    def has_initial(self) -> bool:
        return self.first.endswith(".")


class Reading(NamedTuple):
    name: Name
    gender: str
    case: str
    weight: float


@dataclass(frozen=True)
class Person:
    """`own` has each mention's own name in the nominative, in the order of `spans`."""

    name: Name
    spans: tuple[Span, ...]
    own: tuple[str, ...]


def link_persons(text: str, spans: Sequence[Span]) -> list[Person]:
    """Persons with all their mentions, in the order in which they are first named."""
    mentions = [(span, readings) for span in spans if (readings := read(text[span.start : span.end]))]
    chosen = _vote(text, mentions)
    groups: dict[Name, list[tuple[Span, str]]] = defaultdict(list)
    for span, reading, name in _link(chosen):
        groups[name].append((span, reading.name.label))
    return [Person(name, tuple(s for s, _ in group), tuple(own for _, own in group)) for name, group in groups.items()]


def read(mention: str) -> list[Reading]:
    """All ways to read a mention, the weights of which sum up to 1."""
    parts = PART.findall(mention)
    if CYRILLIC.search(mention):
        parts = [part for part in parts if not LATIN.search(part)]  # «Ши Тао (Shi Tao)»
    if not parts or len(parts) > 6:
        return []
    roles = _roles([part.rstrip(".") if len(part) > 2 else part for part in parts])
    found = _agreeing(roles, is_free=False) or _agreeing(roles, is_free=True)
    whole = sum(found.values())
    if not whole:  # no gender and case fits all parts: the name as it stands
        found[_as_it_stands(roles), "masc", "nomn"] = whole = 1
    return [Reading(*what, weight / whole) for what, weight in found.most_common(MOST_READINGS)]


def _agreeing(roles: list[tuple[Role | None, str]], *, is_free: bool) -> Counter[tuple[Name, str, str]]:
    """(name, gender, case) in which all parts agree. `is_free`: though the dictionary knows the first name otherwise («Камала»)."""
    found: Counter[tuple[Name, str, str]] = Counter()
    for gender in ("masc", "femn"):
        for case in CASES:
            for name, weight in _in_case(roles, gender, case, is_free=is_free):
                found[name, gender, case] += weight  # type: ignore[assignment]
    return found


def _as_it_stands(roles: list[tuple[Role | None, str]]) -> Name:
    parts = [_shaped(part, part) for _, part in roles]
    return Name(" ".join(parts[:-1]), "", parts[-1])


def _roles(parts: list[str]) -> list[tuple[Role | None, str]]:
    """Which part is what; None: an initial or a particle, which stays as it is."""
    free = [place for place, part in enumerate(parts) if not _is_initial(part) and part.lower() not in PARTICLES]
    roles: list[tuple[Role | None, str]] = [(None, part) for part in parts]
    words = {place: parts[place] for place in free}
    if len(free) > 2 and all(map(_is_syllable, parts[:-1])):
        free = free[-1:]  # «Ким Чен Ыном»: only the last is declined
    patronymic = next((place for place in free[1:] if is_role(words[place], "patronymic") >= 0.5), None)
    if patronymic is not None:
        roles[patronymic] = ("patronymic", parts[patronymic])
        free.remove(patronymic)
    has_initials = any(_is_initial(part) for part in parts)
    first = _first_name(free, words, patronymic, has_initials=has_initials)
    for place in free:
        roles[place] = ("first" if place in first else "surname", parts[place])
    return roles


def _first_name(free: list[int], words: dict[int, str], patronymic: int | None, *, has_initials: bool) -> list[int]:
    if has_initials or not free:
        return []
    if patronymic is not None and patronymic - 1 in free:
        return [patronymic - 1]
    likes = {place: is_role(words[place], "first") for place in free}
    if len(free) == 1:
        place = free[0]
        return free if likes[place] > is_role(words[place], "surname") else []
    is_swapped = len(free) == 2 and not likes[free[0]] and likes[free[1]] > is_role(words[free[1]], "surname")
    if is_swapped and SURNAME_LIKE.search(words[free[0]].lower()):
        return [free[1]]
    return free[:-1]


def _is_syllable(part: str) -> bool:
    return len(part) <= 5 and len(VOWEL.findall(part)) == 1


def _is_initial(part: str) -> bool:
    return len(part.rstrip(".")) == 1


def _in_case(
    roles: list[tuple[Role | None, str]], gender: str, case: str, *, is_free: bool
) -> list[tuple[Name, float]]:
    """The names that the parts make where all stand in one gender and case."""
    ways: list[tuple[tuple[str, str, str], float]] = [(("", "", ""), 1.0)]
    slots = {"first": 0, "patronymic": 1, "surname": 2}
    for role, part in roles:
        options = _options("surname" if is_free and role == "first" else role, part, gender, case)
        slot = _slot_of_initial(part, roles) if role is None else slots[role]
        ways = [
            (_joined(names, slot, form.nominative), weight * form.weight) for names, weight in ways for form in options
        ][:MOST_READINGS]
    return [(Name(*names), weight) for names, weight in ways]


def _slot_of_initial(part: str, roles: list[tuple[Role | None, str]]) -> int:
    if not _is_initial(part):
        return 2 if any(role == "surname" for role, _ in roles) else 0
    return 0


def _options(role: Role | None, part: str, gender: str, case: str) -> list[Form]:
    if role is None:
        shown = f"{part[0]}." if _is_initial(part) else part
        return [Form(shown, gender, case, 1.0)]
    best: dict[str, Form] = {}
    for form in forms(part, role):
        if (form.gender, form.case) == (gender, case) and (
            form.nominative not in best or best[form.nominative].weight < form.weight
        ):
            best[form.nominative] = form._replace(nominative=_shaped(part, form.nominative))
    return list(best.values())


def _shaped(part: str, word: str) -> str:
    """A name all in capitals keeps only its first."""
    return like(part.title() if len(part) > 1 and part.isupper() else part, word)


def _joined(names: tuple[str, str, str], slot: int, word: str) -> tuple[str, str, str]:
    if slot == 0 and len(word) == 2 and names[0].endswith("."):
        return names[0], word, names[2]  # the second initial is the patronymic's
    parts = list(names)
    parts[slot] = f"{parts[slot]} {word}".strip()
    return parts[0], parts[1], parts[2]


def _vote(text: str, mentions: Sequence[tuple[Span, list[Reading]]]) -> list[tuple[Span, Reading]]:
    """The reading of each mention that agrees best with what the others may be, and with the words around it."""
    support: Counter[tuple[str, str]] = Counter()
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    weighed = [(span, _weigh(text, span, readings)) for span, readings in mentions]
    for span, readings in weighed:
        best: dict[tuple[str, str], float] = {}
        for reading in readings:
            place = reading.name.surname or reading.name.first, reading.gender
            best[place] = max(best.get(place, 0.0), reading.weight)
        shape = text[span.start : span.end].rsplit(maxsplit=1)[-1]
        for place, weight in best.items():
            if shape not in seen[place]:
                seen[place].add(shape)
                support[place] += weight + 0.05  # type: ignore[assignment]

    full = {
        (best.name.surname, best.gender)
        for best in (max(readings, key=lambda one: one.weight) for _, readings in weighed)
        if best.name.first and best.name.surname
    }

    def value(reading: Reading) -> float:
        known = 3.0 if not reading.name.first and (reading.name.surname, reading.gender) in full else 1.0
        return known * reading.weight * support[reading.name.surname or reading.name.first, reading.gender] ** 2

    return [(span, max(readings, key=value)) for span, readings in weighed]


def _weigh(text: str, span: Span, readings: list[Reading]) -> list[Reading]:
    before = BEFORE.search(text, max(0, span.start - 40), span.start)
    cases = dict(case_weights(before.group(1))) if before else {}
    after = AFTER.match(text, span.end)
    gender = (gender_after(after.group(1)) if after else "") or (gender_before(before.group(1)) if before else "")
    weighed = []
    for reading in readings:
        weight = reading.weight * cases.get(reading.case, 1.0) * (1.0 if reading.gender == "masc" else SHARE_OF_WOMEN)
        if gender:
            weight *= 0.4 if reading.case != "nomn" else 6.0 if reading.gender == gender else 0.5
        weighed.append(reading._replace(weight=weight))
    return weighed


def _link(chosen: Sequence[tuple[Span, Reading]]) -> list[tuple[Span, Reading, Name]]:
    """Each mention with the fullest name of its person."""
    people: list[tuple[Name, str]] = []
    for _, reading in sorted(chosen, key=lambda pair: (-_fullness(pair[1].name), len(pair[1].name.first))):
        if not any(_fits(reading, name, gender) for name, gender in people):
            people.append((reading.name, reading.gender))
    linked: list[tuple[Span, Reading, Name]] = []
    for span, reading in chosen:
        fitting = [name for name, gender in people if _fits(reading, name, gender)]
        linked.append((span, reading, _nearest(fitting, linked)))
    return linked


def _nearest(fitting: list[Name], before: list[tuple[Span, Reading, Name]]) -> Name:
    """Of several who bear a name, the one named last."""
    if len(fitting) == 1:
        return fitting[0]
    return next((name for _, _, name in reversed(before) if name in fitting), fitting[0])


def _fullness(name: Name) -> int:
    first = 4 if name.first and not name.has_initial else 1 if name.first else 0
    return first + (8 if name.surname else 0) + (2 if name.patronymic and not name.patronymic.endswith(".") else 0)


def _fits(reading: Reading, name: Name, gender: str) -> bool:
    """Whether a mention may speak of this person."""
    own = reading.name
    if own == name:
        return True
    if not own.surname:
        is_free = not own.patronymic or name.patronymic in ("", own.patronymic)
        return own.first == name.first and is_free and bool(name.surname)
    if not own.first and not own.patronymic and _elder(own.surname) == _elder(name.surname):
        return reading.gender == gender or not name.first
    if _folded(own.surname) != _folded(name.surname):
        return False
    if not own.first:
        return reading.gender == gender or not name.first
    is_same = (
        own.first[0] == name.first[:1] if own.has_initial or name.has_initial else _is_first(own.first, name.first)
    )
    if own.patronymic and name.patronymic:
        is_same = is_same and own.patronymic[0] == name.patronymic[0]
    return is_same


def _is_first(own: str, first: str) -> bool:
    """Whether two first names are one; of one that no dictionary knows an oblique case may stand: «Себастьену»."""
    if own == first:
        return True
    is_oblique = own.startswith(first) and own[len(first) :] in ENDINGS and len(first) > 2
    return is_oblique and not any(is_role(word, "first") for word in (own, first))


def _elder(surname: str) -> str:
    """«Песков» may be «Песков-младший»."""
    return _folded(surname).removesuffix("-младший").removesuffix("-старший")


def _folded(word: str) -> str:
    return word.lower().replace("ё", "е")
