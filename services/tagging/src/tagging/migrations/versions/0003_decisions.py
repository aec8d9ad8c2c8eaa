"""The last that an editor said of each tag of a story: what was thrown out stays out, though later reviews do not name it."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE decision (
            story_id    uuid        NOT NULL,
            key         text        NOT NULL, -- the label as tags are compared
            tag         jsonb       NOT NULL,
            is_removed  boolean     NOT NULL,
            revision    integer     NOT NULL,
            reviewed_at timestamptz NOT NULL,
            PRIMARY KEY (story_id, key)
        );
        INSERT INTO decision
        SELECT DISTINCT ON (story_id, key)
               story_id, replace(lower(tag->>'label'), 'ё', 'е') AS key, tag, is_removed, revision, reviewed_at
        FROM (
            SELECT story_id, jsonb_array_elements(removed) AS tag, true AS is_removed, revision, reviewed_at FROM feedback
            UNION ALL
            SELECT story_id, jsonb_array_elements(kept || added), false, revision, reviewed_at FROM feedback
        ) AS said
        ORDER BY story_id, key, is_removed;
    """)
