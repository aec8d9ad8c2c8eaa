"""The vocabulary as a table (CSV) and as SKOS (RDF/XML): for the shipped files, for import and for export."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from xml.etree import ElementTree as ET

import defusedxml.ElementTree as SafeXml
from defusedxml import DefusedXmlException

from tagging.domain.vocabulary import KINDS, LANGUAGES, STATUSES, Alias, Concept

COLUMNS = [
    "id",
    "kind",
    "label",
    "label_en",
    "label_kk",
    "aliases",
    "aliases_en",
    "aliases_kk",
    "broader",
    "wikidata",
    "iptc",
    "valid_from",
    "valid_to",
    "status",
    "merged_into",
    "needs_context",
]
MARKS = {"=": "is_exact", "?": "needs_context"}
MOST_CONCEPTS = 50_000
SKOS = "http://www.w3.org/2004/02/skos/core#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
OWN = "https://depesha.invalid/ns/vocabulary#"
XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


class BadTableError(ValueError):
    """A table or a SKOS file cannot be read; the message names the row, the column, what it holds and what is allowed."""


def read_csv(text: str) -> list[Concept]:
    """Concepts of a table with the columns `id`, `kind`, `label` and any of COLUMNS. Raises BadTableError."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = {"id", "kind", "label"} - set(rows.fieldnames or ())
    if missing:
        raise BadTableError(
            f"columns {', '.join(sorted(missing))}: missing; the first line must name {', '.join(COLUMNS)}"
        )
    if unknown := set(rows.fieldnames or ()) - set(COLUMNS):
        raise BadTableError(
            f"columns {', '.join(sorted(map(str, unknown)))}: unknown; allowed are {', '.join(COLUMNS)}"
        )
    return _checked(concept_of(row, f"row {number}") for number, row in enumerate(rows, start=2))


def _checked(concepts: Iterable[Concept]) -> list[Concept]:
    found: dict[str, Concept] = {}
    for concept in concepts:
        if concept.concept_id in found:
            raise BadTableError(f"id {concept.concept_id!r}: stands twice; an id may stand once")
        if len(found) >= MOST_CONCEPTS:
            raise BadTableError(f"more than {MOST_CONCEPTS} concepts; that is the most a vocabulary may hold")
        found[concept.concept_id] = concept
    return list(found.values())


def concept_of(row: dict[str, str], where: str = "row") -> Concept:
    """A concept from a row. Aliases are parted by «;»; «=» before one: these capitals only, «?»: needs context."""
    get = {column: (row.get(column) or "").strip() for column in COLUMNS}
    if not get["id"] or len(get["id"]) > 200:
        raise BadTableError(f"{where}, column id: {get['id']!r}; 1 to 200 characters are allowed")
    if not (get["label"] or get["label_en"]):
        raise BadTableError(f"{where}, column label: empty; a concept needs a label (or label_en)")
    kind = _one_of(get["kind"], KINDS, where, "kind")
    status = _one_of(get["status"] or "active", STATUSES, where, "status")
    if (status == "merged") != bool(get["merged_into"]):
        raise BadTableError(
            f"{where}, column merged_into: {get['merged_into']!r} with status {status}; only merged concepts have it"
        )
    return Concept(
        concept_id=get["id"],
        kind=kind,  # type: ignore[arg-type]
        label=get["label"] or get["label_en"],
        label_en=get["label_en"],
        label_kk=get["label_kk"],
        aliases=tuple(_aliases(get)),
        broader=get["broader"] or None,
        wikidata=get["wikidata"],
        iptc=get["iptc"],
        valid_from=_date(get["valid_from"], where, "valid_from"),
        valid_to=_date(get["valid_to"], where, "valid_to"),
        status=status,  # type: ignore[arg-type]
        merged_into=get["merged_into"] or None,
        label_needs_context=bool(get["needs_context"]),
    )


def _aliases(get: dict[str, str]) -> Iterator[Alias]:
    for language, column in zip(LANGUAGES, ("aliases", "aliases_en", "aliases_kk"), strict=True):
        for part in filter(None, map(str.strip, get[column].split(";"))):
            yield parse_alias(part, language)


def parse_alias(text: str, language: str) -> Alias:
    marks = {}
    while text[:1] in MARKS:
        marks[MARKS[text[0]]] = True
        text = text[1:]
    return Alias(text, language, **marks)


def shown_alias(alias: Alias) -> str:
    return ("=" if alias.is_exact else "") + ("?" if alias.needs_context else "") + alias.text


def _one_of(value: str, allowed: tuple[str, ...], where: str, column: str) -> str:
    if value not in allowed:
        raise BadTableError(f"{where}, column {column}: {value!r}; allowed are {', '.join(allowed)}")
    return value


def _date(value: str, where: str, column: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise BadTableError(f"{where}, column {column}: {value!r}; allowed is a date like 2026-11-30") from None


def row_of(concept: Concept) -> dict[str, str]:
    by_language = {
        language: ";".join(shown_alias(one) for one in concept.aliases if one.language == language)
        for language in LANGUAGES
    }
    return {
        "id": concept.concept_id,
        "kind": concept.kind,
        "label": concept.label,
        "label_en": concept.label_en,
        "label_kk": concept.label_kk,
        "aliases": by_language["ru"],
        "aliases_en": by_language["en"],
        "aliases_kk": by_language["kk"],
        "broader": concept.broader or "",
        "wikidata": concept.wikidata,
        "iptc": concept.iptc,
        "valid_from": concept.valid_from.isoformat() if concept.valid_from else "",
        "valid_to": concept.valid_to.isoformat() if concept.valid_to else "",
        "status": concept.status,
        "merged_into": concept.merged_into or "",
        "needs_context": "1" if concept.label_needs_context else "",
    }


def write_csv(concepts: Iterable[Concept]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(row_of, concepts))
    return out.getvalue()


def write_skos(concepts: Iterable[Concept]) -> str:
    """SKOS in RDF/XML. What SKOS has no word for (kind, status, marks of aliases) stands in our own namespace."""
    for prefix, uri in (("skos", SKOS), ("rdf", RDF), ("d", OWN)):
        ET.register_namespace(prefix, uri)
    root = ET.Element(f"{{{RDF}}}RDF")
    for concept in concepts:
        row = row_of(concept)
        node = ET.SubElement(root, f"{{{SKOS}}}Concept", {f"{{{RDF}}}about": f"{OWN}{concept.concept_id}"})
        ET.SubElement(node, f"{{{SKOS}}}notation").text = concept.concept_id
        for language, column in zip(LANGUAGES, ("label", "label_en", "label_kk"), strict=True):
            if row[column]:
                ET.SubElement(node, f"{{{SKOS}}}prefLabel", {XML_LANGUAGE: language}).text = row[column]
        for alias in concept.aliases:
            ET.SubElement(node, f"{{{SKOS}}}altLabel", {XML_LANGUAGE: alias.language}).text = shown_alias(alias)
        if concept.broader:
            ET.SubElement(node, f"{{{SKOS}}}broader", {f"{{{RDF}}}resource": f"{OWN}{concept.broader}"})
        for column in ("kind", "wikidata", "iptc", "valid_from", "valid_to", "status", "merged_into", "needs_context"):
            if row[column]:
                ET.SubElement(node, f"{{{OWN}}}{column}").text = row[column]
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def read_skos(text: str) -> list[Concept]:
    """Concepts of a SKOS file in RDF/XML; one without our `kind` is a subject. Raises BadTableError."""
    try:
        root = SafeXml.fromstring(text)
    except (ET.ParseError, DefusedXmlException, ValueError) as error:
        raise BadTableError(f"the file is no RDF/XML: {error}") from None
    return _checked(
        concept_of(_row_of_node(node), f"concept {number}")
        for number, node in enumerate(root.iter(f"{{{SKOS}}}Concept"), start=1)
    )


def _row_of_node(node: ET.Element) -> dict[str, str]:
    about = node.get(f"{{{RDF}}}about", "")
    row = {"id": node.findtext(f"{{{SKOS}}}notation") or _local(about), "kind": "subject"}
    columns = dict(zip(LANGUAGES, ("", "_en", "_kk"), strict=True))
    for label in node.iter(f"{{{SKOS}}}prefLabel"):
        language = (label.get(XML_LANGUAGE) or "ru")[:2]
        if language in columns:
            row[f"label{columns[language]}"] = label.text or ""
    for language, ending in columns.items():
        row[f"aliases{ending}"] = ";".join(
            label.text or ""
            for label in node.iter(f"{{{SKOS}}}altLabel")
            if (label.get(XML_LANGUAGE) or "ru")[:2] == language
        )
    broader = node.find(f"{{{SKOS}}}broader")
    if broader is not None:
        row["broader"] = _local(broader.get(f"{{{RDF}}}resource", ""))
    for column in COLUMNS:
        own = node.findtext(f"{{{OWN}}}{column}")
        if own:
            row[column] = own
    return row


def _local(uri: str) -> str:
    return uri.rsplit("#", 1)[-1].rsplit("/", 1)[-1]
