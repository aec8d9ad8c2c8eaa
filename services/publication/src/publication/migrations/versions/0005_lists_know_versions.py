"""A list knows which version of a story it shows, so that it is read without the stories; facts that wait are not compressed."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE listing
            ADD COLUMN version   integer NOT NULL DEFAULT 0,
            ADD COLUMN rendering integer NOT NULL DEFAULT 0;
        UPDATE listing l SET version = s.version, rendering = s.rendering FROM story s WHERE s.story_id = l.story_id;
        DROP INDEX listing_place;
        CREATE UNIQUE INDEX listing_place ON listing (site, list, place DESC) WHERE place IS NOT NULL;
        ALTER TABLE announcement ALTER COLUMN event TYPE json;
        ALTER TABLE announcement ALTER COLUMN event SET STORAGE EXTERNAL; -- they are read once, a moment later
    """)
