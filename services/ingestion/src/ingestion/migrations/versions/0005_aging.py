"""What goes in time: files that were put up for a story that never came, originals that newer ones replaced; and when photos are
looked at again.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE upload (
            upload_id text        PRIMARY KEY, -- of an object under originals/uploads/, whether it was put there or not
            made_at   timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX upload_age ON upload (made_at);

        CREATE INDEX raw_old ON raw (came_at);
        CREATE INDEX item_raw ON item (raw_id);
        CREATE INDEX trouble_raw ON trouble (raw_id);

        ALTER TABLE photo
            ADD COLUMN looks   integer NOT NULL DEFAULT 0, -- how often we asked whether it changed
            ADD COLUMN look_at timestamptz;                -- when we ask next; NULL: no more
        CREATE INDEX photo_look ON photo (look_at) WHERE look_at IS NOT NULL;
    """)
