"""Concepts and their names; each change bumps the version and leaves a line in the audit log."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

from tagging.domain.vocabulary import LANGUAGES, Alias, Concept
from tagging.domain.words import folded

CONCEPTS = """
    SELECT concept_id, kind, broader, wikidata, iptc, valid_from, valid_to, status, merged_into, needs_context
    FROM concept {where} ORDER BY concept_id
"""
NAMES = """
    SELECT concept_id, language, text, is_label, is_exact, needs_context FROM name {where} ORDER BY concept_id, place
"""
PAGE = """
    WHERE concept_id IN (
        SELECT concept_id FROM concept
        WHERE concept_id > %(after)s AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(status)s::text IS NULL OR status = %(status)s)
        ORDER BY concept_id LIMIT %(limit)s
    )
"""


class Found(NamedTuple):
    """One line of a completion: `matched` is the name that begins as was asked; `concept_id` None: a word that editors used before."""

    concept_id: str | None
    kind: str
    label: str
    matched: str
    broader: str
    used: int


class AuditLine(NamedTuple):
    at: Any
    by: str
    action: str
    concept_id: str
    detail: dict[str, Any]


class Concepts:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def version(self) -> int:
        row = self._connection.execute("SELECT version FROM vocabulary").fetchone()
        return row[0] if row else 0

    def lock(self) -> int:
        """The version; nobody else changes the vocabulary until the transaction ends."""
        self._connection.execute("INSERT INTO vocabulary DEFAULT VALUES ON CONFLICT DO NOTHING")
        row = self._connection.execute("SELECT version FROM vocabulary FOR UPDATE").fetchone()
        return row[0] if row else 0

    def shipped_version(self) -> str:
        row = self._connection.execute("SELECT shipped FROM vocabulary").fetchone()
        return row[0] if row else ""

    def all(self) -> dict[str, Concept]:
        return self._read(sql.SQL(""))

    def ids(self) -> set[str]:
        return {row[0] for row in self._connection.execute("SELECT concept_id FROM concept")}

    def get(self, concept_id: str) -> Concept | None:
        return self._read(sql.SQL("WHERE concept_id = %(one)s"), one=concept_id).get(concept_id)

    def page(self, kind: str | None, status: str | None, after: str, limit: int) -> list[Concept]:
        """By id, those that come after `after`."""
        return list(self._read(sql.SQL(PAGE), kind=kind, status=status, after=after, limit=limit).values())

    def _read(self, where: sql.SQL, **values: object) -> dict[str, Concept]:
        names: dict[str, list[Any]] = defaultdict(list)
        cursor: psycopg.Cursor[Any] = self._connection.cursor(row_factory=namedtuple_row)
        for row in cursor.execute(sql.SQL(NAMES).format(where=where), values):
            names[row.concept_id].append(row)
        rows = cursor.execute(sql.SQL(CONCEPTS).format(where=where), values).fetchall()
        return {row.concept_id: _concept(row, names[row.concept_id]) for row in rows}

    def save(self, concepts: Iterable[Concept], *, is_shipped: bool = False) -> None:
        """Write each as it is, its names anew."""
        concepts = list(concepts)
        ids = [one.concept_id for one in concepts]
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO concept (concept_id, kind, broader, wikidata, iptc, valid_from, valid_to, status, merged_into, needs_context, is_shipped)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
                ON CONFLICT (concept_id) DO UPDATE SET kind = excluded.kind, broader = excluded.broader, wikidata = excluded.wikidata,
                    iptc = excluded.iptc, valid_from = excluded.valid_from, valid_to = excluded.valid_to, status = excluded.status,
                    merged_into = excluded.merged_into, needs_context = excluded.needs_context, is_shipped = excluded.is_shipped,
                    changed_at = now()
                """,
                [(*_row(one), is_shipped) for one in concepts],
            )
            cursor.execute("DELETE FROM name WHERE concept_id = ANY(%s)", (ids,))
            columns = "concept_id, place, language, text, folded, is_label, is_exact, needs_context"
            with cursor.copy(f"COPY name ({columns}) FROM STDIN".encode()) as copy:
                for one in concepts:
                    for place, (alias, is_label) in enumerate(_names(one)):
                        copy.write_row(
                            (
                                one.concept_id,
                                place,
                                alias.language,
                                alias.text,
                                folded(alias.text),
                                is_label,
                                alias.is_exact,
                                alias.needs_context,
                            )
                        )
            cursor.execute("UPDATE vocabulary SET version = version + 1")

    def changed_here(self) -> set[str]:
        """Ids of concepts that did not come with Depesha, or that somebody has changed since."""
        return {row[0] for row in self._connection.execute("SELECT concept_id FROM concept WHERE NOT is_shipped")}

    def note_shipped(self, version: str) -> None:
        self._connection.execute("UPDATE vocabulary SET shipped = %s", (version,))

    def write_audit(self, by: str, action: str, changes: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """`changes`: (concept's id, what changed)."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO audit (by, action, concept_id, detail) VALUES (%s, %s, %s, %s)",
                [(by, action, concept_id, Jsonb(dict(detail))) for concept_id, detail in changes],
            )

    def audit_of(self, concept_id: str) -> list[AuditLine]:
        rows = self._connection.execute(
            "SELECT at, by, action, concept_id, detail FROM audit WHERE concept_id = %s ORDER BY audit_id DESC LIMIT 200",
            (concept_id,),
        )
        return [AuditLine(*row) for row in rows]

    def complete(self, words: str, kind: str | None, limit: int) -> list[Found]:
        """Concepts with a name, or a word in a name, that begins so, then words that editors have used before; best first."""
        start = folded(words).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = self._connection.execute(
            """
            WITH hit AS (
                SELECT DISTINCT ON (concept_id) concept_id, text,
                       (CASE WHEN folded = %(whole)s THEN 0 WHEN folded LIKE %(start)s THEN 1 ELSE 2 END) * 2
                       + (NOT is_label)::int AS distance
                FROM name WHERE folded LIKE %(start)s OR folded LIKE ANY(%(inner)s)
                ORDER BY concept_id, distance, place
            )
            SELECT concept.concept_id, concept.kind, label.text, hit.text, coalesce(above.text, ''), coalesce(usage.kept, 0) AS used,
                   hit.distance, length(label.text) AS size
            FROM hit JOIN concept USING (concept_id)
            JOIN name label ON label.concept_id = concept.concept_id AND label.place = 0
            LEFT JOIN name above ON above.concept_id = concept.broader AND above.place = 0
            LEFT JOIN usage ON usage.concept_id = concept.concept_id
            WHERE concept.status = 'active' AND (%(kind)s::text IS NULL OR concept.kind = %(kind)s)
            UNION ALL
            SELECT NULL, kind, label, label, '', kept, CASE WHEN folded = %(whole)s THEN 0 WHEN folded LIKE %(start)s THEN 2 ELSE 4 END, length(label)
            FROM usage
            WHERE concept_id IS NULL AND kept > 0 AND (folded LIKE %(start)s OR folded LIKE ANY(%(inner)s))
              AND (%(kind)s::text IS NULL OR kind = %(kind)s)
            ORDER BY distance, used DESC, size, 3 LIMIT %(limit)s
            """,
            {
                "whole": folded(words),
                "start": f"{start}%",
                "inner": [f"% {start}%", f"%-{start}%"],
                "kind": kind,
                "limit": limit,
            },
        ).fetchall()
        return [Found(*row[:6]) for row in rows]


def _row(one: Concept) -> tuple[object, ...]:
    return (
        one.concept_id,
        one.kind,
        one.broader,
        one.wikidata,
        one.iptc,
        one.valid_from,
        one.valid_to,
        one.status,
        one.merged_into,
        one.label_needs_context,
    )


def _names(one: Concept) -> Iterable[tuple[Alias, bool]]:
    """The labels first, so that place 0 is the one that is shown."""
    for language, label in zip(LANGUAGES, (one.label, one.label_en, one.label_kk), strict=True):
        if label:
            yield Alias(label, language), True
    for alias in one.aliases:
        yield alias, False


def _concept(row: Any, names: list[Any]) -> Concept:  # noqa: ANN401 - a row
    labels = {name.language: name.text for name in names if name.is_label}
    return Concept(
        concept_id=row.concept_id,
        kind=row.kind,
        label=labels.get("ru", ""),
        label_en=labels.get("en", ""),
        label_kk=labels.get("kk", ""),
        aliases=tuple(
            Alias(name.text, name.language, is_exact=name.is_exact, needs_context=name.needs_context)
            for name in names
            if not name.is_label
        ),
        broader=row.broader,
        wikidata=row.wikidata,
        iptc=row.iptc,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        status=row.status,
        merged_into=row.merged_into,
        label_needs_context=row.needs_context,
    )
