"""Endpoints, messages, deliveries and attempts."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE endpoint (
            endpoint_id uuid        PRIMARY KEY,
            name        text        NOT NULL,
            url         text        NOT NULL,
            secret      text        NOT NULL,
            types       text[]      NOT NULL DEFAULT '{}', -- empty: all
            rubrics     text[]      NOT NULL DEFAULT '{}', -- empty: all
            state       text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
            reason      text        NOT NULL DEFAULT '',
            created_at  timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE message (
            message_id text        PRIMARY KEY, -- the webhook-id
            type       text        NOT NULL,
            story_id   uuid,
            version    integer,
            body       bytea       NOT NULL,    -- exactly what is signed and sent
            made_at    timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE delivery (
            delivery_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            endpoint_id uuid        NOT NULL REFERENCES endpoint ON DELETE CASCADE,
            message_id  text        NOT NULL REFERENCES message,
            story_id    uuid,
            version     integer,
            rank        smallint    NOT NULL,   -- 0 kill and unpublish, 1 all else
            state       text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'superseded')),
            attempts    integer     NOT NULL DEFAULT 0,
            due_at      timestamptz NOT NULL DEFAULT now(), -- when to try
            sent_until  timestamptz,            -- while it is tried: when the lease ends
            status_code integer,
            detail      text        NOT NULL DEFAULT '',
            made_at     timestamptz NOT NULL DEFAULT now(),
            done_at     timestamptz,
            UNIQUE (endpoint_id, message_id)
        );
        CREATE INDEX delivery_due ON delivery (rank, due_at) WHERE state = 'pending';
        CREATE INDEX delivery_lane ON delivery (endpoint_id, story_id) WHERE sent_until IS NOT NULL;
        CREATE INDEX delivery_story ON delivery (story_id, endpoint_id, version);
        CREATE TABLE attempt (
            delivery_id bigint      NOT NULL,
            number      integer     NOT NULL,
            at          timestamptz NOT NULL DEFAULT now(),
            status_code integer,
            error       text        NOT NULL,
            answer      text        NOT NULL, -- its first 4 KiB
            elapsed_ms  real        NOT NULL,
            PRIMARY KEY (delivery_id, number)
        );
        CREATE TABLE story_sequence (
            story_id uuid    PRIMARY KEY,
            sequence integer NOT NULL
        );
    """)
