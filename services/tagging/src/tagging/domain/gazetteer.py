"""Finds the vocabulary's concepts in a text, in any inflection: a trie over the base forms of words."""

from dataclasses import dataclass, field

from tagging.domain.vocabulary import Concept, Kind, Vocabulary, latin_names
from tagging.domain.words import Word, bases, words


@dataclass(frozen=True)
class Mention:
    """A concept in a text. `by_alias`: not named by its label, e.g. by an adjective."""

    concept_id: str
    kind: Kind
    start: int
    end: int
    by_alias: bool


@dataclass
class _Node:
    next: dict[str, "_Node"] = field(default_factory=dict)
    ends: list[tuple[Concept, bool, bool]] = field(default_factory=list)  # concept, by alias, wants a capital


class Gazetteer:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._root = _Node()
        for concept in vocabulary.by_id.values():
            self._add(concept, concept.label, by_alias=False)
            for alias in concept.aliases:
                self._add(concept, alias, by_alias=True)
            for name in latin_names(concept):
                self._add(concept, name, by_alias=False)

    def _add(self, concept: Concept, name: str, *, by_alias: bool) -> None:
        nodes = [self._root]
        parts = words(name)
        for part in parts:
            nodes = [node.next.setdefault(base, _Node()) for node in nodes for base in bases(part.text)]
        wants_capital = bool(parts) and parts[0].is_capital and concept.kind != "subject"
        for node in nodes:
            node.ends.append((concept, by_alias, wants_capital))

    def find(self, text: str) -> list[Mention]:
        """All mentions, the longest at each place; overlapping shorter ones are dropped."""
        found: list[Mention] = []
        tokens = words(text)
        place = 0
        while place < len(tokens):
            length, mention = self._longest(tokens, place)
            if mention:
                found.append(mention)
            place += length
        return found

    def _longest(self, tokens: list[Word], place: int) -> tuple[int, Mention | None]:
        nodes, best = [self._root], (1, None)
        for length in range(1, min(7, len(tokens) - place + 1)):
            token = tokens[place + length - 1]
            nodes = [node.next[base] for node in nodes for base in token.bases if base in node.next]
            if not nodes:
                break
            for node in nodes:
                for concept, by_alias, wants_capital in node.ends:
                    if not wants_capital or tokens[place].is_capital:
                        mention = Mention(concept.concept_id, concept.kind, tokens[place].start, token.end, by_alias)
                        best = (length, mention)  # type: ignore[assignment]
        return best
