"""What comes with Depesha: countries, regions of Russia and Kazakhstan, cities, offices, subjects, rubrics, IPTC Media Topics.

Names of countries are CLDR's; towns come from GeoNames (CC BY 4.0), topics from IPTC (CC BY 4.0): see data/README.md.
"""

import csv
from functools import cache
from hashlib import sha256
from importlib.resources import files

from babel import Locale

from tagging.domain.tables import COLUMNS, concept_of
from tagging.domain.vocabulary import LANGUAGES, Concept, Vocabulary

NO_COUNTRIES = ("EU", "EZ", "UN", "ZZ", "XA", "XB", "QO")
"""Codes of CLDR that are groups of countries, or nothing."""
KIND_OF_FILE = {
    "regions": "place",
    "cities": "place",
    "offices": "office",
    "organisations": "organisation",
    "subjects": "subject",
    "media_topics": "subject",
    "rubrics": "rubric",
}


@cache
def shipped() -> Vocabulary:
    return vocabulary_of(shipped_concepts())


def vocabulary_of(concepts: list[Concept]) -> Vocabulary:
    return Vocabulary(concepts, version_of(concepts))


def version_of(concepts: list[Concept]) -> str:
    """A hash of all they say."""
    return sha256(repr(sorted(concepts, key=lambda one: one.concept_id)).encode()).hexdigest()[:12]


def shipped_concepts() -> list[Concept]:
    """Read anew at each call: a worker needs them once, to seed its database."""
    made = _countries()
    for name, kind in KIND_OF_FILE.items():
        for row in _rows(name):
            own = {column: row.get(column, "") for column in COLUMNS} | {"kind": kind}
            if name == "regions":
                own["broader"] = row["id"][:2].upper()
            if own["iptc"]:
                own["iptc"] = f"medtop:{own['iptc']}"
            made.append(concept_of(own, f"{name}, {row['id']}"))
    return made


def _countries() -> list[Concept]:
    names = {language: _territories(language) for language in LANGUAGES}
    rows = {row["id"]: row for row in _rows("countries")}
    codes = [code for code in names["ru"] if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES]
    return [
        _country(code, {key: own[code] for key, own in names.items() if code in own}, rows.get(code, {}))
        for code in codes
    ]


def _country(code: str, names: dict[str, str], row: dict[str, str]) -> Concept:
    """CLDR's names, but for those that Russian newsrooms write otherwise: «США»; CLDR's is an alias then."""
    label = row.get("label") or names["ru"]
    aliases = [row.get("aliases", ""), *([names["ru"]] if label != names["ru"] else [])]
    own = {
        "id": code,
        "kind": "place",
        "label": label,
        "label_en": names.get("en", ""),
        "label_kk": names.get("kk", ""),
    }
    return concept_of({**row, **own, "aliases": ";".join(filter(None, aliases))})


def _territories(language: str) -> dict[str, str]:
    return {str(code): str(name) for code, name in Locale(language).territories.items()}


def _rows(name: str) -> list[dict[str, str]]:
    with (files("tagging") / "data" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
