"""What each story is to be, and is, on each channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from publication.domain.story import Story

ChannelState = Literal["waiting", "posted", "edited", "deleted", "failed"]


@dataclass(frozen=True)
class Post:
    """A story on a channel: what is wanted there and what stands there. `reference` is the channel's own id of it."""

    story_id: UUID
    channel: str
    wanted_version: int
    wanted: Literal["shown", "gone"]
    posted_version: int
    reference: dict[str, Any] | None
    attempts: int


class Posts:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def want(self, story: Story, channels: Sequence[str]) -> None:
        """A newer version is to be shown, or the story is to be gone, on these channels; those that show it already included."""
        self._connection.execute(
            """
            INSERT INTO channel_post (story_id, channel, wanted_version, wanted, due_at)
            SELECT %(story)s, channel, %(version)s, %(wanted)s, now() FROM (
                SELECT unnest(%(channels)s::text[]) AS channel
                UNION SELECT channel FROM channel_post WHERE story_id = %(story)s) AS every
            WHERE %(wanted)s = 'shown' OR EXISTS (SELECT FROM channel_post p WHERE p.story_id = %(story)s AND p.channel = every.channel)
            ON CONFLICT (story_id, channel) DO UPDATE
                SET wanted_version = excluded.wanted_version, wanted = excluded.wanted, due_at = now(), attempts = 0, state = 'waiting'
                WHERE channel_post.wanted_version < excluded.wanted_version
            """,
            {
                "story": story.story_id,
                "version": story.version,
                "wanted": "shown" if story.state == "live" else "gone",
                "channels": list(channels),
            },
        )

    def claim(self, limit: int, lease: timedelta) -> list[Post]:
        """Due posts, ours for the time of the lease."""
        rows = self._connection.execute(
            """
            UPDATE channel_post p SET due_at = now() + %s FROM (
                SELECT story_id, channel FROM channel_post WHERE due_at <= now() ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED) AS due
            WHERE p.story_id = due.story_id AND p.channel = due.channel
            RETURNING p.story_id, p.channel, p.wanted_version, p.wanted, p.posted_version, p.reference, p.attempts
            """,
            (lease, limit),
        ).fetchall()
        return [Post(*row) for row in rows]

    def done(self, post: Post, state: ChannelState, reference: dict[str, Any] | None, url: str) -> None:
        """What was wanted is so; a newer wish that came meanwhile stays due."""
        self._connection.execute(
            """
            UPDATE channel_post SET state = %(state)s, reference = %(reference)s, url = %(url)s, detail = '', attempts = 0, changed_at = now(),
                posted_version = %(version)s, due_at = CASE WHEN wanted_version > %(version)s THEN now() END
            WHERE story_id = %(story)s AND channel = %(channel)s
            """,
            {
                "state": state,
                "reference": Jsonb(reference) if reference is not None else None,
                "url": url,
                "version": post.wanted_version,
                "story": post.story_id,
                "channel": post.channel,
            },
        )

    def failed(self, post: Post, detail: str, retry_after: timedelta | None) -> None:
        """It did not work; without `retry_after` nobody tries again until the next release."""
        self._connection.execute(
            """
            UPDATE channel_post SET state = 'failed', detail = %s, attempts = attempts + 1, changed_at = now(), due_at = now() + %s
            WHERE story_id = %s AND channel = %s AND wanted_version = %s
            """,
            (detail[:2_000], retry_after, post.story_id, post.channel, post.wanted_version),
        )

    def of_story(self, story_id: UUID) -> list[dict[str, Any]]:
        names = ("channel", "state", "version", "url", "detail", "attempts", "next_attempt_at", "changed_at")
        rows = self._connection.execute(
            "SELECT channel, state, posted_version, url, detail, attempts, due_at, changed_at FROM channel_post WHERE story_id = %s ORDER BY channel",
            (story_id,),
        ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]
