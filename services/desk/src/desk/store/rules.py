"""What ops and chiefs set: levels of the pre-flight checks, footnote terms, routing rules, the newsroom's preferences."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from desk.domain.preflight import LEVELS, Level
from desk.domain.routing import Rule


class Preferences:
    """Small settings that are changed while the house runs: name -> JSON value."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> Any:  # noqa: ANN401 - JSON
        row = self._connection.execute("SELECT value FROM preference WHERE name = %s", (name,)).fetchone()
        return row[0] if row else None

    def set(self, name: str, value: Any) -> None:  # noqa: ANN401 - JSON
        self._connection.execute(
            "INSERT INTO preference (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, Jsonb(value)),
        )

    def two_person_rule(self) -> bool:
        return self.get("two_person_rule") is True

    def time_zone(self, default: str) -> str:
        """The newsroom's IANA time zone."""
        value = self.get("time_zone")
        return value if isinstance(value, str) else default


class PreflightRules:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def levels(self) -> dict[str, Level]:
        """The whole table: the code's own, with what ops have changed."""
        rows = self._connection.execute("SELECT code, level FROM preflight_rule").fetchall()
        return {**LEVELS, **{code: cast("Level", level) for code, level in rows if code in LEVELS}}

    def set(self, levels: Mapping[str, Level]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO preflight_rule (code, level) VALUES (%s, %s) ON CONFLICT (code) DO UPDATE SET level = excluded.level",
                list(levels.items()),
            )

    def footnote_terms(self) -> list[str]:
        terms = Preferences(self._connection).get("footnote_terms")
        return [str(term) for term in terms] if isinstance(terms, list) else []

    def set_footnote_terms(self, terms: Sequence[str]) -> None:
        Preferences(self._connection).set("footnote_terms", [term for term in terms if term])


class RoutingRules:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def all(self) -> list[Rule]:
        """In the order in which they are asked."""
        rows = self._connection.execute(
            "SELECT rule_id, name, is_on, condition, effect FROM routing_rule ORDER BY position, rule_id"
        ).fetchall()
        return [
            Rule.model_validate({"rule_id": row[0], "name": row[1], "is_on": row[2], **row[3], **row[4]})
            for row in rows
        ]

    def save(self, rule: Rule) -> None:
        """New rules are asked last."""
        values = rule.model_dump(mode="json")
        condition = {name: values[name] for name in ("source_id", "words", "urgency_at_most")}
        effect = {name: values[name] for name in ("rubric", "urgency", "assignee_id", "outcome")}
        self._connection.execute(
            """
            INSERT INTO routing_rule (rule_id, position, name, is_on, condition, effect)
            VALUES (%s, coalesce((SELECT max(position) + 1 FROM routing_rule), 1), %s, %s, %s, %s)
            ON CONFLICT (rule_id) DO UPDATE SET name = excluded.name, is_on = excluded.is_on,
                condition = excluded.condition, effect = excluded.effect
            """,
            (rule.rule_id, rule.name, rule.is_on, Jsonb(condition), Jsonb(effect)),
        )

    def delete(self, rule_id: UUID) -> None:
        self._connection.execute("DELETE FROM routing_rule WHERE rule_id = %s", (rule_id,))

    def move_up(self, rule_id: UUID) -> None:
        """Change places with the rule that is asked just before."""
        self._connection.execute(
            """
            WITH here AS (SELECT rule_id, position FROM routing_rule WHERE rule_id = %s),
            above AS (SELECT r.rule_id, r.position FROM routing_rule r, here WHERE r.position < here.position ORDER BY r.position DESC LIMIT 1)
            UPDATE routing_rule r SET position = CASE WHEN r.rule_id = here.rule_id THEN above.position ELSE here.position END
            FROM here, above WHERE r.rule_id IN (here.rule_id, above.rule_id)
            """,
            (rule_id,),
        )
