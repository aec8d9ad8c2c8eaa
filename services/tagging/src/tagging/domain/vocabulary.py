"""The vocabulary: concepts with labels and aliases by language, what is part of what, since when and until when. After SKOS."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from tagging.domain.words import folded

Kind = Literal["person", "office", "place", "organisation", "subject", "event", "rubric", "other"]
KINDS: tuple[str, ...] = get_args(Kind)
Status = Literal["active", "suppressed", "merged"]
STATUSES: tuple[str, ...] = get_args(Status)
LANGUAGES = ("ru", "en", "kk")
NEVER_SOUGHT = ("medtop:",)
"""Ids that begin so are there to file under: «политика» in a text is no reason for the tag."""


@dataclass(frozen=True)
class Alias:
    """Another name. `is_exact`: these capitals only. `needs_context`: counts where something of the same region or country is named too."""

    text: str
    language: str = "ru"
    is_exact: bool = False
    needs_context: bool = False


@dataclass(frozen=True)
class Concept:
    """One thing a story can be about. `broader` is the id of what it is part of: city, region, country."""

    concept_id: str
    kind: Kind
    label: str
    label_en: str = ""
    label_kk: str = ""
    aliases: tuple[Alias, ...] = ()
    broader: str | None = None
    wikidata: str = ""
    iptc: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    status: Status = "active"
    merged_into: str | None = None
    label_needs_context: bool = False

    def names(self) -> Iterator[Alias]:
        """Every name, the labels first."""
        for language, label in (("ru", self.label), ("en", self.label_en), ("kk", self.label_kk)):
            if label:
                yield Alias(label, language, is_exact=_is_acronym(label), needs_context=self.label_needs_context)
        yield from self.aliases

    def labels(self) -> dict[str, str]:
        """Language -> how it is called there; where nobody has said it, as in Russian."""
        return {"ru": self.label, "en": self.label_en or self.label, "kk": self.label_kk or self.label}

    def is_valid(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def _is_acronym(label: str) -> bool:
    return len(label) > 1 and label.isupper()


class Vocabulary:
    """Concepts by id, with the way up to country. `version` changes whenever a concept does."""

    def __init__(self, concepts: Iterable[Concept], version: str) -> None:
        self.by_id = {concept.concept_id: concept for concept in concepts}
        self.version = version
        self._by_name: dict[str, str] = {}
        self._people: dict[str, list[str]] = {}
        for concept in self.by_id.values():
            if concept.status == "active":
                self._take_names(concept)

    def _take_names(self, concept: Concept) -> None:
        if concept.kind in ("place", "organisation"):
            for name in concept.names():
                self._by_name.setdefault(folded(name.text), concept.concept_id)
        if concept.kind == "person":
            for surname in {folded(name.text).split()[-1] for name in concept.names()}:
                self._people.setdefault(surname, []).append(concept.concept_id)

    def identify(self, name: str) -> str | None:
        """The place or organisation that a name in the nominative means; the first that bears a name keeps it."""
        return self._by_name.get(folded(name))

    def person(self, name: str, day: date | None = None) -> Concept | None:
        """The person that a name in the nominative means: by a whole name, or a surname that only one person bears (on that day)."""
        key = folded(name)
        bearers = [self.by_id[one] for one in self._people.get(key.split()[-1] if key else "", [])]
        bearers = [one for one in bearers if day is None or one.is_valid(day)]
        whole = [one for one in bearers if key in {folded(alias.text) for alias in one.names()}]
        if whole or " " in key:
            return whole[0] if len(whole) == 1 else None
        return bearers[0] if len(bearers) == 1 else None

    def current(self, concept_id: str) -> Concept | None:
        """The concept, or the one it was merged into; None: unknown or suppressed."""
        seen: set[str] = set()
        concept = self.by_id.get(concept_id)
        while concept is not None and concept.status == "merged" and concept.concept_id not in seen:
            seen.add(concept.concept_id)
            concept = self.by_id.get(concept.merged_into or "")
        return concept if concept is not None and concept.status == "active" else None

    def way_up(self, concept_id: str) -> list[str]:
        """The concept itself, then what it is part of, up to the country."""
        way: list[str] = []
        while concept_id in self.by_id and concept_id not in way:
            way.append(concept_id)
            concept_id = self.by_id[concept_id].broader or ""
        return way

    def country_of(self, concept_id: str) -> str | None:
        return next((one for one in reversed(self.way_up(concept_id)) if one.isupper()), None)
