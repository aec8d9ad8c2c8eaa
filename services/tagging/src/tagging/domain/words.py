"""Words of a text with where they stand and which base forms they may have."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pymorphy3

WORD = re.compile(r"[^\W\d_]+(?:[-’'][^\W\d_]+)*", re.UNICODE)
MORPH = pymorphy3.MorphAnalyzer(lang="ru")


@dataclass(frozen=True)
class Word:
    text: str
    start: int
    end: int

    @property
    def is_capital(self) -> bool:
        return self.text[:1].isupper()

    @property
    def bases(self) -> frozenset[str]:
        return bases(self.text)


def words(text: str) -> list[Word]:
    return [Word(found.group(), found.start(), found.end()) for found in WORD.finditer(text)]


@lru_cache(maxsize=50_000)
def parses(word: str) -> tuple[Any, ...]:
    """pymorphy3's readings, most likely first."""
    return tuple(MORPH.parse(word))


@lru_cache(maxsize=50_000)
def bases(word: str) -> frozenset[str]:
    """The base forms a word may have, ё as е, lower case; the word itself where it is not Russian."""
    folded = word.lower().replace("ё", "е")
    if not re.search("[а-я]", folded):
        return frozenset({folded})
    return frozenset({parse.normal_form.replace("ё", "е") for parse in parses(folded) if parse.score > 0.02} | {folded})


def folded(name: str) -> str:
    """For comparing: lower case, ё as е, no quotes, one space."""
    name = re.sub(r"[«»“”„\"'`’]", "", name.lower().replace("ё", "е"))
    return re.sub(r"\s+", " ", re.sub(r"\s*[-‑–—]\s*", "-", name)).strip(" .,;:")
