"""What was learned, or set by an editor: weights of the ranking, the rubrics' model, the rubrics' rules."""

from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb


class Kept(NamedTuple):
    version: int
    body: Any
    metrics: dict[str, Any]


class Models:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def versions(self) -> dict[str, int]:
        """Of what there is; what nobody ever saved is missing."""
        return dict(self._connection.execute("SELECT name, version FROM model ORDER BY name").fetchall())

    def get(self, name: str) -> Kept | None:
        row = self._connection.execute("SELECT version, body, metrics FROM model WHERE name = %s", (name,)).fetchone()
        return Kept(*row) if row else None

    def save(self, name: str, body: Any, metrics: dict[str, Any] | None = None) -> int:  # noqa: ANN401 - JSON
        """The new version."""
        row = self._connection.execute(
            """
            INSERT INTO model (name, version, body, metrics) VALUES (%s, 1, %s, %s)
            ON CONFLICT (name) DO UPDATE SET version = model.version + 1, body = excluded.body, metrics = excluded.metrics, made_at = now()
            RETURNING version
            """,
            (name, Jsonb(body), Jsonb(metrics or {})),
        ).fetchone()
        assert row is not None  # noqa: S101 - RETURNING
        return int(row[0])

    def forget(self, name: str) -> None:
        """Back to what is shipped; the version goes on, so that workers notice."""
        self.save(name, None)
