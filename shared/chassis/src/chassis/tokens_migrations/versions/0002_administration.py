"""Whoever administers tokens lists, makes and revokes them through three functions, and never sees a digest."""

from alembic import op

revision = "0002"
down_revision = "0001"

LISTED = """
CREATE FUNCTION list_tokens()
RETURNS TABLE (
    token_id uuid, name text, scopes text[], per_minute integer,
    made_at timestamptz, expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = tokens AS $$
    SELECT t.token_id, t.name, t.scopes, t.per_minute, t.made_at, t.expires_at, t.revoked_at, t.last_used_at
      FROM token t ORDER BY t.made_at DESC, t.name;
$$;
"""

# The names that begin with «house:» are those of the environment's tokens; `depesha migrate` writes and replaces them.
MADE = """
CREATE FUNCTION create_token(named text, hashed bytea, allowed text[], rate integer, until timestamptz)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = tokens AS $$
DECLARE
    made uuid;
BEGIN
    IF named LIKE 'house:%' OR until IS NULL THEN
        RAISE check_violation USING MESSAGE = 'a token made here has an end, and no name of the house';
    END IF;
    INSERT INTO token (name, digest, scopes, per_minute, expires_at)
    VALUES (named, hashed, allowed, rate, until) RETURNING token.token_id INTO made;
    RETURN made;
END $$;
"""

REVOKED = """
CREATE FUNCTION revoke_token(sought uuid)
RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = tokens AS $$
    UPDATE token t SET revoked_at = coalesce(t.revoked_at, now())
     WHERE t.token_id = sought AND t.name NOT LIKE 'house:%' RETURNING t.name;
$$;
"""

CLOSED = """
REVOKE ALL ON FUNCTION list_tokens FROM PUBLIC;
REVOKE ALL ON FUNCTION create_token FROM PUBLIC;
REVOKE ALL ON FUNCTION revoke_token FROM PUBLIC;
"""


def upgrade() -> None:
    for statement in (LISTED, MADE, REVOKED, CLOSED):
        op.execute(statement)
