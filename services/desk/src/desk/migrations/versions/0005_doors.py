"""When somebody last proved who they are; sign-in by the company's identity provider."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE session ADD confirmed_at timestamptz NOT NULL DEFAULT now()")
    op.execute(
        """
        CREATE TABLE person_identity ( -- a provider's account -> a person
            issuer    text NOT NULL,
            subject   text NOT NULL,
            person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
            PRIMARY KEY (issuer, subject)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE sign_in_attempt ( -- a way to the provider and back that has begun
            state_hash bytea       PRIMARY KEY,
            nonce      text        NOT NULL,
            verifier   text        NOT NULL,
            came_from  text        NOT NULL,
            expires_at timestamptz NOT NULL
        )
        """
    )
