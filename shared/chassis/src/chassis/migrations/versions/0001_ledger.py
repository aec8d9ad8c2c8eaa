"""The ledger: every event, what is still to be handled, and what was.

`delivery` holds only unfinished work, so it stays small and quick however many years of events lie in `event` and
`history`; those two are cut into days, and old days are dropped whole.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE event (
    day         date        NOT NULL,
    event_id    uuid        NOT NULL,
    type        text        NOT NULL,
    subject     text        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    envelope    json        NOT NULL, -- json, not jsonb: stored as it is sent, never taken apart
    PRIMARY KEY (day, event_id)
) PARTITION BY RANGE (day);
CREATE INDEX event_subject ON event (subject, recorded_at);
CREATE TABLE event_rest PARTITION OF event DEFAULT;

CREATE TABLE delivery (
    delivery_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_day   date        NOT NULL,
    event_id    uuid        NOT NULL,
    consumer    text        NOT NULL,
    priority    smallint    NOT NULL, -- 0 urgent, 1 routine, 2 bulk
    state       text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dead')),
    due_at      timestamptz NOT NULL DEFAULT now(), -- waiting: send then; sent: the lease ends then
    recorded_at timestamptz NOT NULL DEFAULT now(),
    sent_at     timestamptz,
    dispatches  integer     NOT NULL DEFAULT 0, -- times a message was sent
    attempts    integer     NOT NULL DEFAULT 0, -- times a handler failed, or vanished with its worker
    reason      text,
    traceback   text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
CREATE INDEX delivery_due ON delivery (consumer, priority, due_at) WHERE state <> 'dead';
CREATE INDEX delivery_event ON delivery (event_id);

CREATE TABLE history (
    day         date        NOT NULL,
    delivery_id bigint      NOT NULL,
    event_day   date        NOT NULL,
    event_id    uuid        NOT NULL,
    consumer    text        NOT NULL,
    priority    smallint    NOT NULL,
    outcome     text        NOT NULL CHECK (outcome IN ('handled', 'rejected')),
    recorded_at timestamptz NOT NULL,
    sent_at     timestamptz,
    handled_at  timestamptz NOT NULL,
    duration_ms real        NOT NULL,
    dispatches  integer     NOT NULL,
    attempts    integer     NOT NULL,
    worker      text        NOT NULL,
    reason      text
) PARTITION BY RANGE (day);
CREATE INDEX history_event ON history (event_id);
CREATE TABLE history_rest PARTITION OF history DEFAULT;

CREATE TABLE consumer (
    consumer    text PRIMARY KEY,
    in_flight   integer NOT NULL CHECK (in_flight > 0), -- messages that may lie in Redis or in workers at once
    lease_s     real    NOT NULL CHECK (lease_s > 0)
);

CREATE TABLE timer (
    consumer    text NOT NULL,
    name        text NOT NULL,
    every_s     real NOT NULL CHECK (every_s > 0),
    due_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, name)
);
"""

DAYS = """
CREATE FUNCTION make_days(ahead integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger AS $$
DECLARE
    first date;
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['event', 'history'] LOOP
        FOR offset_days IN 0..ahead LOOP
            first := (now() AT TIME ZONE 'UTC')::date + offset_days;
            IF to_regclass(format('ledger.%I', parent || to_char(first, '_YYYYMMDD'))) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                               parent || to_char(first, '_YYYYMMDD'), parent, first, first + 1);
            END IF;
        END LOOP;
    END LOOP;
END $$;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(DAYS)
    op.execute("SELECT make_days(7)")
