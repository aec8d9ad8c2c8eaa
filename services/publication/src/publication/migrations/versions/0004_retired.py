"""A kill takes every file that the story ever showed, and none that another story shows: small renditions are alike in both."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE story ADD COLUMN retired text[] NOT NULL DEFAULT '{}'; -- keys of files that it showed once
        UPDATE story SET media = ARRAY(
            SELECT DISTINCT left((regexp_match(rendition->>'url', '/([^/]+)/[^/]+$'))[1], 16)
            FROM jsonb_array_elements(snapshot->'images') AS image, jsonb_array_elements(image->'manifest'->'renditions') AS rendition
        );
    """)
