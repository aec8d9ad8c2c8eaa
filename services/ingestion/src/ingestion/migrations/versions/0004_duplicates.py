"""Sketches of stories' words, by which the same story from several sources is known."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE sketch (
            story_id      uuid        PRIMARY KEY,
            body_hash     bytea       NOT NULL,
            canonical_url text        NOT NULL,
            shingles      bytea       NOT NULL, -- all of them, 8 bytes each, sorted
            came_at       timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX sketch_body ON sketch (body_hash);
        CREATE INDEX sketch_url ON sketch (canonical_url) WHERE canonical_url <> '';
        CREATE INDEX sketch_age ON sketch (came_at);

        CREATE TABLE shingle (
            hash     bigint      NOT NULL, -- one in four of a story's
            story_id uuid        NOT NULL,
            came_at  timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX shingle_hash ON shingle (hash, came_at DESC) INCLUDE (story_id);
        CREATE INDEX shingle_story ON shingle (story_id);
        CREATE INDEX shingle_age ON shingle USING brin (came_at);
    """)
