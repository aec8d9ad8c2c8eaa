"""Editors' wishes, kept one by one so that their order of arrival does not matter, and what we know of stories: headline, killed."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE wish (
            image_id uuid    NOT NULL, -- may come before its photo
            revision integer NOT NULL,
            said_by  text    NOT NULL CHECK (said_by IN ('desk', 'api')),
            wanted   jsonb   NOT NULL,
            PRIMARY KEY (image_id, revision, said_by)
        );
        INSERT INTO wish
        SELECT image_id, focus_revision, CASE WHEN focus_revision > 0 THEN 'desk' ELSE 'api' END,
            jsonb_build_object('focal_point', focal_point, 'crops', crops, 'rights', rights, 'alt_text', nullif(alt_text, ''))
                || CASE WHEN focus_revision > 0 THEN jsonb_build_object('caption', caption, 'credit', credit) ELSE '{}' END
        FROM asset WHERE focus_revision > 0 OR focal_point IS NOT NULL OR crops <> '{}' OR rights IS NOT NULL OR alt_text <> '';
        ALTER TABLE asset DROP COLUMN focal_point, DROP COLUMN crops, DROP COLUMN focus_revision, DROP COLUMN rights;
        CREATE TABLE story (
            story_id          uuid    PRIMARY KEY,
            headline          text    NOT NULL DEFAULT '', -- the source's
            headline_revision integer NOT NULL DEFAULT 0,
            edited_headline   text    NOT NULL DEFAULT '', -- the desk's, which stands over it
            edited_revision   integer NOT NULL DEFAULT 0,
            killed_version    integer NOT NULL DEFAULT 0,
            is_killed         boolean NOT NULL DEFAULT false
        );
    """)
