"""Reads a text: sentences, names in them, who and what they mean."""

from collections.abc import Callable, Sequence

from tagging.domain.entities import NAME_MARKS, Entity, Identify, find_entities
from tagging.domain.sentences import Sentence, sentences
from tagging.domain.spans import Span
from tagging.domain.words import parses

FindNames = Callable[[Sequence[Sentence]], list[Span]]


def read_entities(text: str, find_names: FindNames, identify: Identify) -> list[Entity]:
    """The people, places and organisations that a text names, in order. The net sees only sentences that may hold a name."""
    return find_entities(text, find_names([one for one in sentences(text) if may_name(one)]), identify)


def may_name(sentence: Sentence) -> bool:
    """Whether a word has a capital that is not just the sentence's first of a common word."""
    first, *others = sentence.words
    return (
        any(word.is_capital for word in others)
        or (first.is_capital and _may_be_name(first.text))
        or not first.text[0].isalpha()
    )


def _may_be_name(word: str) -> bool:
    tags = [parse.tag for parse in parses(word.lower()) if parse.is_known]
    return not tags or word.isupper() or any(mark in tag for tag in tags for mark in NAME_MARKS)
