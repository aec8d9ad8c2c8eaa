"""`depesha token …`: make, list and revoke the tokens of programs. Needs DEPESHA_ADMIN_DATABASE_URL."""

import dataclasses
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated
from uuid import UUID

import psycopg
import typer
from rich.console import Console
from rich.table import Column, Table

from chassis import tokens
from chassis.errors import Refusal

app = typer.Typer(no_args_is_help=True, help="Machine tokens: who may ask our APIs for what.")

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of words")]


@contextmanager
def _connection() -> Iterator[psycopg.Connection]:
    url = os.environ.get("DEPESHA_ADMIN_DATABASE_URL")
    if not url:
        raise SystemExit(
            "setting DEPESHA_ADMIN_DATABASE_URL: missing — postgresql://superuser:password@host:port/database"
        )
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            yield connection
    except Refusal as refusal:
        raise SystemExit(str(refusal)) from None


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="who will use it, e.g. «Вечерний Орск»")],
    scope: Annotated[list[str], typer.Option(help=f"what it may do, several times: {', '.join(tokens.SCOPES)}")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="until it expires")] = 365,
    per_minute: Annotated[int, typer.Option(min=1, max=1_000_000, help="requests in the long run")] = 600,
    as_json: AsJson = False,  # noqa: FBT002 - the command line's flag
) -> None:
    """Make a token. It is shown once, now."""
    with _connection() as connection:
        token_id, token = tokens.create(connection, name, scope, days=days, per_minute=per_minute)
    if as_json:
        typer.echo(json.dumps({"token_id": str(token_id), "token": token}))
    else:
        typer.echo(f"{token}\nid {token_id}; keep the token: it is not shown again")


@app.command("list")
def list_tokens(as_json: AsJson = False) -> None:  # noqa: FBT002 - the command line's flag
    """All tokens with their scopes, end and last use."""
    with _connection() as connection:
        found = tokens.listed(connection)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(one) for one in found], default=str, ensure_ascii=False))
        return
    table = Table(Column("id", no_wrap=True), "name", "scopes", "a minute", "made", "expires", "revoked", "last used")
    for one in found:
        times = [_short(at) for at in (one.made_at, one.expires_at, one.revoked_at, one.last_used_at)]
        table.add_row(str(one.token_id), one.name, "\n".join(one.scopes), str(one.per_minute), *times)
    Console().print(table)


@app.command()
def revoke(token_id: UUID) -> None:
    """Refuse a token from now on; every process knows within five seconds."""
    with _connection() as connection:
        name = tokens.revoke(connection, token_id)
    typer.echo(f"revoked: {name}")


def _short(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
