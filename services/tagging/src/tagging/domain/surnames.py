"""How Russian names decline: from a form as it stands in a text back to the nominative.

The endings follow A. A. Zaliznyak's grammatical dictionary and the reference books' rules for surnames; pymorphy3's dictionary comes first
where it knows the word as a name.
"""

from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

from tagging.domain.words import parses

Role: TypeAlias = Literal["first", "patronymic", "surname"]
CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")
COMMONNESS = {"nomn": 1.0, "gent": 0.6, "datv": 0.3, "accs": 0.25, "ablt": 0.35, "loct": 0.1}
"""How often a name in the news stands in a case, roughly."""


class Form(NamedTuple):
    """One way to read a word: its nominative, and in which gender and case it would stand."""

    nominative: str
    gender: str
    case: str
    weight: float


# (ending of the nominative, gender, how likely, endings by case in the order of CASES)
_MASC = ("а", "у", "а", "ом", "е")
PATTERNS: tuple[tuple[str, str, float, tuple[str, ...]], ...] = (
    *(
        (stem, "masc", 1.0, (stem, stem + "а", stem + "у", stem + "а", stem + "ым", stem + "е"))
        for stem in ("ов", "ев", "ёв", "ин", "ын")
    ),
    *(
        (stem + "а", "femn", 1.0, (stem + "а", stem + "ой", stem + "ой", stem + "у", stem + "ой", stem + "ой"))
        for stem in ("ов", "ев", "ёв", "ин", "ын")
    ),
    *(
        (stem + "ий", "masc", 1.0, (stem + "ий", stem + "ого", stem + "ому", stem + "ого", stem + "им", stem + "ом"))
        for stem in ("ск", "цк")
    ),
    *(
        (stem + "ая", "femn", 1.0, (stem + "ая", stem + "ой", stem + "ой", stem + "ую", stem + "ой", stem + "ой"))
        for stem in ("ск", "цк", "н", "т")
    ),
    *(
        (
            stem + ending,
            "masc",
            weight,
            (stem + ending, stem + "ого", stem + "ому", stem + "ого", stem + "ым", stem + "ом"),
        )
        for stem in ("н", "т", "р", "л", "в", "д")
        for ending, weight in (("ый", 0.5), ("ой", 0.3))
    ),
    *(
        (
            stem + ending,
            "masc",
            weight,
            (stem + ending, stem + "ого", stem + "ому", stem + "ого", stem + "им", stem + "ом"),
        )
        for stem in ("к", "г", "х")
        for ending, weight in (("ий", 0.5), ("ой", 0.3))
    ),
    *(
        (
            stem + "ий",
            "masc",
            1.0,
            (stem + "ий", stem + "его", stem + "ему", stem + "его", stem + "им", stem + "ем"),
        )
        for stem in ("адш", "тарш")  # Дюма-младший
    ),
    *(
        (vowel + "й", "masc", 0.5, (vowel + "й", vowel + "я", vowel + "ю", vowel + "я", vowel + "ем", vowel + "е"))
        for vowel in "аеёиоуыэюя"
    ),
    *(
        (stem + "ь", "masc", 0.5, (stem + "ь", stem + "я", stem + "ю", stem + "я", stem + "ем", stem + "е"))
        for stem in "бвдзлмнпрстф"
    ),
    *(
        (stem + "ь", "femn", 0.3, (stem + "ь", stem + "и", stem + "и", stem + "ь", stem + "ью", stem + "и"))
        for stem in "лнр"
    ),
    ("ия", "femn", 0.5, ("ия", "ии", "ии", "ию", "ией", "ии")),
    ("а", "masc", 0.32, ("а", "ы", "е", "у", "ой", "е")),
    ("а", "femn", 0.35, ("а", "ы", "е", "у", "ой", "е")),
    *(
        (stem + "а", gender, weight, (stem + "а", stem + "и", stem + "е", stem + "у", stem + "ой", stem + "е"))
        for stem in ("к", "г", "х", "ш", "ж", "ч")
        for gender, weight in (("masc", 0.32), ("femn", 0.35))
    ),
    ("я", "masc", 0.3, ("я", "и", "е", "ю", "ей", "е")),
    ("я", "femn", 0.3, ("я", "и", "е", "ю", "ей", "е")),
    *((stem, "masc", 0.5, (stem, *(stem + ending for ending in _MASC))) for stem in "бвгдзклмнпрстфх"),
    *((stem, "masc", 0.5, (stem, stem + "а", stem + "у", stem + "а", stem + "ем", stem + "е")) for stem in "жшчщц"),
)
CONSONANTS = frozenset("бвгджзклмнпрстфхцчшщ")
OBLIQUE = ("ому", "ему", "ого", "его", "ову", "еву", "ину", "ым", "ову", "ском", "ком", "вой", "ной")
"""Endings that hardly any nominative has."""
NEVER_DECLINED = {"о": 0.5, "е": 0.15, "и": 0.5, "у": 0.12, "ю": 0.12, "э": 0.5, "ых": 0.5, "их": 0.5, "ё": 0.5}
"""Ending -> how likely a surname in it stands unchanged in all cases."""
SURELY_DECLINED = ("ову", "еву", "ёву", "ину", "ыну", "скому", "цкому")
PATRONYMICS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("ич", "masc", ("ич", "ича", "ичу", "ича", "ичем", "иче")),
    ("вна", "femn", ("вна", "вны", "вне", "вну", "вной", "вне")),
    ("чна", "femn", ("чна", "чны", "чне", "чну", "чной", "чне")),
)
MARKS: dict[Role, str] = {"first": "Name", "patronymic": "Patr", "surname": "Surn"}


@lru_cache(maxsize=20_000)
def forms(word: str, role: Role) -> tuple[Form, ...]:
    """All readings of a word (any capitals) as a first name, patronymic or surname, ё as it stands."""
    word = word.lower()
    if not any("а" <= sign <= "я" or sign == "ё" for sign in word):
        return tuple(Form(word, gender, case, COMMONNESS[case]) for gender in ("masc", "femn") for case in CASES)
    known = _known(word, MARKS[role])
    if role == "patronymic":
        return tuple(known or _by_patterns(word, [(end, gender, 1.0, ends) for end, gender, ends in PATRONYMICS]))
    if known and role == "first":
        return tuple(known)
    best: dict[tuple[str, str, str], float] = {}
    for form in (*known, *_guessed(word, role, has_known=bool(known))):
        place = form.nominative, form.gender, form.case
        best[place] = max(best.get(place, 0.0), form.weight)
    return tuple(Form(*place, weight) for place, weight in best.items())


def _guessed(word: str, role: Role, *, has_known: bool) -> list[Form]:
    head, dash, last = word.rpartition("-")
    if dash:
        heads = forms(head, role)
        genders = {one.gender for one in heads}
        agreeing = [
            Form(f"{a.nominative}-{b.nominative}", b.gender, b.case, a.weight * b.weight)
            for b in forms(last, role)
            for a in heads
            if (a.gender, a.case) == (b.gender, b.case)
        ]
        if last.startswith(("младш", "старш")):
            return agreeing
        return agreeing + [
            Form(f"{head}-{b.nominative}", b.gender, b.case, 0.2 * b.weight)
            for b in forms(last, role)
            if b.gender in genders
        ]
    share = 0.15 if has_known else 1.0
    guessed = [
        form._replace(weight=form.weight * share * (0.15 if _looks_oblique(form.nominative, role) else 1.0))
        for form in _by_patterns(word, PATTERNS)
    ]
    stays = max((weight for ending, weight in NEVER_DECLINED.items() if word.endswith(ending)), default=0.0)
    if role == "first" and word.endswith(("е", "у", "ю")):
        stays *= 0.5
    if stays and not word.endswith(SURELY_DECLINED):
        guessed += _unchanging(word, ("masc", "femn"), stays * share)
    elif word[-1:] in CONSONANTS | {"ь", "й"} and not word.endswith(("ов", "ев", "ёв", "ин", "ын", *OBLIQUE)):
        guessed += _unchanging(word, ("femn",), (0.3 if role == "surname" or word.endswith("ь") else 0.1) * share)
    else:
        guessed += _unchanging(word, ("masc", "femn"), 0.02)
    return guessed


def _looks_oblique(nominative: str, role: Role) -> bool:
    return role == "surname" and nominative.endswith(OBLIQUE)


def _unchanging(word: str, genders: tuple[str, ...], weight: float) -> list[Form]:
    return [Form(word, gender, case, weight * COMMONNESS[case]) for gender in genders for case in CASES]


def _by_patterns(word: str, patterns: Any) -> list[Form]:  # noqa: ANN401 - a table
    return [
        Form(made, gender, case, weight * COMMONNESS[case])
        for nominative, gender, weight, endings in patterns
        for case, ending in zip(CASES, endings, strict=True)
        if word.endswith(ending)
        for made in (word[: len(word) - len(ending)] + nominative,)
        if len(made) > 1 and len(word) > len(ending)
    ]


def _known(word: str, mark: str) -> list[Form]:
    """What the dictionary says, in the singular."""
    found = []
    for parse in parses(word):
        if mark not in parse.tag or "plur" in parse.tag or not parse.is_known:
            continue
        genders = ("masc", "femn") if "ms-f" in parse.tag else (str(parse.tag.gender),)
        nominative = _nominative(parse)
        case = {"gen2": "gent", "loc2": "loct", "voct": "nomn"}.get(str(parse.tag.case), str(parse.tag.case))
        if nominative and case in CASES:
            found += [Form(nominative, gender, case, parse.score + 0.02) for gender in genders]
    return found


def _nominative(parse: Any) -> str | None:  # noqa: ANN401 - pymorphy3 ships no types
    inflected = parse.inflect({"nomn", "sing"})
    return inflected.word if inflected else None


def is_role(word: str, role: Role) -> float:
    """How much a word looks like a first name, a patronymic or a surname, by the dictionary and its ending: 0 to 1."""
    word = word.lower()
    mark = MARKS[role]
    weight = max(
        (parse.score for parse in parses(word) if mark in parse.tag and parse.is_known and "plur" not in parse.tag),
        default=0.0,
    )
    if weight:
        return max(weight, 0.2)
    if role == "patronymic":
        endings = [ending for _, _, ends in PATRONYMICS for ending in ends]
        return (
            0.9
            if any(word.endswith(("ов" + one, "ев" + one, "ьев" + one)) for one in endings) and len(word) > 6
            else 0.0
        )
    if role == "surname":
        return 0.1
    return 0.0
