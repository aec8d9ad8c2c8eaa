"""Notes with mentions; what the source said before it changed; tags that an editor threw out; crops drawn by hand."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE story ADD source_before jsonb"
    )  # the source's words that the draft has taken in, while newer ones wait
    op.execute("ALTER TABLE story ADD tags_dismissed text[] NOT NULL DEFAULT '{}'")  # keys of proposals
    op.execute("ALTER TABLE image ADD hand_crops jsonb NOT NULL DEFAULT '{}'")  # rendition name -> box
    op.execute(
        """
        CREATE TABLE note (
            note_id   uuid        PRIMARY KEY,
            story_id  uuid        NOT NULL,
            person_id uuid        NOT NULL,
            who       text        NOT NULL,
            text      text        NOT NULL,
            at        timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX note_story ON note (story_id, at)")
