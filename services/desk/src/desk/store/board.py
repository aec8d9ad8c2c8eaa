"""The delivery board: how the whole house stands, over all stories."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True)
class Figures:
    """Of the last 24 hours."""

    published: int
    on_the_way: int
    failed: int
    behind: int
    scheduled: int


@dataclass(frozen=True)
class SiteLine:
    endpoint_id: UUID
    endpoint_name: str
    delivered: int
    waiting: int
    troubled: int
    last_at: datetime


@dataclass(frozen=True)
class Kill:
    """A killed story that not every site has confirmed, and those of which we wait for."""

    story_id: UUID
    headline: str
    reason: str
    ordered_at: datetime
    version: int
    is_gone_here: bool
    sites_delivered: int
    sites_total: int
    waiting: list[str]


@dataclass(frozen=True)
class Passage:
    """How far the newest release of a story has got."""

    story_id: UUID
    headline: str
    action: str
    version: int
    state: str
    problem: str
    faults: list[dict[str, Any]]
    ordered_at: datetime
    released_at: datetime | None
    sites_delivered: int
    sites_total: int
    sites_failing: int
    channels: list[str]


@dataclass(frozen=True)
class ChannelLine:
    channel: str
    done: int
    waiting: int
    failed: int
    last_at: datetime


@dataclass(frozen=True)
class Trouble:
    story_id: UUID
    headline: str
    endpoint_id: UUID
    endpoint_name: str
    state: str
    attempts: int
    status_code: int | None
    detail: str
    next_attempt_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True)
class SourceLine:
    source_id: str
    name: str
    kind: str
    stories: int
    last_at: datetime


class Board:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def figures(self) -> Figures:
        with self._connection.cursor(row_factory=class_row(Figures)) as cursor:
            found = cursor.execute(
                """
                SELECT (SELECT count(*) FROM release WHERE state = 'live' AND action = 'publish' AND released_at > now() - interval '1 day') AS published,
                       (SELECT count(*) FROM release WHERE state = 'ordered' AND ordered_at > now() - interval '1 day') AS on_the_way,
                       (SELECT count(*) FROM release WHERE state = 'failed' AND ordered_at > now() - interval '1 day') AS failed,
                       (SELECT count(DISTINCT story_id) FROM site WHERE state IN ('failing', 'failed')) AS behind,
                       (SELECT count(*) FROM schedule WHERE problem = '') AS scheduled
                """
            ).fetchone()
        assert found is not None  # noqa: S101 - a row of counts always comes
        return found

    def sites(self) -> Sequence[SiteLine]:
        with self._connection.cursor(row_factory=class_row(SiteLine)) as cursor:
            return cursor.execute(
                """
                SELECT endpoint_id, max(endpoint_name) AS endpoint_name, count(*) FILTER (WHERE state = 'delivered') AS delivered,
                       count(*) FILTER (WHERE state IN ('pending', 'held')) AS waiting, count(*) FILTER (WHERE state IN ('failing', 'failed')) AS troubled,
                       max(changed_at) AS last_at
                FROM site WHERE changed_at > now() - interval '7 days' GROUP BY endpoint_id ORDER BY troubled DESC, 2
                """
            ).fetchall()

    def trouble(self) -> Sequence[Trouble]:
        with self._connection.cursor(row_factory=class_row(Trouble)) as cursor:
            return cursor.execute(
                """
                SELECT t.story_id, s.headline, t.endpoint_id, t.endpoint_name, t.state, t.attempts, t.status_code, t.detail, t.next_attempt_at, t.changed_at
                FROM site t JOIN story s USING (story_id) WHERE t.state IN ('failing', 'failed') ORDER BY t.changed_at DESC LIMIT 100
                """
            ).fetchall()

    def kills(self) -> Sequence[Kill]:
        """Kills that somebody has not confirmed yet, the oldest first."""
        with self._connection.cursor(row_factory=class_row(Kill)) as cursor:
            return cursor.execute(
                """
                SELECT s.story_id, s.headline, r.reason, r.ordered_at, r.version, r.state = 'live' AS is_gone_here, s.sites_delivered, s.sites_total,
                       ARRAY(SELECT t.endpoint_name FROM site t WHERE t.story_id = s.story_id AND (t.version < r.version OR t.state <> 'delivered') ORDER BY 1) AS waiting
                FROM story s JOIN release r ON r.story_id = s.story_id AND r.version = s.version
                WHERE s.state = 'killed' AND s.changed_at > now() - interval '30 days'
                  AND (r.state <> 'live' OR EXISTS (SELECT FROM site t WHERE t.story_id = s.story_id AND (t.version < r.version OR t.state <> 'delivered')))
                ORDER BY r.ordered_at LIMIT 50
                """
            ).fetchall()

    def passages(self, limit: int = 40) -> Sequence[Passage]:
        """The newest releases, the last ordered first."""
        with self._connection.cursor(row_factory=class_row(Passage)) as cursor:
            return cursor.execute(
                """
                SELECT r.story_id, s.headline, r.action, r.version, r.state, r.problem, r.faults, r.ordered_at, r.released_at, s.sites_delivered, s.sites_total, s.sites_failing,
                       ARRAY(SELECT c.channel || ':' || c.state FROM channel_post c WHERE c.story_id = r.story_id ORDER BY 1) AS channels
                FROM release r JOIN story s ON s.story_id = r.story_id AND s.version = r.version
                ORDER BY r.ordered_at DESC LIMIT %s
                """,
                (limit,),
            ).fetchall()

    def channels(self) -> Sequence[ChannelLine]:
        """Channels that were spoken to in the last seven days."""
        with self._connection.cursor(row_factory=class_row(ChannelLine)) as cursor:
            return cursor.execute(
                """
                SELECT channel, count(*) FILTER (WHERE state IN ('posted', 'edited', 'deleted')) AS done, count(*) FILTER (WHERE state = 'waiting') AS waiting,
                       count(*) FILTER (WHERE state = 'failed') AS failed, max(changed_at) AS last_at
                FROM channel_post WHERE changed_at > now() - interval '7 days' GROUP BY channel ORDER BY failed DESC, 1
                """
            ).fetchall()

    def sources(self) -> Sequence[SourceLine]:
        """Where the stories of the last seven days came from."""
        with self._connection.cursor(row_factory=class_row(SourceLine)) as cursor:
            return cursor.execute(
                """
                SELECT source_id, max(source->>'name') AS name, max(source->>'kind') AS kind, count(*) AS stories, max(received_at) AS last_at
                FROM story WHERE received_at > now() - interval '7 days' GROUP BY source_id ORDER BY last_at DESC LIMIT 200
                """
            ).fetchall()
