"""Words of a text with where they stand, and how the dictionary reads them."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

import pymorphy3

WORD = re.compile(r"[^\W\d_]+(?:[-‐‑’'][^\W\d_]+)*", re.UNICODE)
MORPH = pymorphy3.MorphAnalyzer(lang="ru")
LONGEST_WORD = 60
"""Characters; what is longer is no word, and reading it would take long."""


class Word(NamedTuple):
    text: str
    start: int
    end: int

    @property
    def is_capital(self) -> bool:
        return self.text[:1].isupper()


def words(text: str) -> list[Word]:
    return [Word(found.group(), found.start(), found.end()) for found in WORD.finditer(text)]


def plain(word: str) -> str:
    """For looking up: lower case, ё as е, one kind of hyphen."""
    return word.lower().replace("ё", "е").replace("‑", "-").replace("‐", "-")


@lru_cache(maxsize=10_000)
def parses(word: str) -> tuple[Any, ...]:
    """pymorphy3's readings, most likely first."""
    return tuple(MORPH.parse(word[:LONGEST_WORD]))


@lru_cache(maxsize=5_000)
def is_plural(phrase: str) -> bool:
    """Whether the head of a short phrase surely speaks of several: «депутатов», but not «депутаты» in doubt with one."""
    tags = [
        parse.tag
        for parse in parses(WORD.findall(phrase.lower())[-1] if " " not in phrase else WORD.findall(phrase.lower())[0])
    ]
    numbers = {str(tag.number) for tag in tags if "NOUN" in tag or "ADJF" in tag}
    return numbers == {"plur"}


@lru_cache(maxsize=5_000)
def is_nominative(phrase: str) -> bool:
    """Whether the first noun of a phrase most likely stands in the nominative."""
    tags = [parses(word)[0].tag for word in WORD.findall(phrase.lower())]
    return next(("nomn" in tag for tag in tags if "NOUN" in tag), True)


@lru_cache(maxsize=5_000)
def is_noun(word: str) -> bool:
    """Whether the word is most likely a noun."""
    return any("NOUN" in parse.tag for parse in parses(word.lower())[:1])


def folded(name: str) -> str:
    """For comparing names: lower case, ё as е, no quotes, one space."""
    name = re.sub(r"[«»“”„\"'`’]", "", name.lower().replace("ё", "е"))
    return re.sub(r"\s+", " ", re.sub(r"\s*[-‑–—]\s*", "-", name)).strip(" .,;:")
