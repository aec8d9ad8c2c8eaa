"""Text with marks, as messengers send it: UTF-16 offsets become places in the text, marks become clean inline HTML.

Telegram and MAX count in UTF-16 code units (an emoji is two), Python counts characters. Marks may nest, touch and overlap.
"""

import html
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

BARE_TAGS = frozenset({"b", "i", "u", "s", "code"})


class Mark(NamedTuple):
    """What characters `start` to `end` are. `kind` is b, i, u, s, code, a (with `url`), quote, pre, or a word that is not shown."""

    start: int
    end: int
    kind: str
    url: str = ""


class MarkedText(NamedTuple):
    text: str
    marks: tuple[Mark, ...] = ()

    def cut(self, start: int, end: int) -> "MarkedText":
        """A stretch of it without the white space around, with the marks that lie in it."""
        text = self.text[start:end]
        start, text = start + len(text) - len(text.lstrip()), text.strip()
        end = start + len(text)
        inside = (
            mark._replace(start=max(mark.start, start) - start, end=min(mark.end, end) - start) for mark in self.marks
        )
        return MarkedText(text, tuple(mark for mark in inside if mark.start < mark.end))

    def is_covered(self, kind: str) -> bool:
        """Whether every letter and digit bears a mark of this kind."""
        spans = [mark for mark in self.marks if mark.kind == kind]
        places = [place for place, sign in enumerate(self.text) if sign.isalnum()]
        return bool(places) and all(any(mark.start <= place < mark.end for mark in spans) for place in places)


def from_utf16(text: str, spans: Iterable[tuple[int, int, str, str]]) -> MarkedText:
    """`spans`: (offset, length, kind, url) in UTF-16 code units. What reaches out of the text is cut, what is empty dropped.

    An offset in the middle of a surrogate pair means the character it cuts.
    """
    places = _places(text)
    marks = []
    for offset, length, kind, url in spans:
        start, end = max(offset, 0), min(offset + length, len(places) - 1)
        if start < end and (first := places[start]) < (last := _end(places, end)):
            marks.append(Mark(first, last, kind, url))
    return MarkedText(text, tuple(sorted(marks, key=lambda mark: (mark.start, -mark.end))))


def _places(text: str) -> list[int]:
    """For each UTF-16 code unit the character that it belongs to, and one more for the end."""
    places = [place for place, sign in enumerate(text) for _ in range(2 if ord(sign) > 0xFFFF else 1)]
    return [*places, len(text)]


def _end(places: Sequence[int], unit: int) -> int:
    cuts_a_pair = 0 < unit < len(places) - 1 and places[unit] == places[unit - 1]
    return places[unit] + 1 if cuts_a_pair else places[unit]


def to_html(marked: MarkedText) -> str:
    """Inline HTML, well formed whatever the marks do: those that overlap are closed and opened again. Line ends become breaks."""
    shown = [mark for mark in marked.marks if _opening(mark)]
    edges = sorted({0, len(marked.text), *(edge for mark in shown for edge in (mark.start, mark.end))})
    out: list[str] = []
    standing: list[Mark] = []
    for start, end in pairwise(edges):
        wanted = [mark for mark in shown if mark.start <= start and mark.end >= end]
        kept = _common(standing, wanted)
        out += [_closing(mark) for mark in reversed(standing[kept:])]
        out += [_opening(mark) for mark in wanted[kept:]]
        out.append(html.escape(marked.text[start:end], quote=False).replace("\n", "<br>"))
        standing = wanted
    out += [_closing(mark) for mark in reversed(standing)]
    return "".join(out)


def _common(standing: Sequence[Mark], wanted: Sequence[Mark]) -> int:
    kept = 0
    while kept < min(len(standing), len(wanted)) and standing[kept] is wanted[kept]:
        kept += 1
    return kept


def _opening(mark: Mark) -> str:
    if mark.kind == "a":
        return f'<a href="{html.escape(mark.url)}">' if mark.url else ""
    return f"<{mark.kind}>" if mark.kind in BARE_TAGS else ""


def _closing(mark: Mark) -> str:
    return f"</{mark.kind}>"
