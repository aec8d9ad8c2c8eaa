"""Places for files that were given out by POST /uploads."""

from collections.abc import Sequence

import psycopg


class Uploads:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def save(self, upload_id: str) -> None:
        self._connection.execute("INSERT INTO upload (upload_id) VALUES (%s)", (upload_id,))

    def old(self, hours: int, limit: int) -> Sequence[str]:
        """Those that were given out longer ago, the oldest first."""
        rows = self._connection.execute(
            "SELECT upload_id FROM upload WHERE made_at < now() - make_interval(hours => %s) ORDER BY made_at LIMIT %s",
            (hours, limit),
        ).fetchall()
        return [row[0] for row in rows]

    def forget(self, upload_ids: Sequence[str]) -> None:
        self._connection.execute("DELETE FROM upload WHERE upload_id = ANY(%s)", (list(upload_ids),))
