"""A story's address is settled before its first page is written, so that two orders handled at once write to one place."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE address (
            story_id           uuid        PRIMARY KEY,
            path               text        NOT NULL UNIQUE,
            first_published_at timestamptz NOT NULL
        );
        INSERT INTO address SELECT story_id, first_path, first_published_at FROM story;
    """)
