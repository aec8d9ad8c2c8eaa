"""Sources: what they are, when they are visited next, who is visiting, and how they do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

COLUMNS = "source_id, kind, name, url, settings, secrets, state, every_s, quiet_after_s, memory, due_at, visited_at, answered_at, failures, problem, created_at"


@dataclass(frozen=True)
class SourceRow:
    source_id: str
    kind: str
    name: str
    url: str
    settings: Mapping[str, Any]
    secrets: str
    state: Literal["active", "paused", "ended"]
    every_s: int
    quiet_after_s: int
    memory: Mapping[str, Any]
    due_at: datetime | None
    visited_at: datetime | None
    answered_at: datetime | None
    failures: int
    problem: str
    created_at: datetime


@dataclass(frozen=True)
class Figures:
    """A source's numbers: items that came or changed, troubles met, since when nothing came."""

    items_day: int
    items_week: int
    items_all: int
    troubles_day: int
    last_item_at: datetime | None


@dataclass(frozen=True)
class Lease:
    """The right to visit a source until `lease_ends_at`; whoever lost it writes nothing."""

    source: SourceRow
    token: UUID


class Sources:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, source: Mapping[str, Any], *, is_visited: bool) -> bool:
        """Whether it is new. `source` has source_id, kind, name, url, settings, secrets, every_s, quiet_after_s."""
        return bool(
            self._connection.execute(
                """
                INSERT INTO source (source_id, kind, name, url, settings, secrets, every_s, quiet_after_s, due_at)
                VALUES (%(source_id)s, %(kind)s, %(name)s, %(url)s, %(settings)s, %(secrets)s, %(every_s)s, %(quiet_after_s)s,
                        CASE WHEN %(is_visited)s THEN now() END)
                ON CONFLICT DO NOTHING
                """,
                {**source, "settings": Jsonb(source["settings"]), "is_visited": is_visited},
            ).rowcount
        )

    def change(self, source_id: str, source: Mapping[str, Any], *, forgets: bool) -> None:
        """New words and settings; `forgets`: it is another place now, what was remembered is of no use."""
        self._connection.execute(
            """
            UPDATE source SET name = %(name)s, url = %(url)s, settings = %(settings)s, secrets = %(secrets)s, every_s = %(every_s)s,
                quiet_after_s = %(quiet_after_s)s, memory = CASE WHEN %(forgets)s THEN '{}' ELSE memory END,
                due_at = CASE WHEN due_at IS NOT NULL THEN now() END, lease = NULL, lease_ends_at = NULL, failures = 0, problem = ''
            WHERE source_id = %(source_id)s
            """,
            {**source, "settings": Jsonb(source["settings"]), "source_id": source_id, "forgets": forgets},
        )

    def set_state(self, source_id: str, state: str) -> bool:
        """Whether there is such a source. A resumed one is visited at once."""
        return bool(
            self._connection.execute(
                """
                UPDATE source SET state = %(state)s, due_at = CASE WHEN due_at IS NOT NULL AND %(state)s = 'active' THEN now() ELSE due_at END,
                    failures = CASE WHEN %(state)s = 'active' THEN 0 ELSE failures END, problem = CASE WHEN %(state)s = 'active' THEN '' ELSE problem END
                WHERE source_id = %(source_id)s
                """,
                {"state": state, "source_id": source_id},
            ).rowcount
        )

    def visit_now(self, source_id: str) -> None:
        self._connection.execute(
            "UPDATE source SET due_at = now() WHERE source_id = %s AND due_at IS NOT NULL AND state = 'active'",
            (source_id,),
        )

    def delete(self, source_id: str) -> bool:
        """The source and its troubles; what came from it stays."""
        self._connection.execute("DELETE FROM trouble WHERE source_id = %s", (source_id,))
        return bool(self._connection.execute("DELETE FROM source WHERE source_id = %s", (source_id,)).rowcount)

    def get(self, source_id: str) -> SourceRow | None:
        with self._connection.cursor(row_factory=class_row(SourceRow)) as cursor:
            return cursor.execute(f"SELECT {COLUMNS} FROM source WHERE source_id = %s", (source_id,)).fetchone()  # noqa: S608 - our own column names

    def all(self) -> Sequence[SourceRow]:
        with self._connection.cursor(row_factory=class_row(SourceRow)) as cursor:
            return cursor.execute(f"SELECT {COLUMNS} FROM source ORDER BY name, source_id").fetchall()  # noqa: S608 - our own column names

    def of_channel(self, kind: str, names: Sequence[str]) -> str | None:
        """The source of this kind whose setting `channel` is one of the names, in small letters."""
        row = self._connection.execute(
            "SELECT source_id FROM source WHERE kind = %s AND lower(settings->>'channel') = ANY(%s) ORDER BY created_at LIMIT 1",
            (kind, list(names)),
        ).fetchone()
        return str(row[0]) if row else None

    def figures(self, source_ids: Sequence[str]) -> dict[str, Figures]:
        rows = self._connection.execute(
            """
            SELECT s.source_id, i.day, i.week, i.everything, t.day, i.last_at
            FROM unnest(%s::text[]) AS s (source_id)
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE received_at > now() - interval '1 day') AS day,
                       count(*) FILTER (WHERE received_at > now() - interval '7 days') AS week,
                       count(*) AS everything, max(received_at) AS last_at
                FROM item WHERE item.source_id = s.source_id) i
            CROSS JOIN LATERAL (
                SELECT count(*) AS day FROM trouble WHERE trouble.source_id = s.source_id AND last_at > now() - interval '1 day') t
            """,
            (list(source_ids),),
        ).fetchall()
        return {row[0]: Figures(*row[1:]) for row in rows}

    def lease_due(self, kinds: Sequence[str], limit: int, lease_s: float) -> Iterator[Lease]:
        """Sources of these kinds whose visit is due, for us alone until the lease ends; those that waited longest first."""
        token = uuid4()
        with self._connection.cursor(row_factory=class_row(SourceRow)) as cursor:
            rows = cursor.execute(
                f"""
                UPDATE source SET lease = %s, lease_ends_at = now() + make_interval(secs => %s), visited_at = now()
                WHERE source_id IN (
                    SELECT source_id FROM source
                    WHERE state = 'active' AND due_at <= now() AND kind = ANY(%s) AND (lease_ends_at IS NULL OR lease_ends_at <= now())
                    ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
                RETURNING {COLUMNS}
                """,  # noqa: S608 - our own column names
                (token, lease_s, list(kinds), limit),
            ).fetchall()
        return (Lease(row, token) for row in rows)

    def extend(self, lease: Lease, lease_s: float) -> bool:
        """Whether the lease is still ours; it now lasts so much longer."""
        return self._held(lease, "lease_ends_at = now() + make_interval(secs => %(lease_s)s)", {"lease_s": lease_s})

    def remember(self, lease: Lease, memory: Mapping[str, Any]) -> bool:
        return self._held(lease, "memory = %(memory)s", {"memory": Jsonb(dict(memory))})

    def finish(self, lease: Lease, memory: Mapping[str, Any], due_in_s: float, ended: str) -> bool:
        """The visit went well; `ended` is why it was the last."""
        return self._held(
            lease,
            """
            memory = %(memory)s, due_at = now() + make_interval(secs => %(due_in_s)s), answered_at = now(), failures = 0, problem = %(ended)s,
            state = CASE WHEN %(ended)s <> '' THEN 'ended' ELSE state END, lease = NULL, lease_ends_at = NULL
            """,
            {"memory": Jsonb(dict(memory)), "due_in_s": due_in_s, "ended": ended},
        )

    def fail(self, lease: Lease, memory: Mapping[str, Any], due_in_s: float, problem: str) -> bool:
        return self._held(
            lease,
            "memory = %(memory)s, due_at = now() + make_interval(secs => %(due_in_s)s), failures = failures + 1, problem = %(problem)s, lease = NULL, lease_ends_at = NULL",
            {"memory": Jsonb(dict(memory)), "due_in_s": due_in_s, "problem": problem},
        )

    def _held(self, lease: Lease, change: str, values: Mapping[str, Any]) -> bool:
        query = f"UPDATE source SET {change} WHERE source_id = %(source_id)s AND lease = %(token)s"  # noqa: S608 - our own words
        return bool(
            self._connection.execute(
                query.encode(), {**values, "source_id": lease.source.source_id, "token": lease.token}
            ).rowcount
        )
