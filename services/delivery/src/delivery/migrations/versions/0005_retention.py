"""Old messages are found and let go of; a recovery says how far it has looked."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        CREATE INDEX message_story ON message (story_id, version);
        CREATE INDEX delivery_message ON delivery (message_id);
        ALTER TABLE recovery ADD seen bigint NOT NULL DEFAULT 0; -- of total
    """)
