"""What the ops page asks of the database: the ledger at one moment, and how the sites fared hour by hour."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from chassis.ledger import watch
from desk.domain.river import River, flow

HOURS = 24


@dataclass(frozen=True)
class Cell:
    """What one site did with the stories that changed there within one hour. `hours_ago`: 0 is the hour that runs."""

    endpoint_name: str
    hours_ago: int
    delivered: int
    waiting: int
    troubled: int

    @property
    def total(self) -> int:
        return self.delivered + self.waiting + self.troubled


@dataclass(frozen=True)
class Finished:
    """A story that was released lately."""

    story_id: UUID
    headline: str
    action: str
    took_s: float
    released_at: datetime


class Ops:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def river(self, down: Mapping[str, str]) -> River:
        return flow(watch.look(self._connection), watch.rates(self._connection), watch.reasons(self._connection), down)

    def sites(self) -> dict[str, dict[int, Cell]]:
        """By site and hours ago; the site with most trouble first."""
        with self._connection.cursor(row_factory=class_row(Cell)) as cursor:
            cells = cursor.execute(
                """
                SELECT max(endpoint_name) AS endpoint_name,
                       floor(extract(epoch FROM date_trunc('hour', now()) - date_trunc('hour', changed_at)) / 3600)::int AS hours_ago,
                       count(*) FILTER (WHERE state = 'delivered') AS delivered,
                       count(*) FILTER (WHERE state IN ('pending', 'held')) AS waiting,
                       count(*) FILTER (WHERE state IN ('failing', 'failed')) AS troubled
                FROM site WHERE changed_at >= date_trunc('hour', now()) - make_interval(hours => %s) AND changed_at < now() + interval '1 hour'
                GROUP BY endpoint_id, hours_ago
                """,
                (HOURS - 1,),
            ).fetchall()
        by_site: dict[str, dict[int, Cell]] = {}
        for cell in cells:
            by_site.setdefault(cell.endpoint_name, {})[max(cell.hours_ago, 0)] = cell
        trouble = {name: sum(cell.troubled for cell in row.values()) for name, row in by_site.items()}
        return {name: by_site[name] for name in sorted(by_site, key=lambda name: (-trouble[name], name))[:40]}

    def finished(self, limit: int = 8) -> list[Finished]:
        with self._connection.cursor(row_factory=class_row(Finished)) as cursor:
            return cursor.execute(
                """
                SELECT r.story_id, s.headline, r.action, extract(epoch FROM r.released_at - r.ordered_at)::float8 AS took_s, r.released_at
                FROM release r JOIN story s USING (story_id) WHERE r.state = 'live' AND r.released_at IS NOT NULL
                ORDER BY r.released_at DESC LIMIT %s
                """,
                (limit,),
            ).fetchall()
