"""`depesha secrets …`: new keys for what is sealed at rest, and everything sealed again with the newest of them."""

import importlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from cryptography.fernet import Fernet
from psycopg import sql
from rich.progress import track

from chassis.database import Database
from chassis.vault import SecretUnreadableError, Vault

app = typer.Typer(no_args_is_help=True, help="Secrets at rest: keys, and sealing again.")

Column = tuple[str, str]
"""A table and one of its columns, which holds sealed texts or is empty. A service names its own in `store.SEALED`."""


@app.command("new-key")
def new_key(
    name: Annotated[str, typer.Argument(help="how the key is called; the default is today's date")] = "",
) -> None:
    """A key to put first in DEPESHA_SECRET_KEYS. Keep the older ones behind it until `rotate` has run."""
    typer.echo(f"{name or datetime.now(UTC).date()}:{Fernet.generate_key().decode()}")


@app.command()
def rotate(service: Annotated[str, typer.Argument(help="delivery or ingestion, with its environment")]) -> None:
    """Seal all secrets of a service again with the newest key; it may be stopped and run again at any time."""
    try:
        columns: Sequence[Column] = importlib.import_module(f"{service}.store").SEALED
    except (ImportError, AttributeError):
        raise SystemExit(f"service {service!r} seals nothing, or is not installed here") from None
    settings = importlib.import_module(f"{service}.settings").Settings.from_environment()
    database = Database(settings.database_url, service, size=1)
    try:
        for table, column in columns:
            count = rotate_column(database, (table, column), settings.vault)
            typer.echo(f"{service}.{table}.{column}: {count} sealed again with the key {settings.vault.newest!r}")
    except SecretUnreadableError as error:
        raise SystemExit(f"{error}; put that key behind the newest in DEPESHA_SECRET_KEYS and run it again") from None
    finally:
        database.close()


def rotate_column(database: Database, column: Column, vault: Vault) -> int:
    """How many were sealed again. A value that its owner changes meanwhile is left as the owner wrote it.

    Raises:
        SecretUnreadableError: one needs a key that is not there; those before it are sealed again already.

    """
    return sum(
        _reseal(database, column, old, vault)
        for old in track(_old_values(database, column, vault), ".".join(column), transient=True)
    )


def _old_values(database: Database, column: Column, vault: Vault) -> list[str]:
    table, name = map(sql.Identifier, column)
    query = sql.SQL("SELECT {name} FROM {table} WHERE {name} <> '' AND NOT starts_with({name}, {newest})").format(
        name=name, table=table, newest=sql.Literal(f"{vault.newest}:")
    )
    with database.connection() as connection:
        return [row[0] for row in connection.execute(query).fetchall()]


def _reseal(database: Database, column: Column, old: str, vault: Vault) -> int:
    table, name = map(sql.Identifier, column)
    statement = sql.SQL("UPDATE {table} SET {name} = %s WHERE {name} = %s").format(table=table, name=name)
    with database.unit_of_work() as uow:
        return uow.connection.execute(statement, (vault.seal(vault.open(old)), old)).rowcount
