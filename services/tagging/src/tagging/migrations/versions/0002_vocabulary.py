"""The vocabulary and who changed it, the stories' texts, what was learned, archives that are tagged again."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE concept (
            concept_id    text        PRIMARY KEY CHECK (length(concept_id) BETWEEN 1 AND 200),
            kind          text        NOT NULL,
            broader       text        REFERENCES concept DEFERRABLE INITIALLY DEFERRED,
            wikidata      text        NOT NULL DEFAULT '',
            iptc          text        NOT NULL DEFAULT '',
            valid_from    date,
            valid_to      date,
            status        text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suppressed', 'merged')),
            merged_into   text        REFERENCES concept DEFERRABLE INITIALLY DEFERRED,
            needs_context boolean     NOT NULL DEFAULT false,
            is_shipped    boolean     NOT NULL DEFAULT false, -- as it came with Depesha: nobody here has changed it
            changed_at    timestamptz NOT NULL DEFAULT now(),
            CHECK ((status = 'merged') = (merged_into IS NOT NULL))
        );
        CREATE TABLE name (
            concept_id    text     NOT NULL REFERENCES concept ON DELETE CASCADE,
            place         smallint NOT NULL,
            language      text     NOT NULL,
            text          text     NOT NULL,
            folded        text     NOT NULL, -- as it is searched: small letters, ё as е, no quotes
            is_label      boolean  NOT NULL,
            is_exact      boolean  NOT NULL,
            needs_context boolean  NOT NULL,
            PRIMARY KEY (concept_id, place)
        );
        CREATE INDEX name_folded ON name (folded text_pattern_ops);
        -- One row. Whoever changes a concept locks it first, so that one change follows the other.
        CREATE TABLE vocabulary (
            is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
            version bigint  NOT NULL DEFAULT 0,
            shipped text    NOT NULL DEFAULT '' -- the shipped files' hash when they were last taken over
        );
        CREATE TABLE audit (
            audit_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at         timestamptz NOT NULL DEFAULT now(),
            by         text        NOT NULL,
            action     text        NOT NULL,
            concept_id text        NOT NULL,
            detail     jsonb       NOT NULL DEFAULT '{}'
        );
        CREATE INDEX audit_concept ON audit (concept_id, audit_id);

        CREATE TABLE story (
            story_id uuid        PRIMARY KEY,
            revision integer     NOT NULL,
            content  jsonb       NOT NULL,
            dated    date        NOT NULL,
            taken_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX story_dated ON story (dated);
        ALTER TABLE suggestion ADD COLUMN candidates jsonb NOT NULL DEFAULT '[]'; -- what each proposal was weighed by
        ALTER TABLE feedback ADD COLUMN rubrics jsonb NOT NULL DEFAULT '[]';
        CREATE INDEX feedback_reviewed ON feedback (reviewed_at);
        -- What editors thought of each tag, over all stories.
        CREATE TABLE usage (
            kind       text    NOT NULL,
            key        text    NOT NULL, -- the concept's id, else the folded label
            label      text    NOT NULL,
            folded     text    NOT NULL,
            concept_id text,
            kept       integer NOT NULL DEFAULT 0,
            removed    integer NOT NULL DEFAULT 0,
            PRIMARY KEY (kind, key)
        );
        CREATE INDEX usage_folded ON usage (folded text_pattern_ops);
        CREATE TABLE model (
            name    text        PRIMARY KEY, -- ranking, rubrics, rules
            version bigint      NOT NULL,
            body    jsonb       NOT NULL,
            metrics jsonb       NOT NULL DEFAULT '{}',
            made_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE retag (
            retag_id    uuid        PRIMARY KEY,
            ordered_by  text        NOT NULL,
            since       date        NOT NULL,
            until       date        NOT NULL,
            total       integer     NOT NULL,
            done        integer     NOT NULL DEFAULT 0,
            changed     integer     NOT NULL DEFAULT 0,
            lanes_left  integer     NOT NULL,
            ordered_at  timestamptz NOT NULL DEFAULT now(),
            stopped_at  timestamptz,
            finished_at timestamptz
        );
    """)
