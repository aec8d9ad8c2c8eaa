"""Names of places and organisations in the nominative: the head of the phrase and what agrees with it, the rest as it stands."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tagging.domain.context import CASES_OF_PREPOSITION, case_weights
from tagging.domain.spans import Span
from tagging.domain.surnames import CASES
from tagging.domain.words import parses

WORD = re.compile(r"[^\W\d_]+(?:[-‐‑’'][^\W\d_]+)*")
MOST_WORDS = 12


def nominatives(text: str, spans: Sequence[Span]) -> list[str]:
    """The nominative of each span; spans that may be forms of one name agree on it."""
    options = [_weighed(text, span) for span in spans]
    support: Counter[str] = Counter()
    seen: dict[str, set[str]] = defaultdict(set)
    for span, own in zip(spans, options, strict=True):
        shape = text[span.start : span.end].lower()
        for name, weight in own.items():
            if shape not in seen[name.lower()]:
                seen[name.lower()].add(shape)
                support[name.lower()] += weight + 0.05  # type: ignore[assignment]
    return [max(own, key=lambda name: (own[name] * support[name.lower()] ** 2, -len(name), name)) for own in options]


def _weighed(text: str, span: Span) -> dict[str, float]:
    before = re.search(r"([^\W\d_]+)[\s«\"„“]*$", text[max(0, span.start - 40) : span.start])
    cases = dict(case_weights(before.group(1))) if before and before.group(1).lower() in CASES_OF_PREPOSITION else {}
    weighed: Counter[str] = Counter()
    for name, case, weight in readings(text[span.start : span.end], is_place=span.kind == "LOC"):
        weighed[name] += weight * cases.get(case, 1.0)  # type: ignore[assignment]
    whole = sum(weighed.values()) or 1.0
    return {name: weight / whole for name, weight in weighed.items()} or {text[span.start : span.end]: 1.0}


@lru_cache(maxsize=10_000)
def readings(phrase: str, *, is_place: bool) -> tuple[tuple[str, str, float], ...]:
    """(nominative, case in which the phrase would stand, weight)."""
    phrase = phrase.strip(" \n\t«»\"„“'.,;:")
    words = list(WORD.finditer(phrase))
    if not words or len(words) > MOST_WORDS or not _is_declinable(words[0].group()):
        return ((phrase, "nomn", 1.0),)
    adjectives: list[re.Match[str]] = []
    for word in words:
        if phrase[: word.start()].count("«") > phrase[: word.start()].count("»"):
            break  # what stands in quotes is as it is
        nouns = [parse for parse in parses(word.group()) if _is_head(parse, word.group())]
        if nouns and not (_is_adjective(word.group()) and word is not words[-1]):
            found = _agreeing(phrase, adjectives, word, nouns, is_place=is_place)
            if found:
                return (*found, *(_unknown_place(phrase) if is_place else ()))
        if not _is_adjective(word.group()):
            break
        adjectives.append(word)
    if is_place and (guessed := _unknown_place(phrase)):
        return ((phrase, "nomn", 0.4), *guessed)
    return ((phrase, "nomn", 1.0),) if not adjectives or len(words) > 1 else tuple(_alone(phrase, adjectives[0]))


# (ending, ending of the nominative, cases) of places that no dictionary knows: «из Ташлы», «в Ташлу»
UNKNOWN_PLACES = (
    ("ы", "а", ("gent",)),
    ("у", "а", ("accs",)),
    ("ой", "а", ("ablt",)),
    ("е", "а", ("datv", "loct")),
    ("и", "ь", ("gent", "datv", "loct")),
    ("и", "я", ("gent",)),
)


def _unknown_place(phrase: str) -> list[tuple[str, str, float]]:
    """What pymorphy3's guess leaves out, with little weight: other mentions must speak for it."""
    if " " in phrase or any(parse.is_known for parse in parses(phrase)):
        return []
    return [
        (phrase.removesuffix(ending) + nominative, case, 0.2)
        for ending, nominative, cases in UNKNOWN_PLACES
        if phrase.endswith(ending) and len(phrase) > len(ending) + 2
        for case in cases
    ]


def _is_declinable(word: str) -> bool:
    return not (word.isupper() and len(word) > 1) and any("а" <= sign <= "я" or sign == "ё" for sign in word.lower())


def _is_head(parse: Any, word: str) -> bool:  # noqa: ANN401 - pymorphy3 ships no types
    return "NOUN" in parse.tag and (parse.is_known or "-" in word or parse.score > 0.05)


def _is_adjective(word: str) -> bool:
    first = parses(word)[0].tag
    return (
        "ADJF" in first or "PRTF" in first or any("ADJF" in parse.tag and parse.score > 0.2 for parse in parses(word))
    )


def _agreeing(
    phrase: str, adjectives: list[re.Match[str]], head: re.Match[str], nouns: list[Any], *, is_place: bool
) -> list[tuple[str, str, float]]:
    found: dict[tuple[str, str], float] = {}
    for noun in nouns:
        number, case = (
            str(noun.tag.number or "sing"),
            {"loc2": "loct", "gen2": "gent"}.get(str(noun.tag.case), str(noun.tag.case)),
        )
        nominative = noun.inflect({"nomn", number}) if "Fixd" not in noun.tag else noun
        if nominative is None or case not in CASES:
            continue
        changed = [(head, nominative.word)]
        weight = (
            noun.score
            * (3.0 if is_place and "Geox" in noun.tag else 1.0)
            * (0.2 if {"Surn", "Name"} & noun.tag.grammemes else 1.0)
        )
        for adjective in adjectives:
            shape = _adjective(adjective.group(), noun.tag.gender, number, case, is_anim="anim" in noun.tag)
            if shape is None:
                break
            changed.append((adjective, shape))
        else:
            place = _replaced(phrase, changed), case
            found[place] = max(found.get(place, 0.0), weight + 0.001)
    return [(name, case, weight) for (name, case), weight in found.items()]


def _adjective(word: str, gender: Any, number: str, case: str, *, is_anim: bool) -> str | None:  # noqa: ANN401
    """An adjective that agrees, in the nominative; None: it does not agree."""
    for parse in parses(word):
        tag = parse.tag
        if not ({"ADJF", "PRTF", "NUMR", "NPRO"} & tag.grammemes) or tag.case != case or tag.number != number:
            continue
        if number == "sing" and gender and tag.gender != gender:
            continue
        if case == "accs" and tag.animacy and tag.animacy != ("anim" if is_anim else "inan"):
            continue
        made = parse.inflect({"nomn", number} | ({str(gender)} if number == "sing" and gender else set()))
        return made.word if made else None
    return None


def _alone(phrase: str, word: re.Match[str]) -> list[tuple[str, str, float]]:
    return [
        (_replaced(phrase, [(word, made.word)]), str(parse.tag.case), parse.score)
        for parse in parses(word.group())
        if "ADJF" in parse.tag and (made := parse.inflect({"nomn"}))
    ] or [(phrase, "nomn", 1.0)]


def _replaced(phrase: str, changed: list[tuple[re.Match[str], str]]) -> str:
    for word, made in sorted(changed, key=lambda pair: -pair[0].start()):
        phrase = phrase[: word.start()] + like(word.group(), made) + phrase[word.end() :]
    return phrase


def like(shape: str, word: str) -> str:
    """`word` with the capitals of `shape`, part by part: «Ростове-на-Дону» -> «Ростов-на-Дону»."""
    olds = shape.split("-")
    news = word.split("-")
    if len(olds) != len(news):
        return word[:1].upper() + word[1:] if shape[:1].isupper() else word
    return "-".join(_like_part(old, new) for old, new in zip(olds, news, strict=True))


def _like_part(old: str, new: str) -> str:
    if len(old) > 1 and old.isupper():
        return new.upper() if len(old) < 4 else new[:1].upper() + new[1:]
    made = new[:1].upper() + new[1:] if old[:1].isupper() else new
    for place, sign in enumerate(old):  # МакКейн
        if place and sign.isupper() and place < len(made):
            made = made[:place] + made[place].upper() + made[place + 1 :]
    return made
