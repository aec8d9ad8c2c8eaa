"""Stories in work, everything that others told about them, and the people who work on them."""

from alembic import op

revision = "0001"
down_revision = None

STORIES = """
CREATE TABLE story (
    story_id        uuid        PRIMARY KEY,
    state           text        NOT NULL DEFAULT 'received',
    revision        integer     NOT NULL, -- grows with each change of the draft, and is never behind the source's
    field_revisions jsonb       NOT NULL DEFAULT '{}', -- field -> the revision that last changed it
    draft           jsonb       NOT NULL,
    -- as the source has it
    source          jsonb       NOT NULL,
    source_id       text        NOT NULL,
    external_id     text        NOT NULL,
    canonical_url   text        NOT NULL DEFAULT '',
    source_content  jsonb       NOT NULL,
    source_revision integer     NOT NULL,
    source_seen     integer     NOT NULL, -- the source's revision that the draft has taken in, or an editor has looked at
    withdrawn_reason text, -- null: the source stands by it
    duplicate_of    uuid[]      NOT NULL DEFAULT '{}',
    published_at_source timestamptz,
    received_at     timestamptz NOT NULL,
    -- an editor's decisions
    tags_by_editor    boolean   NOT NULL DEFAULT false,
    rubrics_by_editor boolean   NOT NULL DEFAULT false,
    assignee_id     uuid,
    edited_at       timestamptz,
    edited_by       text        NOT NULL DEFAULT '',
    version         integer     NOT NULL DEFAULT 0, -- of the last release that was ordered
    -- what the monitor shows and asks for; `summarise` fills it from the tables below
    headline        text        NOT NULL,
    urgency         smallint    NOT NULL,
    rubric          text        NOT NULL DEFAULT '',
    rubrics         text[]      NOT NULL DEFAULT '{}',
    is_open         boolean     NOT NULL GENERATED ALWAYS AS (state IN ('received', 'in_work', 'ready', 'publishing')) STORED,
    thumb_url       text        NOT NULL DEFAULT '',
    text_size       integer     NOT NULL DEFAULT 0, -- characters
    images_total    smallint    NOT NULL DEFAULT 0,
    images_ready    smallint    NOT NULL DEFAULT 0,
    images_rejected smallint    NOT NULL DEFAULT 0,
    tags_chosen     smallint    NOT NULL DEFAULT 0,
    tags_known      boolean     NOT NULL DEFAULT false, -- the tagger has spoken
    release_state   text        NOT NULL DEFAULT '', -- of the newest release
    release_action  text        NOT NULL DEFAULT '',
    release_problem text        NOT NULL DEFAULT '',
    live_url        text        NOT NULL DEFAULT '',
    live_at         timestamptz,
    live_version    integer     NOT NULL DEFAULT 0,
    sites_delivered integer     NOT NULL DEFAULT 0,
    sites_total     integer     NOT NULL DEFAULT 0,
    sites_failing   integer     NOT NULL DEFAULT 0,
    due_at          timestamptz, -- the schedule's time
    changed_at      timestamptz NOT NULL DEFAULT now(),
    search          tsvector    NOT NULL DEFAULT ''
);
CREATE INDEX story_open ON story (received_at DESC, story_id DESC) WHERE is_open;
CREATE INDEX story_state ON story (state, received_at DESC, story_id DESC);
CREATE INDEX story_all ON story (received_at DESC, story_id DESC);
CREATE INDEX story_source ON story (source_id, received_at DESC, story_id DESC);
CREATE INDEX story_assignee ON story (assignee_id, received_at DESC) WHERE assignee_id IS NOT NULL;
CREATE INDEX story_rubrics ON story USING gin (rubrics);
CREATE INDEX story_search ON story USING gin (search);

-- Facts from others. Each may come before the story itself, late, or twice.
CREATE TABLE image (
    image_id  uuid PRIMARY KEY,
    story_id  uuid    NOT NULL,
    version   integer NOT NULL DEFAULT 0,
    manifest  jsonb,
    rejected  text    NOT NULL DEFAULT '', -- a short word for programs
    detail    text    NOT NULL DEFAULT '',
    focus_revision integer NOT NULL DEFAULT 0,
    perceptual_hash text NOT NULL DEFAULT ''
);
CREATE INDEX image_story ON image (story_id);
CREATE INDEX image_hash ON image (perceptual_hash) WHERE perceptual_hash <> '';

CREATE TABLE proposal (
    story_id uuid    PRIMARY KEY,
    revision integer NOT NULL,
    tags     jsonb   NOT NULL,
    rubrics  jsonb   NOT NULL
);

CREATE TABLE withdrawal (
    story_id   uuid        PRIMARY KEY,
    revision   integer     NOT NULL,
    reason     text        NOT NULL,
    noticed_at timestamptz NOT NULL
);

CREATE TABLE release (
    release_id  uuid        PRIMARY KEY,
    story_id    uuid        NOT NULL,
    version     integer     NOT NULL,
    action      text        NOT NULL,
    state       text        NOT NULL, -- ordered, live, failed
    snapshot    jsonb,
    reason      text        NOT NULL DEFAULT '',
    ordered_by  text        NOT NULL DEFAULT '',
    ordered_at  timestamptz NOT NULL,
    released_at timestamptz,
    url         text        NOT NULL DEFAULT '',
    problem     text        NOT NULL DEFAULT '',
    will_retry  boolean     NOT NULL DEFAULT false,
    UNIQUE (story_id, version)
);

CREATE TABLE site (
    story_id        uuid        NOT NULL,
    endpoint_id     uuid        NOT NULL,
    endpoint_name   text        NOT NULL,
    version         integer     NOT NULL,
    state           text        NOT NULL,
    attempts        integer     NOT NULL,
    status_code     integer,
    detail          text        NOT NULL,
    next_attempt_at timestamptz,
    delivered       integer     NOT NULL,
    total           integer     NOT NULL,
    sequence        integer     NOT NULL,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (story_id, endpoint_id)
);
CREATE INDEX site_trouble ON site (changed_at DESC) WHERE state IN ('failing', 'failed');

CREATE TABLE channel_post (
    story_id   uuid        NOT NULL,
    channel    text        NOT NULL,
    version    integer     NOT NULL,
    state      text        NOT NULL,
    url        text        NOT NULL,
    detail     text        NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (story_id, channel)
);

-- Ours
CREATE TABLE version (
    story_id uuid        NOT NULL,
    revision integer     NOT NULL,
    saved_at timestamptz NOT NULL,
    saved_by text        NOT NULL,
    cause    text        NOT NULL, -- source, edit, restore
    draft    jsonb       NOT NULL,
    PRIMARY KEY (story_id, revision)
);

CREATE TABLE schedule (
    story_id      uuid        PRIMARY KEY,
    due_at        timestamptz NOT NULL,
    action        text        NOT NULL,
    note          text        NOT NULL DEFAULT '',
    embargo_until timestamptz,
    set_by        text        NOT NULL,
    set_at        timestamptz NOT NULL DEFAULT now(),
    problem       text        NOT NULL DEFAULT '' -- why it did not fire; it is not tried again by itself
);
CREATE INDEX schedule_due ON schedule (due_at) WHERE problem = '';

CREATE TABLE change ( -- append-only: what open monitors have to draw again
    change_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    story_id   uuid        NOT NULL,
    what       text        NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX change_age ON change (changed_at);

CREATE TABLE audit (
    audit_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    who       text        NOT NULL,
    story_id  uuid,
    action    text        NOT NULL,
    detail    jsonb       NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_story ON audit (story_id, audit_id DESC);

CREATE TABLE person (
    person_id     uuid        PRIMARY KEY,
    email         text        NOT NULL,
    name          text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('reporter', 'editor', 'chief', 'ops')),
    password_hash text        NOT NULL,
    language      text        NOT NULL DEFAULT 'ru',
    is_active     boolean     NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX person_email ON person (lower(email));

CREATE TABLE session (
    token_hash bytea       PRIMARY KEY,
    person_id  uuid        NOT NULL REFERENCES person ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE TABLE invitation ( -- a link that makes one person
    token_hash bytea       PRIMARY KEY,
    role       text        NOT NULL,
    made_by    text        NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE TABLE sign_in_failure (
    key text        NOT NULL, -- address or e-mail
    at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_failure_key ON sign_in_failure (key, at);

CREATE TABLE presence (
    story_id  uuid        NOT NULL,
    person_id uuid        NOT NULL,
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (story_id, person_id)
);

CREATE TABLE saved_view (
    view_id   uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    name      text NOT NULL,
    query     text NOT NULL
);

CREATE TABLE routing_rule (
    rule_id   uuid    PRIMARY KEY,
    position  integer NOT NULL,
    name      text    NOT NULL,
    is_on     boolean NOT NULL DEFAULT true,
    condition jsonb   NOT NULL,
    effect    jsonb   NOT NULL
);

CREATE TABLE preflight_rule ( -- only what differs from the code's own table
    code  text PRIMARY KEY,
    level text NOT NULL CHECK (level IN ('block', 'warn', 'off'))
);

CREATE TABLE preference (
    name  text PRIMARY KEY,
    value jsonb NOT NULL
);

CREATE TABLE notification (
    notification_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id       uuid, -- null: everybody
    kind            text        NOT NULL,
    story_id        uuid,
    detail          text        NOT NULL DEFAULT '',
    at              timestamptz NOT NULL DEFAULT now(),
    once            text UNIQUE -- one fact is told once, however often it is heard
);
CREATE INDEX notification_person ON notification (person_id, notification_id DESC);
CREATE TABLE notification_seen (
    person_id uuid   PRIMARY KEY,
    up_to     bigint NOT NULL
);
"""


def upgrade() -> None:
    op.execute(STORIES)
