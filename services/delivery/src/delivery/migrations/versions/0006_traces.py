"""An attempt belongs to the trace that its message was written in, however much later it is made."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE message ADD traceparent text")
