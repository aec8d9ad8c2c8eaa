"""What was answered to requests with an Idempotency-Key."""

from dataclasses import dataclass

import psycopg
from psycopg.types.json import Jsonb


@dataclass(frozen=True)
class Answer:
    fingerprint: str
    answer: dict[str, object]


class AnsweredRequests:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> Answer | None:
        row = self._connection.execute(
            "SELECT fingerprint, answer FROM answered_request WHERE idempotency_key = %s", (key,)
        ).fetchone()
        return Answer(*row) if row else None

    def save(self, key: str, fingerprint: str, answer: dict[str, object]) -> None:
        """Keep the answer; of two requests at once the first one's stands."""
        self._connection.execute(
            "INSERT INTO answered_request (idempotency_key, fingerprint, answer) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (key, fingerprint, Jsonb(answer)),
        )

    def forget_old(self, days: int) -> int:
        return self._connection.execute(
            "DELETE FROM answered_request WHERE answered_at < now() - make_interval(days => %s)", (days,)
        ).rowcount
