"""A stretch of text that names something."""

from typing import NamedTuple


class Span(NamedTuple):
    """Characters `start` to `end`; `kind` is PER, LOC or ORG."""

    start: int
    end: int
    kind: str = "PER"
