"""A link that gives somebody who is here already a new password."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE invitation ADD person_id uuid REFERENCES person ON DELETE CASCADE")  # null: a newcomer's
