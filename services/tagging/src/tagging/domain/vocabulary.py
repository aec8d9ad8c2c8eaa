"""The vocabulary: concepts with labels and aliases, what is part of what. Facts written for this project; country names from CLDR."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from babel import Locale

from tagging.domain.words import folded

NO_COUNTRIES = ("EU", "EZ", "UN", "ZZ", "XA", "XB", "QO")
"""Codes of CLDR that are groups of countries, or nothing."""

Kind = Literal["person", "office", "place", "organisation", "subject", "event", "other"]


@dataclass(frozen=True)
class Concept:
    """One thing a story can be about. `broader` is the id of what it is part of: city, region, country."""

    concept_id: str
    kind: Kind
    label: str
    aliases: tuple[str, ...] = ()
    broader: str | None = None
    label_en: str = ""
    aliases_en: tuple[str, ...] = ()


class Vocabulary:
    """Concepts by id, with the way up to country."""

    def __init__(self, concepts: Iterable[Concept], version: str) -> None:
        self.by_id = {concept.concept_id: concept for concept in concepts}
        self.version = version
        self._by_name = self._named()

    def _named(self) -> dict[str, str]:
        """Folded names of places and organisations -> concept; the first that bears a name keeps it."""
        found: dict[str, str] = {}
        for concept in self.by_id.values():
            if concept.kind in ("place", "organisation"):
                for name in (concept.label, *concept.aliases, *latin_names(concept)):
                    found.setdefault(folded(name), concept.concept_id)
        return found

    def identify(self, name: str) -> str | None:
        """The place or organisation that a name in the nominative means."""
        return self._by_name.get(folded(name))

    def way_up(self, concept_id: str) -> list[str]:
        """The concept itself, then what it is part of, up to the country."""
        way = []
        while concept_id in self.by_id and concept_id not in way:
            way.append(concept_id)
            concept_id = self.by_id[concept_id].broader or ""
        return way

    def country_of(self, concept_id: str) -> str | None:
        return next((one for one in reversed(self.way_up(concept_id)) if self.by_id[one].concept_id.isupper()), None)


def shipped() -> Vocabulary:
    """What comes with Depesha: countries, regions of Russia and Kazakhstan, cities, offices, subjects."""
    regions = [
        Concept(row["id"], "place", row["label"], _split(row["aliases"]), row["id"][:2].upper())
        for row in _rows("regions.csv")
    ]
    cities = [
        Concept(row["id"], "place", row["label"], _split(row["aliases"]), row["broader"]) for row in _rows("cities.csv")
    ]
    offices = [
        Concept(row["id"], "office", row["label"], _split(row["aliases"]), None, "", _split(row["english"]))
        for row in _rows("offices.csv")
    ]
    subjects = [
        Concept(row["id"], "subject", row["label"], _split(row["aliases"]), None, "", _split(row["english"]))
        for row in _rows("subjects.csv")
    ]
    return Vocabulary([*_countries(), *regions, *cities, *offices, *subjects], version="shipped-1")


def _countries() -> list[Concept]:
    russian, english = _territories("ru"), _territories("en")
    aliases = {row["id"]: _split(row["aliases"]) for row in _rows("countries.csv")}
    codes = [code for code in russian if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES]
    return [Concept(code, "place", russian[code], aliases.get(code, ()), None, english.get(code, "")) for code in codes]


def _territories(language: str) -> dict[str, str]:
    return {str(code): str(name) for code, name in Locale(language).territories.items()}


def _rows(name: str) -> list[dict[str, str]]:
    with (files("tagging") / "data" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)


def latin_names(concept: Concept) -> Sequence[str]:
    return [name for name in (concept.label_en, *concept.aliases_en) if name]
