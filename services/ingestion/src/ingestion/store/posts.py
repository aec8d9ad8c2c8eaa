"""Messages of posts as they come from messengers, and when each post is put together."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

MOST_TRIES = 10
SHOWN_AFTER_S = 60
"""A messenger's public page may be so much behind."""


@dataclass(frozen=True)
class Told:
    """One message, as an update told of it. `post_key` joins those of an album."""

    message_id: str
    post_key: str
    changed_at: int
    update_id: int
    body: bytes


@dataclass(frozen=True)
class DuePost:
    source_id: str
    post_key: str
    external_id: str
    generation: int


class Posts:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def tell(self, source_id: str, told: Told, wait_s: float, wait_at_most_s: float) -> bool:
        """Keep a message unless we have it as new or newer; its post is due when nothing more came for `wait_s`."""
        is_news = self._connection.execute(
            """
            INSERT INTO post_message (source_id, message_id, post_key, changed_at, update_id, body) VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (source_id, message_id) DO UPDATE
            SET changed_at = excluded.changed_at, update_id = excluded.update_id, body = excluded.body, came_at = now()
            WHERE (post_message.changed_at, post_message.update_id) < (excluded.changed_at, excluded.update_id)
            """,
            (source_id, told.message_id, told.post_key, told.changed_at, told.update_id, told.body),
        ).rowcount
        if is_news:
            self._put_off(source_id, told, wait_s, wait_at_most_s)
        return bool(is_news)

    def _put_off(self, source_id: str, told: Told, wait_s: float, wait_at_most_s: float) -> None:
        self._connection.execute(
            """
            INSERT INTO post (source_id, post_key, external_id, due_at, latest_at)
            VALUES (%(source_id)s, %(post_key)s, %(message_id)s, now() + make_interval(secs => %(wait_s)s), now() + make_interval(secs => %(most_s)s))
            ON CONFLICT (source_id, post_key) DO UPDATE
            SET generation = post.generation + 1, tries = 0,
                latest_at = CASE WHEN post.due_at IS NULL THEN excluded.latest_at ELSE post.latest_at END,
                due_at = least(excluded.due_at, CASE WHEN post.due_at IS NULL THEN excluded.latest_at ELSE post.latest_at END)
            """,
            {
                "source_id": source_id,
                "post_key": told.post_key,
                "message_id": told.message_id,
                "wait_s": wait_s,
                "most_s": wait_at_most_s,
            },
        )

    def lease_due(self, limit: int, lease_s: float) -> list[DuePost]:
        """Posts of active sources that are due, for us alone until the lease ends."""
        rows = self._connection.execute(
            """
            UPDATE post SET leased_to = now() + make_interval(secs => %s), tries = tries + 1
            WHERE (source_id, post_key) IN (
                SELECT post.source_id, post.post_key FROM post JOIN source USING (source_id)
                WHERE post.due_at <= now() AND (post.leased_to IS NULL OR post.leased_to <= now()) AND source.state = 'active'
                ORDER BY post.due_at LIMIT %s FOR UPDATE OF post SKIP LOCKED)
            RETURNING source_id, post_key, external_id, generation
            """,
            (lease_s, limit),
        ).fetchall()
        return [DuePost(*row) for row in rows]

    def messages(self, post: DuePost) -> Sequence[bytes]:
        """The updates of a post's messages as they came, in the order of the messages."""
        rows = self._connection.execute(
            "SELECT body FROM post_message WHERE source_id = %s AND post_key = %s ORDER BY length(message_id), message_id",
            (post.source_id, post.post_key),
        ).fetchall()
        return [bytes(row[0]) for row in rows]

    def told_lately(self, source_id: str) -> dict[str, list[str]]:
        """Posts of the last day that the source stands by, each with the numbers of its messages; none that is too young for a public page."""
        rows = self._connection.execute(
            """
            SELECT external_id, array_agg(m.message_id) FROM post JOIN post_message m USING (source_id, post_key) JOIN item i USING (source_id, external_id)
            WHERE source_id = %s AND i.withdrawn_at IS NULL AND m.came_at > now() - interval '1 day'
            GROUP BY external_id HAVING max(m.came_at) < now() - make_interval(secs => %s)
            """,
            (source_id, SHOWN_AFTER_S),
        ).fetchall()
        return dict(rows)

    def finish(self, post: DuePost) -> None:
        """It is put together; a message that came meanwhile makes it due again."""
        self._connection.execute(
            "UPDATE post SET leased_to = NULL, due_at = CASE WHEN generation = %s THEN NULL ELSE due_at END WHERE source_id = %s AND post_key = %s",
            (post.generation, post.source_id, post.post_key),
        )

    def put_back(self, post: DuePost) -> None:
        """Something of ours did not answer: later, then ever later, and at last not any more."""
        self._connection.execute(
            """
            UPDATE post SET leased_to = NULL,
                due_at = CASE WHEN tries < %s THEN greatest(due_at, now()) + interval '2 seconds' * power(2, tries) END
            WHERE source_id = %s AND post_key = %s AND generation = %s
            """,
            (MOST_TRIES, post.source_id, post.post_key, post.generation),
        )

    def forget_old(self, days: int) -> int:
        """Messages that came and changed long ago; their originals stay in the archive."""
        self._connection.execute(
            """
            DELETE FROM post WHERE NOT EXISTS (SELECT FROM source WHERE source.source_id = post.source_id)
            OR due_at IS NULL AND latest_at < now() - make_interval(days => %(days)s)
            AND NOT EXISTS (SELECT FROM post_message m WHERE (m.source_id, m.post_key) = (post.source_id, post.post_key)
                            AND m.came_at >= now() - make_interval(days => %(days)s))
            """,
            {"days": days},
        )
        return self._connection.execute(
            """
            DELETE FROM post_message m WHERE came_at < now() - make_interval(days => %s)
            AND NOT EXISTS (SELECT FROM post WHERE (post.source_id, post.post_key) = (m.source_id, m.post_key))
            """,
            (days,),
        ).rowcount
