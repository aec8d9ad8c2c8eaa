"""Keys with an end, order, health, limits, filters and forms of endpoints; attempts by day; recoveries."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE endpoint
            DROP COLUMN secret,
            DROP CONSTRAINT endpoint_state_check,
            ADD CHECK (state IN ('unverified', 'active', 'disabled')),
            ALTER COLUMN state SET DEFAULT 'unverified',
            ADD challenge       text        NOT NULL DEFAULT '',
            ADD signatures      text[]      NOT NULL DEFAULT '{v1}',
            ADD order_mode      text        NOT NULL DEFAULT 'latest' CHECK (order_mode IN ('latest', 'full', 'fifo')),
            ADD form            text        NOT NULL DEFAULT 'full' CHECK (form IN ('full', 'thin')),
            ADD tags            text[]      NOT NULL DEFAULT '{}',
            ADD languages       text[]      NOT NULL DEFAULT '{}',
            ADD least_urgent    smallint    NOT NULL DEFAULT 9 CHECK (least_urgent BETWEEN 1 AND 9), -- ninjs: 1 is the most urgent
            ADD max_in_flight   integer     NOT NULL DEFAULT 10,
            ADD rate_per_s      integer     NOT NULL DEFAULT 50,
            ADD timeout_s       real        NOT NULL DEFAULT 15,
            ADD headers         text        NOT NULL DEFAULT '', -- sealed JSON
            ADD certificate     text        NOT NULL DEFAULT '', -- sealed PEM: certificate and key
            ADD page_hash       bytea,                           -- of the partner page's secret link
            ADD failures_in_row integer     NOT NULL DEFAULT 0,
            ADD failing_since   timestamptz,
            ADD last_success_at timestamptz,
            ADD probe_at        timestamptz,                     -- paused until then; one attempt then
            ADD probe_step      smallint    NOT NULL DEFAULT 0,
            ADD resumed_at      timestamptz,
            ADD warned_h        smallint    NOT NULL DEFAULT 0;
        CREATE UNIQUE INDEX endpoint_page ON endpoint (page_hash);

        CREATE TABLE signing_key (
            key_id      uuid        PRIMARY KEY,
            endpoint_id uuid        REFERENCES endpoint ON DELETE CASCADE, -- NULL: the house's own (v1a)
            sealed      text        NOT NULL,
            public      text        NOT NULL DEFAULT '',
            made_at     timestamptz NOT NULL DEFAULT now(),
            ends_at     timestamptz
        );
        CREATE INDEX signing_key_endpoint ON signing_key (endpoint_id, made_at DESC);

        ALTER TABLE message ADD thin bytea; -- where the body is large, or a site wants it so

        ALTER TABLE delivery
            DROP CONSTRAINT delivery_state_check,
            ADD CHECK (state IN ('pending', 'held', 'delivered', 'failed', 'superseded'));
        DROP INDEX delivery_due, delivery_lane, delivery_story;
        CREATE INDEX delivery_due ON delivery (endpoint_id, rank, due_at) WHERE state = 'pending';
        CREATE INDEX delivery_flying ON delivery (endpoint_id) WHERE sent_until IS NOT NULL;
        CREATE INDEX delivery_lane ON delivery (endpoint_id, story_id, version) WHERE state = 'pending' OR sent_until IS NOT NULL;
        CREATE INDEX delivery_story ON delivery (story_id, version);
        CREATE INDEX delivery_held ON delivery (endpoint_id) WHERE state = 'held';
        CREATE INDEX delivery_made ON delivery (endpoint_id, delivery_id DESC);

        DROP TABLE attempt;
        CREATE TABLE attempt (
            day         date        NOT NULL,
            delivery_id bigint      NOT NULL,
            number      integer     NOT NULL,
            at          timestamptz NOT NULL,
            status_code integer,
            error       text        NOT NULL,
            answer      text        NOT NULL, -- its first 4 KiB
            elapsed_ms  real        NOT NULL,
            dns_ms      real,                 -- NULL: the connection was there already
            connect_ms  real,                 -- TLS included
            first_byte_ms real
        ) PARTITION BY RANGE (day);
        CREATE TABLE attempt_other PARTITION OF attempt DEFAULT;
        CREATE INDEX ON attempt (delivery_id);

        CREATE TABLE recovery (
            recovery_id uuid        PRIMARY KEY,
            endpoint_id uuid        NOT NULL REFERENCES endpoint ON DELETE CASCADE,
            since       timestamptz NOT NULL,
            state       text        NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),
            cursor      bigint      NOT NULL DEFAULT 0,
            resent      bigint      NOT NULL DEFAULT 0,
            total       bigint      NOT NULL,
            made_at     timestamptz NOT NULL DEFAULT now()
        );
    """)
