"""What each service's database role and S3 key can not do, asked of the real engines."""

import json
import os
import subprocess
from collections import Counter
from itertools import product
from pathlib import Path

import psycopg
import pytest

from chassis.bucket import Bucket, StorageDown
from chassis.migrate import AUDIT
from chassis.settings import Settings
from stack.engines import SERVICES
from stack.s3 import S3_RIGHTS

pytestmark = pytest.mark.stack

START_S3 = Path(__file__).parents[2] / "infra" / "s3" / "start.sh"
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)

# (bucket, key, what) -> the services that may
MAY = {
    ("private", "originals/a", "put"): {"ingestion", "desk"},
    ("private", "raw/a", "put"): {"ingestion"},
    ("private", "other/a", "put"): set(),
    ("private", "originals/a", "get"): {"ingestion", "imaging", "desk"},
    ("private", "originals/a", "delete"): {"ingestion", "desk"},
    ("private", "raw/a", "delete"): {"ingestion"},
    ("private", "", "list"): set(),
    ("public", "news/index.html", "put"): {"publication"},
    ("public", "news/index.html", "delete"): {"publication"},
    ("public", "media/a/photo.avif", "put"): {"imaging", "publication"},
    ("public", "media/a/photo.avif", "delete"): {"imaging", "publication"},
    ("public", "", "list"): {"publication"},
}


def connect(stack, service):
    return psycopg.connect(stack.settings(service)["database_url"], autocommit=True)


def tables(stack, where):
    with psycopg.connect(stack.admin_url) as connection:
        rows = connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND "
            + where  # a service meets a partition by its parent
        ).fetchall()
    return [f'"{schema}"."{table}"' for schema, table in rows]


def is_refused(connection, statement):
    try:
        connection.execute(statement)
    except REFUSED:
        return True
    return False


def test_no_role_reads_or_writes_a_table_of_another_service(stack, capsys):
    counts = Counter()
    for service in (*SERVICES, "relay"):
        others = tables(
            stack, f"n.nspname NOT IN ('{service}', 'ledger', 'pg_catalog', 'pg_toast', 'information_schema')"
        )
        with connect(stack, service) as connection:
            for table in others:
                for statement in (
                    f"SELECT * FROM {table}",
                    f"INSERT INTO {table} DEFAULT VALUES",
                    f"DELETE FROM {table}",
                ):
                    assert is_refused(connection, statement), (service, statement)
                    counts["tables of others refused"] += 1
    with capsys.disabled():
        print(f"\n  privileges: {dict(counts)}", end="")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_keeps_rows_in_its_tables_but_cannot_change_their_shape(stack, service):
    own = tables(stack, f"n.nspname = '{service}' AND c.relname NOT IN ('alembic_version', '{AUDIT}')")
    assert own
    with connect(stack, service) as connection:
        for table in own:
            assert not is_refused(connection, f"DELETE FROM {table} WHERE false"), table
            assert is_refused(connection, f"DROP TABLE {table}"), table
            assert is_refused(connection, f"ALTER TABLE {table} ADD COLUMN x int"), table
            assert is_refused(connection, f"TRUNCATE {table}"), table
        for statement in (
            f"CREATE TABLE {service}.x (a int)",
            "CREATE TABLE public.x (a int)",
            "CREATE TEMPORARY TABLE x (a int)",
            f"UPDATE {service}.alembic_version SET version_num = 'x'",
            f"SET ROLE {service}_owner",
            "SET ROLE postgres",
            "CREATE ROLE mine LOGIN SUPERUSER",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('postgresql.conf')",
            "SELECT * FROM pg_authid",
        ):
            assert is_refused(connection, statement), statement


@pytest.mark.parametrize("service", [*SERVICES, "relay"])
def test_what_has_happened_is_written_once_and_never_changed(stack, service):
    with connect(stack, service) as connection:
        for table in ("ledger.event", "ledger.history"):
            for statement in (f"UPDATE {table} SET day = day", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                assert is_refused(connection, statement), statement


def test_the_desk_adds_to_its_audit_log_and_cannot_mend_it(stack, database_for):
    database_for("desk")
    with connect(stack, "desk") as connection:
        connection.execute("INSERT INTO desk.audit (who, action) VALUES ('Анна', 'publish')")
        for statement in ("UPDATE desk.audit SET who = 'nobody'", "DELETE FROM desk.audit", "TRUNCATE desk.audit"):
            assert is_refused(connection, statement), statement
        assert connection.execute("SELECT who, action FROM desk.audit").fetchall() == [("Анна", "publish")]


def test_each_s3_key_does_its_own_work_and_nothing_else(stack, private_bucket, public_bucket, capsys):
    owners = {"private": private_bucket, "public": public_bucket}
    seen = {}
    for (bucket, key, what), service in product(MAY, SERVICES):
        if key:
            owners[bucket].put(key, b"before", content_type="text/plain")
        settings = Settings(**stack.settings(service))
        ours = Bucket.private(settings) if bucket == "private" else Bucket.public(settings)
        seen.setdefault((bucket, key, what), set())
        if succeeds(ours, key, what):
            seen[bucket, key, what].add(service)
        if key and service not in MAY[bucket, key, what]:
            assert owners[bucket].get(key) == b"before", (service, bucket, key, what)

    assert seen == MAY
    with capsys.disabled():
        print(
            f"\n  S3: {len(MAY) * len(SERVICES)} attempts, {sum(map(len, MAY.values()))} allowed, the rest refused",
            end="",
        )


def succeeds(bucket, key, what):
    """Whether it was done; SeaweedFS answers 200 to a multi-delete it refuses, so a look tells."""
    try:
        if what == "put":
            bucket.put(key, b"after", content_type="text/plain")
        elif what == "get":
            return bucket.get(key) == b"before"
        elif what == "list":
            list(bucket.list())
        else:
            bucket.client.delete_object(Bucket=bucket.name, Key=key)
    except StorageDown:
        return False
    except bucket.client.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] != 403
    return True


def test_only_four_services_have_a_key_at_all(stack):
    with_key = {service for service in SERVICES if "s3_access_key" in stack.settings(service)}

    assert with_key == set(S3_RIGHTS) == {"ingestion", "imaging", "desk", "publication"}


def test_the_composed_s3_server_starts_with_the_same_rights(stack, tmp_path):
    (tmp_path / "weed").write_text("#!/bin/sh\n")
    (tmp_path / "weed").chmod(0o755)
    written = tmp_path / "s3.json"
    secrets = {f"{name.upper()}_S3_SECRET": secret for name, secret in stack.s3.service_secrets.items()}
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "S3_CONFIG": str(written), **secrets}

    subprocess.run(["sh", START_S3, "mini"], env=environment, check=True)

    stands = [one for one in json.loads(stack.s3.identities.read_text())["identities"] if one["name"] != "depesha"]
    assert json.loads(written.read_text())["identities"] == stands
