"""Sketches of the stories that came in lately, and which of them may tell the same as another."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

WINDOW_DAYS = 7
"""News older than that is told again on purpose."""
NEWEST_OF_A_SHINGLE = 50
"""Of shingles that everybody uses («об этом сообщает пресс-служба») only the newest stories are looked at."""
MOST_CANDIDATES = 10


@dataclass(frozen=True)
class Candidate:
    """A story that may tell the same. `is_exact`: the same words, or the same address."""

    story_id: UUID
    is_exact: bool
    shingles: bytes


class Sketches:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def meet(
        self, story_id: UUID, body_hash: bytes, canonical_url: str, shingles: bytes, sample: Sequence[int]
    ) -> list[Candidate]:
        """Who may tell the same, the likeliest first; and keep this story's sketch, in place of the one of its last revision."""
        rows = self._connection.execute(
            """
            WITH near AS (
                SELECT found.story_id, count(*) AS shared
                FROM unnest(%(sample)s::bigint[]) AS wanted (hash)
                CROSS JOIN LATERAL (
                    SELECT shingle.story_id FROM shingle
                    WHERE shingle.hash = wanted.hash AND shingle.came_at > now() - make_interval(days => %(days)s)
                    ORDER BY shingle.came_at DESC LIMIT %(newest)s) found
                WHERE found.story_id <> %(story_id)s
                GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC LIMIT %(most)s),
            exact AS (
                SELECT story_id FROM sketch WHERE body_hash = %(body_hash)s
                UNION SELECT story_id FROM sketch WHERE canonical_url = %(url)s AND canonical_url <> ''),
            gone AS (DELETE FROM shingle WHERE story_id = %(story_id)s),
            kept AS (
                INSERT INTO sketch (story_id, body_hash, canonical_url, shingles) VALUES (%(story_id)s, %(body_hash)s, %(url)s, %(shingles)s)
                ON CONFLICT (story_id) DO UPDATE SET body_hash = excluded.body_hash, canonical_url = excluded.canonical_url,
                    shingles = excluded.shingles, came_at = now()),
            sampled AS (INSERT INTO shingle (hash, story_id) SELECT unnest(%(sample)s::bigint[]), %(story_id)s)
            SELECT story_id, exact.story_id IS NOT NULL, shingles
            FROM sketch LEFT JOIN near USING (story_id) LEFT JOIN exact USING (story_id)
            WHERE sketch.story_id IN (SELECT story_id FROM near UNION SELECT story_id FROM exact)
                AND story_id <> %(story_id)s AND came_at > now() - make_interval(days => %(days)s)
            ORDER BY exact.story_id IS NULL, near.shared DESC NULLS LAST, came_at DESC LIMIT %(most)s
            """,
            {
                "story_id": story_id,
                "body_hash": body_hash,
                "url": canonical_url,
                "shingles": shingles,
                "sample": list(sample),
                "days": WINDOW_DAYS,
                "newest": NEWEST_OF_A_SHINGLE,
                "most": MOST_CANDIDATES,
            },
        ).fetchall()
        return [Candidate(*row) for row in rows]

    def forget_old(self) -> int:
        days = {"days": WINDOW_DAYS}
        self._connection.execute("DELETE FROM sketch WHERE came_at < now() - make_interval(days => %(days)s)", days)
        return self._connection.execute(
            "DELETE FROM shingle WHERE came_at < now() - make_interval(days => %(days)s)", days
        ).rowcount
