"""What is ready is found by endpoint in the order in which it goes out, however long the backlog is."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        DROP INDEX delivery_due;
        CREATE INDEX delivery_next ON delivery (endpoint_id, rank, (attempts > 0), due_at, delivery_id) WHERE state = 'pending';
        CREATE INDEX delivery_ready ON delivery (endpoint_id, due_at) WHERE state = 'pending';
        CREATE INDEX delivery_done ON delivery (done_at) WHERE done_at IS NOT NULL;
        CREATE INDEX message_made ON message (made_at);
        COMMENT ON COLUMN delivery.due_at IS 'when to try; while it is tried: when its lease ends';

        ALTER TABLE attempt ADD tls_ms real; -- connect_ms is now without it
    """)
