"""Every form of a name: cases and numbers, with agreement inside phrases. What follows the head («глава города») stays."""

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from tagging.domain.words import WORD, parses, plain

CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")


def inflected(phrase: str, *, is_proper: bool) -> set[tuple[str, ...]]:
    """All forms as tuples of plain words (lower case, ё as е). A proper name keeps its number."""
    words = [plain(found) for found in WORD.findall(phrase)]
    if not words:
        return set()
    whole = {tuple(words)}
    if not _is_russian(words[0]):
        return whole
    if len(words) == 1:
        forms = _word_forms(words[0], is_proper=is_proper)
        return whole | {(form,) for form in forms if is_proper or not _is_another_word(form, words[0])}
    return whole | set(_phrase_forms(words, is_proper=is_proper))


def _is_russian(word: str) -> bool:
    return all("а" <= sign <= "я" or sign in "-’'" for sign in word)


def _word_forms(word: str, *, is_proper: bool) -> frozenset[str]:
    parse = _best(word, is_proper=is_proper) or _infinitive(word)
    if parse is None or "Fixd" in parse.tag:
        return frozenset({word})
    keeps_number = is_proper and "NOUN" in parse.tag
    return frozenset(
        plain(form.word) for form in parse.lexeme if not keeps_number or form.tag.number == parse.tag.number
    )


def _is_another_word(form: str, word: str) -> bool:
    """Whether a form of a common word is far more often one of another: «после» (посол), «премьера» (премьер)."""
    lemma = _best(word, is_proper=False) or _infinitive(word)
    if lemma is None or not lemma.is_known or form == word:
        return False
    shares: dict[str, float] = defaultdict(float)
    for parse in parses(form):
        shares[plain(parse.normal_form)] += parse.score
    own = shares.pop(plain(lemma.normal_form), 0.0)
    return own < 0.4 and max(shares.values(), default=0.0) >= 0.55


def _best(word: str, *, is_proper: bool) -> Any:  # noqa: ANN401 - pymorphy3 ships no types
    """The reading in which the word is a name in the nominative."""
    best, most = None, 0.0
    for parse in parses(word):
        tag = parse.tag
        if not ({"NOUN", "ADJF"} & tag.grammemes) or "nomn" not in tag:
            continue
        weight = parse.score + 0.01 + (2.0 if is_proper and "Geox" in tag else 0.0) + (1.0 if parse.is_known else 0.0)
        weight -= 1.5 if is_proper and ("plur" in tag or "Surn" in tag or "Name" in tag) else 0.0
        if best is None or weight > most:
            best, most = parse, weight
    return best


def _infinitive(word: str) -> Any:  # noqa: ANN401 - pymorphy3 ships no types
    """The reading as a verb: «подорожать» is found in «подорожало» and «подорожавший», too."""
    return next((parse for parse in parses(word) if "INFN" in parse.tag and parse.is_known), None)


def _phrase_forms(words: list[str], *, is_proper: bool) -> Iterator[tuple[str, ...]]:
    head, number, gender = _head(words, is_proper=is_proper)
    if head is None:
        return
    for wanted in (number,) if is_proper else ("sing", "plur"):
        for case in CASES:
            made = _agreed(words[: head + 1], case, wanted, gender, is_proper=is_proper)
            for first in made:
                yield (*first, *words[head + 1 :])


def _head(words: list[str], *, is_proper: bool) -> tuple[int | None, str, str]:
    """Place, number and gender of the noun that the adjectives before it agree with."""
    for place, word in enumerate(words):
        parse = _best(word, is_proper=is_proper)
        if parse is None:
            return None, "", ""
        if "NOUN" in parse.tag:
            return place, str(parse.tag.number or "sing"), str(parse.tag.gender or "")
    return None, "", ""


def _agreed(words: list[str], case: str, number: str, gender: str, *, is_proper: bool) -> list[list[str]]:
    """The words in one case; in the accusative both for what lives and what does not."""
    noun = _in_case(words[-1], case, number, is_proper=is_proper)
    if noun is None:
        return []
    if case == "loct" and number == "sing" and (second := _in_case(words[-1], "loc2", number, is_proper=is_proper)):
        nouns = dict.fromkeys((noun, second))  # «о вале», but «на валу»
    else:
        nouns = {noun: None}
    animacies = ("anim", "inan") if case == "accs" and len(words) > 1 else ("",)
    return [
        [*(_adjective(word, case, number, gender, animacy) for word in words[:-1]), one]
        for animacy in animacies
        for one in nouns
    ]


@lru_cache(maxsize=2_000)
def _in_case(word: str, case: str, number: str, *, is_proper: bool) -> str | None:
    parse = _best(word, is_proper=is_proper)
    if parse is None or "Fixd" in parse.tag:
        return word
    made = parse.inflect({case, number})
    return plain(made.word) if made else None


def _adjective(word: str, case: str, number: str, gender: str, animacy: str) -> str:
    parse = next((one for one in parses(word) if "ADJF" in one.tag and "nomn" in one.tag), None)
    if parse is None:
        return word
    wanted = {case, number} | ({gender} if number == "sing" and gender else set())
    if animacy and (number == "plur" or gender == "masc"):
        wanted |= {animacy}
    made = parse.inflect(wanted) or parse.inflect({case, number})
    return plain(made.word) if made else word
