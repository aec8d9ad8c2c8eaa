"""The difference between two texts, word by word."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from desk.domain.draft import Draft, body_text

WORDS = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class Piece:
    kind: Literal["same", "gone", "new"]
    text: str


@dataclass(frozen=True)
class FieldDiff:
    """The pieces of one field; `label` is the field's name."""

    label: str
    pieces: tuple[Piece, ...]


def diff_words(old: str, new: str) -> tuple[Piece, ...]:
    """Pieces that give `old` without those that are new, and `new` without those that are gone."""
    before, after = WORDS.findall(old), WORDS.findall(new)
    pieces: list[Piece] = []
    for kind, i, j, k, n in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(before[i:j])))
            continue
        if i < j:
            pieces.append(Piece("gone", "".join(before[i:j])))
        if k < n:
            pieces.append(Piece("new", "".join(after[k:n])))
    return _join_small_islands(pieces)


def _join_small_islands(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """A space or a comma alone between two changes belongs to them: it reads as one change."""
    joined: list[Piece] = []
    gone, new = "", ""

    def flush() -> None:
        nonlocal gone, new
        joined.extend(piece for piece in (Piece("gone", gone), Piece("new", new)) if piece.text)
        gone, new = "", ""

    for place, piece in enumerate(pieces):
        is_island = piece.kind == "same" and not piece.text.strip() and (gone or new) and place + 1 < len(pieces)
        if piece.kind == "same" and not is_island:
            flush()
            joined.append(piece)
        if piece.kind == "gone" or is_island:
            gone += piece.text
        if piece.kind == "new" or is_island:
            new += piece.text
    flush()
    return tuple(joined)


def diff_drafts(old: Draft, new: Draft) -> list[FieldDiff]:
    """The fields that differ and that a reader would see."""
    fields = {
        "headline": (old.headline, new.headline),
        "lede": (old.lede, new.lede),
        "text": (body_text(old), body_text(new)),
        "rubrics": (_labels(old.rubrics), _labels(new.rubrics)),
        "tags": (_labels(old.tags), _labels(new.tags)),
        "images": (_captions(old), _captions(new)),
    }
    return [FieldDiff(label, diff_words(a, b)) for label, (a, b) in fields.items() if a != b]


def _labels(labels: Sequence[object]) -> str:
    return ", ".join(str(getattr(label, "label", label)) for label in labels)


def _captions(draft: Draft) -> str:
    return "\n".join(f"{image.caption} | {image.credit}" for image in draft.images)
