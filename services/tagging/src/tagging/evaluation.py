"""The reading of names as a plain function, for measuring it with tools from outside: `ner_eval.py --system tagging.evaluation:factory`."""

from collections.abc import Callable
from typing import Any

from tagging import ner
from tagging.domain.reading import read_entities
from tagging.shipped import shipped


def factory() -> Callable[[str], list[dict[str, Any]]]:
    """A function: text -> its mentions with `start`, `stop`, `type` (PER, LOC, ORG), `norm` (nominative) and `key` (whom it is linked to)."""
    find_names, identify = ner.load(), shipped().identify

    def mentions(text: str) -> list[dict[str, Any]]:
        return [
            {"start": one.span.start, "stop": one.span.end, "type": entity.kind, "norm": one.name, "key": entity.name}
            for entity in read_entities(text, find_names, identify)
            for one in entity.mentions
        ]

    return mentions
