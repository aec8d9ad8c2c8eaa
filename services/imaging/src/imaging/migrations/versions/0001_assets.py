"""One row a photo: where its original lies, what an editor wants of it, and its manifest."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE asset (
            image_id       uuid        PRIMARY KEY,
            story_id       uuid        NOT NULL,
            original_key   text        NOT NULL,
            caption        text        NOT NULL,
            credit         text        NOT NULL,
            words_revision integer     NOT NULL, -- of the story whose words these are
            focal_point    jsonb,                -- as an editor set it
            crops          jsonb       NOT NULL DEFAULT '{}',
            focus_revision integer     NOT NULL DEFAULT 0,
            version        integer     NOT NULL DEFAULT 0,
            manifest       jsonb,                -- null: refused, or not rendered yet
            refused        text,
            changed_at     timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX asset_story ON asset (story_id);
    """)
