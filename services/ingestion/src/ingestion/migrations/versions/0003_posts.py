"""Posts that messengers tell of message by message: gathered here until they are whole."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE post (
            source_id   text        NOT NULL,
            post_key    text        NOT NULL, -- an album's group, or the message alone
            external_id text        NOT NULL, -- of its first message that came; stays, whatever comes later
            due_at      timestamptz,          -- when it is put together; NULL: it is, with all we know
            latest_at   timestamptz NOT NULL, -- it is not put off beyond this
            generation  integer     NOT NULL DEFAULT 1, -- grows with each message of it that comes or changes
            leased_to   timestamptz,
            tries       integer     NOT NULL DEFAULT 0,
            PRIMARY KEY (source_id, post_key)
        );
        CREATE INDEX post_due ON post (due_at) WHERE due_at IS NOT NULL;

        CREATE TABLE post_message (
            source_id  text        NOT NULL,
            message_id text        NOT NULL,
            post_key   text        NOT NULL,
            changed_at bigint      NOT NULL, -- when it was published or edited, as the messenger says
            update_id  bigint      NOT NULL, -- which of two edits in one second is the later
            body       bytea       NOT NULL, -- the update as it came
            came_at    timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (source_id, message_id)
        );
        CREATE INDEX post_message_post ON post_message (source_id, post_key);
        CREATE INDEX post_message_age ON post_message (came_at);
    """)
