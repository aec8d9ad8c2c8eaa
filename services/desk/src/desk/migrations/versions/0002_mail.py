"""Notifications also go by mail; which were sent is kept."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE notification ADD mailed_at timestamptz")
    op.execute("CREATE INDEX notification_unmailed ON notification (at) WHERE mailed_at IS NULL")
