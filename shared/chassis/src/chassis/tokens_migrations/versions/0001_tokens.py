"""Machine tokens: only the digest of a token is kept, and a service may ask about one token at a time, never list them."""

from alembic import op

revision = "0001"
down_revision = None

TOKENS = """
CREATE TABLE token (
    token_id     uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    name         text        NOT NULL CHECK (name <> ''),
    digest       bytea       NOT NULL UNIQUE CHECK (length(digest) = 32), -- SHA-256 of 256 random bits
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    per_minute   integer     NOT NULL CHECK (per_minute > 0),
    made_at      timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
"""

# The use is noted once a minute: a busy token would make a row version a request otherwise.
USE = """
CREATE FUNCTION use_token(sought bytea)
RETURNS TABLE (token_id uuid, name text, scopes text[], per_minute integer, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tokens AS $$
DECLARE
    known token%ROWTYPE;
BEGIN
    SELECT * INTO known FROM token t
     WHERE t.digest = sought AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now());
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF known.last_used_at IS NULL OR known.last_used_at < now() - interval '1 minute' THEN
        UPDATE token t SET last_used_at = now() WHERE t.token_id = known.token_id;
    END IF;
    RETURN QUERY SELECT known.token_id, known.name, known.scopes, known.per_minute, known.expires_at;
END $$;
REVOKE ALL ON FUNCTION use_token FROM PUBLIC;
"""


def upgrade() -> None:
    op.execute(TOKENS)
    op.execute(USE)
