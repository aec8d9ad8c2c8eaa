"""Starts that ended with their worker are counted apart from failures: they must not make the next retry wait longer."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE delivery ADD COLUMN lost_starts integer NOT NULL DEFAULT 0")
