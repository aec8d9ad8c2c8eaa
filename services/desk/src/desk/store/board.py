"""The delivery board: how the whole house stands, over all stories."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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
    endpoint_name: str
    delivered: int
    waiting: int
    troubled: int
    last_at: datetime


@dataclass(frozen=True)
class Trouble:
    story_id: UUID
    headline: str
    endpoint_name: str
    state: str
    attempts: int
    status_code: int | None
    detail: str
    next_attempt_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True)
class Late:
    story_id: UUID
    headline: str
    action: str
    state: str
    ordered_at: datetime
    problem: str


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
                SELECT max(endpoint_name) AS endpoint_name, count(*) FILTER (WHERE state = 'delivered') AS delivered,
                       count(*) FILTER (WHERE state IN ('pending', 'held')) AS waiting, count(*) FILTER (WHERE state IN ('failing', 'failed')) AS troubled,
                       max(changed_at) AS last_at
                FROM site WHERE changed_at > now() - interval '7 days' GROUP BY endpoint_id ORDER BY troubled DESC, 1
                """
            ).fetchall()

    def trouble(self) -> Sequence[Trouble]:
        with self._connection.cursor(row_factory=class_row(Trouble)) as cursor:
            return cursor.execute(
                """
                SELECT t.story_id, s.headline, t.endpoint_name, t.state, t.attempts, t.status_code, t.detail, t.next_attempt_at, t.changed_at
                FROM site t JOIN story s USING (story_id) WHERE t.state IN ('failing', 'failed') ORDER BY t.changed_at DESC LIMIT 100
                """
            ).fetchall()

    def on_the_way(self) -> Sequence[Late]:
        """Releases that publication has not answered, oldest first."""
        with self._connection.cursor(row_factory=class_row(Late)) as cursor:
            return cursor.execute(
                """
                SELECT r.story_id, s.headline, r.action, r.state, r.ordered_at, r.problem
                FROM release r JOIN story s USING (story_id) WHERE r.state = 'ordered' AND r.version = s.version ORDER BY r.ordered_at LIMIT 100
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
