"""What the API lets people say of a photo, work for quiet moments, the table of renditions, and the key that signs links."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE asset
            ADD COLUMN alt_text text NOT NULL DEFAULT '',
            ADD COLUMN rights   jsonb,       -- as an editor said; null: as the file says
            ADD COLUMN todo     text CHECK (todo IN ('render', 'slow', 'again', 'smaller')),
            ADD COLUMN taken_at timestamptz; -- a worker does it since then
        CREATE INDEX asset_todo ON asset (todo, changed_at) WHERE todo IS NOT NULL;
        CREATE TABLE rendition_set (
            version    integer     PRIMARY KEY,
            sizes      jsonb       NOT NULL,
            changed_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE link_key (
            key     text        NOT NULL DEFAULT gen_random_uuid()::text || gen_random_uuid()::text,
            made_at timestamptz NOT NULL DEFAULT now()
        );
    """)
