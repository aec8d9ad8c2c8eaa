"""The delivery board asks for the newest releases and for kills that not every site has confirmed."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("CREATE INDEX release_ordered ON release (ordered_at DESC)")
    op.execute("CREATE INDEX story_kills ON story (changed_at DESC) WHERE state = 'killed'")
    op.execute("CREATE INDEX channel_trouble ON channel_post (changed_at DESC) WHERE state = 'failed'")
