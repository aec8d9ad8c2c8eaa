"""What was proposed for which revision, and what editors thought of it."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE suggestion (
            story_id uuid        PRIMARY KEY,
            revision integer     NOT NULL,
            tags     jsonb       NOT NULL,
            rubrics  jsonb       NOT NULL,
            made_at  timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE feedback (
            story_id    uuid        PRIMARY KEY,
            revision    integer     NOT NULL,
            kept        jsonb       NOT NULL,
            removed     jsonb       NOT NULL,
            added       jsonb       NOT NULL,
            reviewed_at timestamptz NOT NULL
        );
    """)
