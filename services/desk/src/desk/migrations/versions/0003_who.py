"""The two-person rule goes by who somebody is, not by their name."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE story ADD edited_by_id uuid")
    op.execute("ALTER TABLE schedule ADD set_by_id uuid")
