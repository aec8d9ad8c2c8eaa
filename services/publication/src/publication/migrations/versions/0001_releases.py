"""Stories as they stand on the site, every release of them, and the lists that must be written again."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE story (
            story_id           uuid        PRIMARY KEY,
            version            integer     NOT NULL,
            state              text        NOT NULL CHECK (state IN ('live', 'unpublished', 'killed')),
            path               text        NOT NULL UNIQUE,
            snapshot           jsonb       NOT NULL,
            rubrics            text[]      NOT NULL,
            first_published_at timestamptz NOT NULL,
            changed_at         timestamptz NOT NULL,
            reason             text        NOT NULL DEFAULT ''
        );
        CREATE INDEX story_newest ON story (first_published_at DESC) WHERE state = 'live';
        CREATE INDEX story_rubrics ON story USING gin (rubrics) WHERE state = 'live';
        CREATE TABLE release (
            release_id  uuid        PRIMARY KEY,
            story_id    uuid        NOT NULL,
            version     integer     NOT NULL,
            action      text        NOT NULL,
            ordered_by  text        NOT NULL,
            ordered_at  timestamptz NOT NULL,
            outcome     text        NOT NULL, -- released, stale, refused
            released_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX release_story ON release (story_id, version);
        CREATE TABLE stale_list (
            rubric    text        PRIMARY KEY, -- '' is the front page
            marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
    """)
