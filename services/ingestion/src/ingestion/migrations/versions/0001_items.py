"""Received items and the answers given to idempotent requests."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE item (
            source_id   text        NOT NULL,
            external_id text        NOT NULL,
            story_id    uuid        NOT NULL UNIQUE,
            revision    integer     NOT NULL DEFAULT 1,
            fingerprint text        NOT NULL, -- of the content, files included
            raw_key     text        NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (source_id, external_id)
        );
        CREATE TABLE answered_request (
            idempotency_key text        PRIMARY KEY,
            fingerprint     text        NOT NULL,
            answer          jsonb       NOT NULL,
            answered_at     timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX answered_request_age ON answered_request (answered_at);
    """)
