"""The monitor's question: which stories, newest first, a page at a time. One query serves list, kanban, API and live updates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from chassis.errors import Refusal
from desk.domain.query import Query
from desk.domain.workflow import State

COLUMNS = sql.SQL("""s.story_id, s.state, s.headline, s.source->>'name' AS source_name, s.source->>'kind' AS source_kind, s.source_id,
s.received_at, s.changed_at, s.urgency, s.rubric, s.thumb_url, s.text_size, s.images_total, s.images_ready, s.images_rejected, s.tags_chosen,
s.tags_known, s.release_state, s.release_action, s.release_problem, s.release_faults, s.live_url, s.live_at, s.version, s.live_version, s.sites_delivered,
s.sites_total, s.sites_failing, s.due_at, cardinality(s.duplicate_of) AS duplicates, s.source_revision > s.source_seen AS has_new_source,
s.withdrawn_reason IS NOT NULL AS is_withdrawn, s.revision, p.name AS assignee,
ARRAY(SELECT n.name FROM presence o JOIN person n USING (person_id) WHERE o.story_id = s.story_id AND o.seen_at > now() - interval '40 s' ORDER BY n.name) AS present""")


@dataclass(frozen=True)
class Row:
    """A story as the monitor shows it."""

    story_id: UUID
    state: State
    headline: str
    source_name: str
    source_kind: str
    source_id: str
    received_at: datetime
    changed_at: datetime
    urgency: int
    rubric: str
    thumb_url: str
    text_size: int
    images_total: int
    images_ready: int
    images_rejected: int
    tags_chosen: int
    tags_known: bool
    release_state: str
    release_action: str
    release_problem: str
    release_faults: list[dict[str, Any]]
    live_url: str
    live_at: datetime | None
    version: int
    live_version: int
    sites_delivered: int
    sites_total: int
    sites_failing: int
    due_at: datetime | None
    duplicates: int
    has_new_source: bool
    is_withdrawn: bool
    revision: int
    assignee: str | None
    present: list[str]
    """Who has it open now."""

    @property
    def text_light(self) -> str:
        return "alert" if self.has_new_source or self.is_withdrawn else "done" if self.text_size else "empty"

    @property
    def images_light(self) -> str:
        if self.images_rejected:
            return "alert"
        if not self.images_total:
            return "empty"
        return "done" if self.images_ready >= self.images_total else "waiting"

    @property
    def tags_light(self) -> str:
        if not self.tags_known:
            return "waiting"
        return "done" if self.tags_chosen else "empty"

    @property
    def sites_light(self) -> str:
        if self.sites_failing or self.release_state == "failed":
            return "alert"
        if not self.version:
            return "empty"
        is_through = self.live_version == self.version and self.sites_delivered >= self.sites_total
        return "done" if is_through else "waiting"

    @property
    def cursor(self) -> str:
        return f"{self.received_at.isoformat()}~{self.story_id}"


class BadCursor(Refusal):
    """`after` is not the cursor of a row."""

    title = "The cursor is not valid"
    slug = "bad-cursor"


def parse_cursor(cursor: str) -> tuple[datetime, UUID]:
    """The last row of the page before: when its story came in, and which it is.

    Raises:
        BadCursor: it was not made here.

    """
    moment, _, story_id = cursor.partition("~")
    try:
        received_at = datetime.fromisoformat(moment)
        if received_at.tzinfo is not None:
            return received_at, UUID(story_id)
    except ValueError:
        pass
    raise BadCursor(f"after: {cursor!r} was not made here; begin again without it")


class Monitor:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def rows(
        self,
        query: Query,
        *,
        after: str = "",
        limit: int = 60,
        only: Sequence[UUID] | None = None,
        within: Sequence[State] = (),
    ) -> list[Row]:
        """One page, newest first. `after` is the last row's `cursor`.

        `only` asks which of these stories the query finds, `within` takes those of some states (a column of the board).
        """
        conditions, parameters = _conditions(query)
        if within:
            conditions.append(sql.SQL("s.state = ANY(%(within)s)"))
            parameters["within"] = list(within)
        if only is not None:
            conditions.append(sql.SQL("s.story_id = ANY(%(only)s)"))
            parameters["only"] = list(only)
        if after:
            received_at, story_id = parse_cursor(after)
            conditions.append(sql.SQL("(s.received_at, s.story_id) < (%(after_at)s::timestamptz, %(after_id)s::uuid)"))
            parameters |= {"after_at": received_at, "after_id": story_id}
        if query.text and (found := self._few_with(query.text)) is not None:
            conditions.append(sql.SQL("s.story_id = ANY(%(found)s)"))
            parameters["found"] = found
        statement = sql.SQL(
            "SELECT {columns} FROM story s LEFT JOIN person p ON p.person_id = s.assignee_id WHERE {where} ORDER BY s.received_at DESC, s.story_id DESC LIMIT %(limit)s"
        ).format(columns=COLUMNS, where=sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true"))
        with self._connection.cursor(row_factory=class_row(Row)) as cursor:
            return cursor.execute(statement, {**parameters, "limit": limit}).fetchall()

    def _few_with(self, text: str) -> list[UUID] | None:
        """The stories that hold these words, where they are few; None where they are so many that a page of the newest is soon full.

        The planner cannot know which it is: it would walk a million stories in search of a rare word.
        """
        statement = sql.SQL("SELECT s.story_id FROM story s WHERE {} LIMIT 2001").format(FOUND)
        found = [row[0] for row in self._connection.execute(statement, {"text": text}).fetchall()]
        return found if len(found) <= 2000 else None

    def counts(self, most: int = 1000) -> dict[str, int]:
        """How many stories are in each state that a tab shows, counted up to `most`."""
        rows = self._connection.execute(
            """
            SELECT state, (SELECT count(*) FROM (SELECT FROM story s WHERE s.state = one.state LIMIT %s) few)
            FROM unnest(%s::text[]) one (state)
            """,
            (most, ["received", "in_work", "ready", "publishing", "published", "unpublished", "spiked", "killed"]),
        ).fetchall()
        return dict(rows)

    def sources(self) -> list[tuple[str, str]]:
        """(id, name) of every source that a story came from; the index is skipped through, not read."""
        rows = self._connection.execute(
            """
            WITH RECURSIVE ids AS (
                (SELECT source_id FROM story ORDER BY source_id LIMIT 1)
                UNION ALL
                SELECT (SELECT s.source_id FROM story s WHERE s.source_id > ids.source_id ORDER BY s.source_id LIMIT 1) FROM ids WHERE ids.source_id IS NOT NULL
            )
            SELECT source_id, (SELECT source->>'name' FROM story s WHERE s.source_id = ids.source_id ORDER BY s.received_at DESC, s.story_id DESC LIMIT 1)
            FROM ids WHERE source_id IS NOT NULL LIMIT 300
            """
        ).fetchall()
        return sorted(((row[0], row[1]) for row in rows), key=lambda one: one[1].casefold())

    def tags(self, beginning: str) -> list[str]:
        """Tags of the newest 300 stories that begin like this, for completion."""
        rows = self._connection.execute(
            """
            SELECT DISTINCT one->>'label' AS label
            FROM (SELECT draft FROM story ORDER BY received_at DESC, story_id DESC LIMIT 300) few, jsonb_array_elements(draft->'tags') one
            WHERE starts_with(lower(one->>'label'), lower(%s)) ORDER BY label LIMIT 12
            """,
            (beginning,),
        ).fetchall()
        return [row[0] for row in rows]

    def rubrics(self) -> list[str]:
        """Rubrics of the newest 2,000 stories."""
        rows = self._connection.execute(
            "SELECT DISTINCT rubric FROM (SELECT rubric FROM story ORDER BY received_at DESC, story_id DESC LIMIT 2000) few WHERE rubric <> '' ORDER BY rubric"
        ).fetchall()
        return [row[0] for row in rows]


FOUND = sql.SQL("s.search @@ (websearch_to_tsquery('russian', %(text)s) || websearch_to_tsquery('simple', %(text)s))")

SWITCHES: dict[str, sql.Composable] = {
    "urgent": sql.SQL("s.urgency <= 3"),
    "scheduled": sql.SQL("s.due_at IS NOT NULL"),
    "trouble": sql.SQL("(s.sites_failing > 0 OR s.release_state = 'failed' OR s.images_rejected > 0)"),
}


def _conditions(query: Query) -> tuple[list[sql.Composable], dict[str, Any]]:
    conditions: list[sql.Composable] = []
    parameters: dict[str, Any] = {}
    if query.is_open:
        conditions.append(sql.SQL("s.is_open"))
    elif query.states:
        if len(query.states) == 1:
            conditions.append(sql.SQL("s.state = %(state)s"))
            parameters["state"] = query.states[0]
        else:
            conditions.append(sql.SQL("s.state = ANY(%(states)s)"))
            parameters["states"] = list(query.states)
    for name, column in (("source", "source_id"), ("assignee", "assignee_id")):
        if value := getattr(query, name):
            conditions.append(sql.SQL("s.{} = {}").format(sql.Identifier(column), sql.Placeholder(name)))
            parameters[name] = value
    if query.rubric:
        conditions.append(sql.SQL("s.rubrics @> ARRAY[%(rubric)s]"))
        parameters["rubric"] = query.rubric
    conditions += [condition for name, condition in SWITCHES.items() if getattr(query, name)]
    if query.text:
        conditions.append(FOUND)
        parameters["text"] = query.text
    return conditions, parameters
