"""How far a rebuild has come, so that a broken one goes on."""

from uuid import UUID

import psycopg


class Rebuilds:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, site: str) -> tuple[UUID | None, int]:
        row = self._connection.execute("SELECT after, done FROM rebuild WHERE site = %s", (site,)).fetchone()
        return (row[0], row[1]) if row else (None, 0)

    def save(self, site: str, after: UUID, done: int) -> None:
        self._connection.execute(
            "INSERT INTO rebuild (site, after, done) VALUES (%s, %s, %s) ON CONFLICT (site) DO UPDATE SET after = excluded.after, done = excluded.done",
            (site, after, done),
        )

    def end(self, site: str) -> None:
        self._connection.execute("DELETE FROM rebuild WHERE site = %s", (site,))
