"""Brings the database to this code's shape: roles, schemas, the ledger, then each service's own tables."""

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import psycopg
import sqlalchemy
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep, StampStep
from alembic.script import ScriptDirectory
from psycopg import sql

from chassis import logs
from chassis.tokens import ADMINISTRATORS, HOUSE, register

LEDGER_GRANTS = """
GRANT USAGE ON SCHEMA ledger TO {role};
GRANT SELECT, INSERT ON ledger.event, ledger.history TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.delivery, ledger.consumer, ledger.timer, ledger.worker TO {role};
GRANT EXECUTE ON FUNCTION ledger.make_days TO {role};
"""

DOOR_GRANTS = """
GRANT USAGE ON SCHEMA tokens TO {role};
GRANT EXECUTE ON FUNCTION tokens.use_token TO {role};
"""

ADMINISTRATOR_GRANTS = """
GRANT EXECUTE ON FUNCTION tokens.list_tokens, tokens.create_token, tokens.revoke_token TO {role};
"""

# What PostgreSQL gives to every role unless told otherwise: connections, temporary tables, the schema public.
CLOSED_DATABASE = """
DO $$ BEGIN EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()); END $$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
"""
CONNECT = """
DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO {role}', current_database()); END $$;
"""

SERVICE_GRANTS = """
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
REVOKE INSERT, UPDATE, DELETE ON {schema}.alembic_version FROM {role};
"""

AUDIT = "audit"
"""A table of this name is an audit log: its own service can neither change nor delete its rows."""

OURS = {"ledger": "migrations", "tokens": "tokens_migrations"}
"""The schemas that the chassis touches, and where their migrations lie."""

LOCK = 7_305_001
"""Any number of migrating processes wait for one another on this advisory lock."""

log = logs.get()


def installed_services() -> list[str]:
    return sorted(entry.name for entry in entry_points(group="depesha.services"))


def migrate(
    admin_url: str, services: Iterable[str], passwords: Mapping[str, str], tokens: Mapping[str, str] | None = None
) -> None:
    """Create or bring up to date the role, schema and tables of each service, the ledger, and the house's own tokens.

    Safe to run again at any time.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        connection.execute(CLOSED_DATABASE)
        for schema, folder in OURS.items():
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
            _upgrade(admin_url, schema, Path(str(files("chassis"))) / folder, role=None)
        for service in services:
            _make_role(connection, service, passwords.get(service) or service)
            _make_owner(connection, service)
            _upgrade(admin_url, service, Path(str(files(service))) / "migrations", role=_owner_of(service))
            _let_in(connection, service)
            log.info("migrated", schema=service)
        _make_relay_role(connection, passwords.get("relay") or "relay")
        register(connection, tokens or {})


def passwords_from_environment(services: Iterable[str]) -> dict[str, str]:
    names = [*services, "relay"]
    return {name: os.environ[key] for name in names if (key := f"DEPESHA_{name.upper()}_PASSWORD") in os.environ}


def tokens_from_environment() -> dict[str, str]:
    return {name: token for name in HOUSE if (token := os.environ.get(f"DEPESHA_{name.upper()}_TOKEN"))}


def _make_role(connection: psycopg.Connection, service: str, password: str) -> None:
    role = sql.Identifier(service)
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (service,)).fetchone()
    verb = sql.SQL("ALTER" if exists else "CREATE")
    connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, role, sql.Literal(password)))
    rights = CONNECT + LEDGER_GRANTS + DOOR_GRANTS + (ADMINISTRATOR_GRANTS if service in ADMINISTRATORS else "")
    connection.execute(sql.SQL(rights).format(role=role))


def _owner_of(service: str) -> str:
    return f"{service}_owner"


def _make_owner(connection: psycopg.Connection, service: str) -> None:
    """The schema and its tables belong to a role that nobody logs in as, so that a service cannot change their shape."""
    role, owner = sql.Identifier(service), sql.Identifier(_owner_of(service))
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (_owner_of(service),)).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(owner))
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(role, owner))
    connection.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(role, owner))


def _let_in(connection: psycopg.Connection, service: str) -> None:
    """The service reads and writes rows of its own tables, and nothing more; to an audit log it only adds."""
    schema, role = sql.Identifier(service), sql.Identifier(service)
    connection.execute(sql.SQL(SERVICE_GRANTS).format(schema=schema, role=role))
    if connection.execute("SELECT to_regclass(%s)", (f"{service}.{AUDIT}",)).fetchone() != (None,):
        connection.execute(
            sql.SQL("REVOKE UPDATE, DELETE ON {}.{} FROM {}").format(schema, sql.Identifier(AUDIT), role)
        )


def _make_relay_role(connection: psycopg.Connection, password: str) -> None:
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'relay'").fetchone()
    verb = sql.SQL("ALTER" if exists else "CREATE")
    connection.execute(sql.SQL("{} ROLE relay LOGIN PASSWORD {}").format(verb, sql.Literal(password)))
    connection.execute(sql.SQL(CONNECT + LEDGER_GRANTS).format(role=sql.Identifier("relay")))


def _upgrade(admin_url: str, schema: str, folder: Path, role: str | None) -> None:
    """Run Alembic's migrations of `folder` in `schema`, as the role that is to own the tables."""
    engine = sqlalchemy.create_engine(admin_url.replace("postgresql://", "postgresql+psycopg://", 1))
    script = ScriptDirectory(str(folder))

    def to_head(revision: str | tuple[str, ...], _context: MigrationContext) -> list[StampStep | RevisionStep]:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type,return-value]  # noqa: SLF001 - what Alembic's own `upgrade` command calls

    with engine.connect() as connection, EnvironmentContext(Config(), script, fn=to_head) as environment:
        if role:
            connection.execute(sqlalchemy.text(f'SET ROLE "{role}"'))
        connection.execute(sqlalchemy.text(f'SET search_path = "{schema}"'))
        connection.commit()
        environment.configure(connection=connection, version_table_schema=schema, transactional_ddl=True)
        with environment.begin_transaction():
            environment.run_migrations()
        connection.commit()
    engine.dispose()
