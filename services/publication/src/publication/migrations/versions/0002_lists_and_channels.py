"""Several sites, lists that keep their archive, the kill ledger, what waits to be told, and channels."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE story
            ADD COLUMN first_path text   NOT NULL DEFAULT '',
            ADD COLUMN old_paths  text[] NOT NULL DEFAULT '{}', -- they lead to path
            ADD COLUMN sites      text[] NOT NULL DEFAULT '{}',
            ADD COLUMN rendering  integer NOT NULL DEFAULT 0,   -- grows when the same version is rendered again
            ADD COLUMN media      text[] NOT NULL DEFAULT '{}'; -- keys of its photos in the public bucket
        UPDATE story SET first_path = path;
        DROP INDEX story_newest;
        DROP INDEX story_rubrics;
        CREATE INDEX story_media ON story USING gin (media);
        CREATE INDEX story_changed ON story (changed_at DESC, story_id DESC);

        CREATE TABLE kill (
            story_id  uuid        PRIMARY KEY,
            killed_at timestamptz NOT NULL,
            killed_by text        NOT NULL,
            reason    text        NOT NULL,
            lifted_at timestamptz,
            lifted_by text
        );

        -- One row a site, list and story. `place` counts from the oldest and never changes; NULL until the list is next written.
        CREATE TABLE listing (
            site     text    NOT NULL,
            list     text    NOT NULL,
            story_id uuid    NOT NULL,
            place    bigint,
            shown    boolean NOT NULL DEFAULT true,
            PRIMARY KEY (story_id, site, list)
        );
        CREATE UNIQUE INDEX listing_place ON listing (site, list, place DESC);
        CREATE INDEX listing_new ON listing (site, list) WHERE place IS NULL;

        CREATE TABLE list (
            site     text    NOT NULL,
            key      text    NOT NULL,
            label    text    NOT NULL,
            stories  bigint  NOT NULL DEFAULT 0,
            archived integer NOT NULL DEFAULT 0, -- archive pages written
            PRIMARY KEY (site, key)
        );

        DROP TABLE stale_list;
        CREATE TABLE stale_list (
            stale_id   bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            site       text    NOT NULL,
            list       text    NOT NULL,
            label      text    NOT NULL,
            place      bigint,
            is_primary boolean NOT NULL
        );
        CREATE SEQUENCE list_run;

        -- Facts that are told once the lists name the story.
        CREATE TABLE announcement (
            announcement_id bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            event_type      text    NOT NULL,
            event           jsonb   NOT NULL,
            priority        text    NOT NULL,
            is_removal      boolean NOT NULL
        );

        CREATE TABLE channel_post (
            story_id        uuid        NOT NULL,
            channel         text        NOT NULL,
            wanted_version  integer     NOT NULL,
            wanted          text        NOT NULL CHECK (wanted IN ('shown', 'gone')),
            posted_version  integer     NOT NULL DEFAULT 0,
            reference       jsonb,
            state           text        NOT NULL DEFAULT 'waiting',
            url             text        NOT NULL DEFAULT '',
            detail          text        NOT NULL DEFAULT '',
            attempts        integer     NOT NULL DEFAULT 0,
            due_at          timestamptz,             -- NULL: nothing to do
            changed_at      timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (story_id, channel)
        );
        CREATE INDEX channel_post_due ON channel_post (due_at) WHERE due_at IS NOT NULL;

        CREATE TABLE rebuild (
            site       text        PRIMARY KEY,
            after      uuid,
            done       bigint      NOT NULL DEFAULT 0,
            started_at timestamptz NOT NULL DEFAULT now()
        );
    """)
