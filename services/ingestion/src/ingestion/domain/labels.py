"""«Теги: …» and «Рубрика: …»: lines that an editor writes above or below a text for machines, not for readers."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from contracts.content import Block, Paragraph
from ingestion.domain.markup import plain

TAGS = re.compile(r"^(?:Теги|Тэги|Метки|Ключевые слова|Tags|Keywords)\s*:\s*(?P<names>.+)$", re.IGNORECASE)
RUBRICS = re.compile(r"^(?:Рубрик[аи]|Раздел|Section|Category)\s*:\s*(?P<names>.+)$", re.IGNORECASE)
SEPARATOR = re.compile(r"\s*[,;]\s*")
LONGEST_LINE, LONGEST_NAME = 1_000, 100
"""A sentence that happens to begin with «Раздел:» is longer, or names nothing short."""


class Labelled(NamedTuple):
    """The text without such lines, and what they named."""

    blocks: tuple[Block, ...]
    rubrics: tuple[str, ...]
    tags: tuple[str, ...]


def split_labels(blocks: Sequence[Block]) -> Labelled:
    """Take the lines off both ends of the text."""
    rest, rubrics, tags = list(blocks), list[str](), list[str]()
    for end in (-1, 0):
        while rest and isinstance(last := rest[end], Paragraph) and (taken := _take_line(last, end, rubrics, tags)):
            rest[end : end + 1 or None] = [taken[0]] if taken[0] else []
    return Labelled(tuple(rest), tuple(dict.fromkeys(rubrics)), tuple(dict.fromkeys(tags)))


def _take_line(block: Paragraph, end: int, rubrics: list[str], tags: list[str]) -> tuple[Paragraph | None] | None:
    """The paragraph without its outermost line, if that names rubrics or tags; None if it does not."""
    lines = block.html.split("<br>")
    words = plain(lines[end])
    for pattern, names in ((RUBRICS, rubrics), (TAGS, tags)):
        found = pattern.match(words) if len(words) <= LONGEST_LINE else None
        parts = [part.strip(" .#") for part in SEPARATOR.split(found["names"])] if found else []
        if parts and all(0 < len(part) <= LONGEST_NAME for part in parts):
            names.extend(parts)
            del lines[end]
            left = "<br>".join(lines)
            return (Paragraph(html=left) if plain(left) else None,)
    return None
