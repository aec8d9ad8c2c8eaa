"""Who works, by heartbeat; and an index that makes "what was handled in the last seconds" cheap on a table of millions."""

from alembic import op

revision = "0003"
down_revision = "0002"

WORKER = """
CREATE TABLE worker (
    name           text PRIMARY KEY,
    consumer       text        NOT NULL,
    concurrency    integer     NOT NULL,
    in_hand        integer     NOT NULL DEFAULT 0,
    resident_bytes bigint      NOT NULL DEFAULT 0,
    started_at     timestamptz NOT NULL DEFAULT now(),
    seen_at        timestamptz NOT NULL DEFAULT now()
)
"""


def upgrade() -> None:
    op.execute(WORKER)
    # Rows come in the order of time, so a block range index costs next to nothing and finds the newest at once.
    op.execute(
        "CREATE INDEX history_handled ON history USING brin (handled_at) WITH (pages_per_range = 16, autosummarize = on)"
    )
