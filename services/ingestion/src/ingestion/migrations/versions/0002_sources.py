"""Sources with their schedule, originals, photos, and what could not be read."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE source (
            source_id     text        PRIMARY KEY,
            kind          text        NOT NULL,
            name          text        NOT NULL,
            url           text        NOT NULL DEFAULT '',
            settings      jsonb       NOT NULL DEFAULT '{}',
            secrets       text        NOT NULL DEFAULT '', -- sealed by the vault
            state         text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'ended')),
            every_s       integer     NOT NULL CHECK (every_s > 0),
            quiet_after_s integer     NOT NULL DEFAULT 86400 CHECK (quiet_after_s > 0),
            memory        jsonb       NOT NULL DEFAULT '{}', -- what its plug-in wants to know at the next visit
            due_at        timestamptz,                       -- NULL: it is not visited
            lease         uuid,
            lease_ends_at timestamptz,
            visited_at    timestamptz,
            answered_at   timestamptz,                       -- the last visit that went well
            failures      integer     NOT NULL DEFAULT 0,    -- in a row
            problem       text        NOT NULL DEFAULT '',
            created_at    timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX source_due ON source (due_at) WHERE state = 'active' AND due_at IS NOT NULL;

        CREATE TABLE raw (
            raw_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            source_id  text        NOT NULL,
            key        text        NOT NULL, -- in the private bucket
            media_type text        NOT NULL,
            url        text        NOT NULL DEFAULT '',
            note       jsonb       NOT NULL DEFAULT '{}',
            size_bytes bigint      NOT NULL,
            came_at    timestamptz NOT NULL DEFAULT now(),
            UNIQUE (source_id, key)
        );
        CREATE INDEX raw_age ON raw (source_id, came_at DESC);

        ALTER TABLE item
            ADD COLUMN raw_id       bigint REFERENCES raw,
            ADD COLUMN form_hash    text        NOT NULL DEFAULT '', -- of the words and addresses alone, without fetching
            ADD COLUMN headline     text        NOT NULL DEFAULT '',
            ADD COLUMN url          text        NOT NULL DEFAULT '',
            ADD COLUMN missing      integer     NOT NULL DEFAULT 0,  -- photos that could not be had
            ADD COLUMN tries        integer     NOT NULL DEFAULT 0,  -- to get them
            ADD COLUMN try_again_at timestamptz,
            ADD COLUMN withdrawn_at timestamptz,
            ADD COLUMN first_at     timestamptz NOT NULL DEFAULT now();
        CREATE INDEX item_age ON item (source_id, received_at DESC);
        CREATE INDEX item_again ON item (try_again_at) WHERE try_again_at IS NOT NULL;

        CREATE TABLE photo (
            story_id      uuid        NOT NULL,
            place         text        NOT NULL, -- its address, or its file's name
            hash          text        NOT NULL,
            content_type  text        NOT NULL,
            size_bytes    bigint      NOT NULL,
            etag          text        NOT NULL DEFAULT '',
            last_modified text        NOT NULL DEFAULT '',
            fetched_at    timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (story_id, place)
        );

        CREATE TABLE trouble (
            trouble_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            source_id  text        NOT NULL,
            place      text        NOT NULL, -- which item, photo or address
            reason     text        NOT NULL,
            raw_id     bigint      REFERENCES raw,
            times      integer     NOT NULL DEFAULT 1,
            first_at   timestamptz NOT NULL DEFAULT now(),
            last_at    timestamptz NOT NULL DEFAULT now()
        );
        CREATE UNIQUE INDEX trouble_once ON trouble (source_id, md5(place || ' ' || reason));
        CREATE INDEX trouble_age ON trouble (source_id, last_at DESC);
    """)
