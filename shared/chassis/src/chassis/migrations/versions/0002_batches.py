"""How many deliveries may travel in one message to a consumer."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE consumer ADD COLUMN batch integer NOT NULL DEFAULT 1 CHECK (batch > 0)")
