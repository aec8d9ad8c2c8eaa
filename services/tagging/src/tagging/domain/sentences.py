"""Cuts a text into sentences and words, as the net was taught to see them (razdel's rules, in one expression)."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from razdel import sentenize

TOKEN = re.compile(
    r"""
    \d+(?:[.,/]\d+)+                       # 3,5 and 1/2
    | [^\W_]+(?:[-‐‑–_'’][^\W_]+)*         # Соль-Илецк, СИЗО-6
    | \.{2,} | [?!]+
    | \S
    """,
    re.VERBOSE,
)
LONGEST_SENTENCE = 2_000
"""Characters; text without full stops is cut here, at a space."""


class Token(NamedTuple):
    text: str
    start: int
    end: int

    @property
    def is_capital(self) -> bool:
        return self.text[:1].isupper()


class Sentence(NamedTuple):
    start: int
    end: int
    words: tuple[Token, ...]


def sentences(text: str) -> Iterator[Sentence]:
    """Sentences never reach over a line's end."""
    for line in re.finditer(r"[^\n]+", text):
        for start, end in _cut(line.group()):
            first = line.start() + start
            words = tuple(
                Token(found.group(), found.start(), found.end())
                for found in TOKEN.finditer(text, first, line.start() + end)
            )
            if words:
                yield Sentence(first, line.start() + end, words)


def _cut(line: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(line):
        piece = line[start : start + 20 * LONGEST_SENTENCE]
        for one in sentenize(piece):
            yield from _halves(one.text, start + one.start)
        start += len(piece)


def _halves(sentence: str, start: int) -> Iterator[tuple[int, int]]:
    while len(sentence) > LONGEST_SENTENCE:
        cut = sentence.rfind(" ", 1, LONGEST_SENTENCE)
        cut = cut if cut > 0 else LONGEST_SENTENCE
        yield start, start + cut
        sentence, start = sentence[cut:], start + cut
    yield start, start + len(sentence)
