"""The stories in work: one row a story, with what the monitor shows of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from contracts.content import Source, StoryContent
from desk.domain.draft import Draft, body_text
from desk.domain.people import Actor
from desk.domain.workflow import State

COLUMNS = """story_id, state, revision, field_revisions, draft, source, external_id, canonical_url, source_content, source_revision,
source_seen, source_before, tags_dismissed, withdrawn_reason, duplicate_of, published_at_source, received_at, tags_by_editor, rubrics_by_editor, assignee_id,
edited_at, edited_by, edited_by_id, version, release_state, release_action, release_problem, release_faults, live_url, live_at, live_version, sites_delivered,
sites_total, sites_failing, due_at, changed_at"""

GET = f"SELECT {COLUMNS} FROM story WHERE story_id = %s"  # noqa: S608 - our own columns
OF_LAST_DAY = (
    f"SELECT {COLUMNS} FROM story WHERE received_at > now() - interval '1 day' ORDER BY received_at DESC LIMIT %s"  # noqa: S608 - our own columns
)
GET_LOCKED = f"{GET} FOR UPDATE"

INSERT = """
INSERT INTO story (story_id, revision, field_revisions, draft, source, source_id, external_id, canonical_url, source_content,
                   source_revision, source_seen, duplicate_of, published_at_source, received_at, headline, urgency)
VALUES (%(story_id)s, %(revision)s, %(field_revisions)s, %(draft)s, %(source)s, %(source_id)s, %(external_id)s, %(canonical_url)s, %(source_content)s,
        %(source_revision)s, %(source_revision)s, %(duplicate_of)s, %(published_at_source)s, %(received_at)s, %(headline)s, %(urgency)s)
ON CONFLICT (story_id) DO NOTHING
"""

SAVE_DRAFT = """
UPDATE story SET draft = %(draft)s, revision = %(revision)s, field_revisions = %(field_revisions)s
WHERE story_id = %(story_id)s
"""

SAVE_SOURCE = """
UPDATE story SET source = %(source)s, source_content = %(source_content)s, source_revision = %(source_revision)s,
    source_seen = %(source_seen)s, canonical_url = %(canonical_url)s, duplicate_of = %(duplicate_of)s,
    source_before = CASE WHEN %(source_seen)s < %(source_revision)s THEN coalesce(source_before, story.source_content) END
WHERE story_id = %(story_id)s
"""

SUMMARISE = """
WITH drawn AS (
    SELECT i.image_id, i.manifest, i.rejected
    FROM story s CROSS JOIN LATERAL jsonb_array_elements(s.draft->'images') one
    JOIN image i ON i.image_id = (one->>'image_id')::uuid
    WHERE s.story_id = %(story_id)s
), newest AS (
    SELECT state, action, problem, faults, version FROM release WHERE story_id = %(story_id)s ORDER BY version DESC LIMIT 1
), live AS (
    SELECT url, released_at, version FROM release WHERE story_id = %(story_id)s AND state = 'live' ORDER BY version DESC LIMIT 1
), reach AS (
    SELECT delivered, total FROM site WHERE story_id = %(story_id)s ORDER BY sequence DESC LIMIT 1
)
UPDATE story SET
    headline = draft->>'headline',
    urgency = (draft->>'urgency')::smallint,
    rubric = coalesce(draft->'rubrics'->0->>'label', ''),
    rubrics = ARRAY(SELECT one->>'label' FROM jsonb_array_elements(draft->'rubrics') one),
    tags_chosen = jsonb_array_length(draft->'tags'),
    tags_known = EXISTS (SELECT FROM proposal WHERE story_id = %(story_id)s),
    images_total = jsonb_array_length(draft->'images'),
    images_ready = (SELECT count(*) FROM drawn WHERE manifest IS NOT NULL),
    images_rejected = (SELECT count(*) FROM drawn WHERE rejected <> ''),
    thumb_url = coalesce((SELECT r->>'url' FROM drawn, jsonb_array_elements(manifest->'renditions') r
                          WHERE r->>'name' = 'w320' AND r->>'content_type' = 'image/jpeg'
                          ORDER BY (image_id = (story.draft->>'lead_image_id')::uuid) DESC NULLS LAST LIMIT 1), ''),
    withdrawn_reason = (SELECT reason FROM withdrawal w WHERE w.story_id = %(story_id)s AND w.revision >= story.source_revision),
    release_state = coalesce((SELECT state FROM newest), ''),
    release_action = coalesce((SELECT action FROM newest), ''),
    release_problem = coalesce((SELECT problem FROM newest), ''),
    release_faults = coalesce((SELECT faults FROM newest), '[]'),
    version = greatest(version, coalesce((SELECT version FROM newest), 0)),
    live_url = coalesce((SELECT url FROM live), ''),
    live_at = (SELECT released_at FROM live),
    live_version = coalesce((SELECT version FROM live), 0),
    sites_delivered = coalesce((SELECT delivered FROM reach), 0),
    sites_total = coalesce((SELECT total FROM reach), 0),
    sites_failing = (SELECT count(*) FROM site WHERE story_id = %(story_id)s AND state IN ('failing', 'failed')),
    due_at = (SELECT due_at FROM schedule WHERE story_id = %(story_id)s),
    changed_at = now()
WHERE story_id = %(story_id)s
"""

INDEX_TEXT = """
UPDATE story SET text_size = length(%(text)s),
    search = setweight(to_tsvector('russian', %(headline)s), 'A') || setweight(to_tsvector('russian', %(lede)s), 'B')
          || to_tsvector('russian', left(%(text)s, 200000)) || setweight(to_tsvector('simple', %(names)s), 'B')
WHERE story_id = %(story_id)s
"""


@dataclass(frozen=True)
class Story:
    """A story in work. Times are aware, in UTC."""

    story_id: UUID
    state: State
    revision: int
    field_revisions: dict[str, int]
    draft: Draft
    source: Source
    external_id: str
    canonical_url: str
    source_content: StoryContent
    source_revision: int
    source_seen: int
    source_before: StoryContent | None
    tags_dismissed: list[str]
    withdrawn_reason: str | None
    duplicate_of: list[UUID]
    published_at_source: datetime | None
    received_at: datetime
    tags_by_editor: bool
    rubrics_by_editor: bool
    assignee_id: UUID | None
    edited_at: datetime | None
    edited_by: str
    edited_by_id: UUID | None
    version: int
    release_state: str
    release_action: str
    release_problem: str
    release_faults: list[dict[str, Any]]
    live_url: str
    live_at: datetime | None
    live_version: int
    sites_delivered: int
    sites_total: int
    sites_failing: int
    due_at: datetime | None
    changed_at: datetime

    @property
    def is_untouched(self) -> bool:
        """No editor has put a hand to it: the source may still replace it."""
        return self.edited_at is None and self.state == "received"


@dataclass(frozen=True)
class FromSource:
    """What the source says of a story: the row's columns that only it may change."""

    source: Source
    content: StoryContent
    revision: int
    seen: int
    canonical_url: str
    duplicate_of: list[UUID]


@dataclass(frozen=True)
class Twin:
    """Another story that tells the same."""

    story_id: UUID
    headline: str
    source_name: str
    state: State
    received_at: datetime


class Stories:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def get(self, story_id: UUID, *, lock: bool = False) -> Story | None:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(GET_LOCKED if lock else GET, (story_id,)).fetchone()
        return _story(row) if row else None

    def wait_for_turn(self, story_id: UUID) -> None:
        """For the rest of the transaction nobody else has this story's turn, even where it has no row yet.

        A draft that is opened while its tags come would else miss them: neither transaction sees the other's row.
        """
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(story_id),))

    def of_last_day(self, limit: int = 5000) -> list[Story]:
        """Newest first."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return [_story(row) for row in cursor.execute(OF_LAST_DAY, (limit,)).fetchall()]

    def add(
        self,
        story_id: UUID,
        draft: Draft,
        told: FromSource,
        *,
        external_id: str,
        published_at_source: datetime | None,
        received_at: datetime,
    ) -> bool:
        """Open a story. False: it is open already."""
        parameters = {
            "story_id": story_id,
            "revision": told.revision,
            "field_revisions": Jsonb(dict.fromkeys(Draft.model_fields, told.revision)),
            "draft": _json(draft),
            "source": _json(told.source),
            "source_id": told.source.source_id,
            "external_id": external_id,
            "canonical_url": told.canonical_url,
            "source_content": _json(told.content),
            "source_revision": told.revision,
            "duplicate_of": told.duplicate_of,
            "published_at_source": published_at_source,
            "received_at": received_at,
            "headline": draft.headline,
            "urgency": draft.urgency,
        }
        return self._connection.execute(INSERT, parameters).rowcount == 1

    def save_source(self, story_id: UUID, told: FromSource) -> None:
        parameters = {
            "story_id": story_id,
            "source": _json(told.source),
            "source_content": _json(told.content),
            "source_revision": told.revision,
            "source_seen": told.seen,
            "canonical_url": told.canonical_url,
            "duplicate_of": told.duplicate_of,
        }
        self._connection.execute(SAVE_SOURCE, parameters)

    def save_draft(self, story_id: UUID, draft: Draft, revision: int, field_revisions: Mapping[str, int]) -> None:
        parameters = {
            "story_id": story_id,
            "draft": _json(draft),
            "revision": revision,
            "field_revisions": Jsonb(dict(field_revisions)),
        }
        self._connection.execute(SAVE_DRAFT, parameters)

    def mark_edited(self, story_id: UUID, who: Actor, *, tags: bool, rubrics: bool) -> None:
        self._connection.execute(
            "UPDATE story SET edited_at = now(), edited_by = %s, edited_by_id = %s, tags_by_editor = tags_by_editor OR %s, rubrics_by_editor = rubrics_by_editor OR %s WHERE story_id = %s",
            (who.name, who.person_id, tags, rubrics, story_id),
        )

    def set_state(self, story_id: UUID, state: State) -> None:
        self._connection.execute("UPDATE story SET state = %s WHERE story_id = %s", (state, story_id))

    def set_version(self, story_id: UUID, version: int) -> None:
        self._connection.execute("UPDATE story SET version = %s WHERE story_id = %s", (version, story_id))

    def dismiss_tag(self, story_id: UUID, key: str) -> None:
        """An editor threw this proposal out: it is not shown again."""
        self._connection.execute(
            "UPDATE story SET tags_dismissed = array_append(array_remove(tags_dismissed, %(key)s), %(key)s) WHERE story_id = %(story_id)s",
            {"key": key, "story_id": story_id},
        )

    def keep_rubrics(self, story_id: UUID) -> None:
        """A rule chose them: the machine's proposals no longer replace them."""
        self._connection.execute("UPDATE story SET rubrics_by_editor = true WHERE story_id = %s", (story_id,))

    def see_source(self, story_id: UUID) -> None:
        self._connection.execute(
            "UPDATE story SET source_seen = source_revision, source_before = NULL WHERE story_id = %s", (story_id,)
        )

    def assign(self, story_id: UUID, person_id: UUID | None) -> None:
        self._connection.execute("UPDATE story SET assignee_id = %s WHERE story_id = %s", (person_id, story_id))

    def told_alike(self, story_ids: Sequence[UUID]) -> Sequence[Twin]:
        """Those of the stories that are here, newest first."""
        if not story_ids:
            return []
        with self._connection.cursor(row_factory=class_row(Twin)) as cursor:
            return cursor.execute(
                "SELECT story_id, headline, source->>'name' AS source_name, state, received_at FROM story WHERE story_id = ANY(%s) ORDER BY received_at DESC LIMIT 20",
                (list(story_ids),),
            ).fetchall()

    def live_among(self, story_ids: Sequence[UUID]) -> list[str]:
        """Headlines of those that are published."""
        if not story_ids:
            return []
        rows = self._connection.execute(
            "SELECT headline FROM story WHERE story_id = ANY(%s) AND state = 'published'", (list(story_ids),)
        ).fetchall()
        return [row[0] for row in rows]

    def index_text(self, story_id: UUID, draft: Draft) -> None:
        """Bring the full-text index up to the draft."""
        parameters = {
            "story_id": story_id,
            "headline": draft.headline,
            "lede": draft.lede,
            "text": body_text(draft),
            "names": " ".join([tag.label for tag in draft.tags] + [rubric.label for rubric in draft.rubrics]),
        }
        self._connection.execute(INDEX_TEXT, parameters)

    def summarise(self, story_id: UUID, what: str) -> None:
        """Bring what the monitor shows up to all that is known, and tell open monitors. Nothing where the story is not here yet."""
        if self._connection.execute(SUMMARISE, {"story_id": story_id}).rowcount:
            self._connection.execute("INSERT INTO change (story_id, what) VALUES (%s, %s)", (story_id, what))


def _story(row: dict[str, Any]) -> Story:
    row["draft"] = Draft.model_validate(row["draft"])
    row["source"] = Source.model_validate(row["source"])
    row["source_content"] = StoryContent.model_validate(row["source_content"])
    row["source_before"] = StoryContent.model_validate(row["source_before"]) if row["source_before"] else None
    return Story(**row)


def _json(model: Draft | Source | StoryContent) -> Jsonb:
    return Jsonb(model.model_dump(mode="json"))
