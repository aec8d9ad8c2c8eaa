"""Days of attempts are made and dropped by functions, because the service's own role may not change tables."""

from alembic import op

revision = "0003"
down_revision = "0002"

DAYS = """
CREATE FUNCTION make_days(ahead integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = delivery AS $$
DECLARE
    first date;
BEGIN
    FOR offset_days IN 0..ahead LOOP
        first := (now() AT TIME ZONE 'UTC')::date + offset_days;
        -- A day that has begun in the default partition stays there: PostgreSQL would refuse the new one.
        IF to_regclass('attempt' || to_char(first, '_YYYYMMDD')) IS NULL AND NOT EXISTS (SELECT FROM attempt_other WHERE day = first) THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF attempt FOR VALUES FROM (%L) TO (%L)', 'attempt' || to_char(first, '_YYYYMMDD'), first, first + 1);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION drop_days(keep_days integer) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = delivery AS $$
DECLARE
    oldest date := (now() AT TIME ZONE 'UTC')::date - keep_days;
    name text;
BEGIN
    DELETE FROM attempt_other WHERE day < oldest;
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'attempt'::regclass AND c.relname ~ '^attempt_[0-9]{8}$' AND right(c.relname, 8) < to_char(oldest, 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE %I', name);
        RETURN NEXT name;
    END LOOP;
END $$;
"""


def upgrade() -> None:
    op.execute(DAYS)
    op.execute("SELECT make_days(3)")
