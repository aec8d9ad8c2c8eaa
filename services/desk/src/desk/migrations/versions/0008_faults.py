"""Why a story did not go out, by code, so that each editor reads it in their own language. The words beside it stay."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for table in ("release", "schedule", "notification"):
        op.execute(f"ALTER TABLE {table} ADD faults jsonb NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE story ADD release_faults jsonb NOT NULL DEFAULT '[]'")
