# ruff: noqa: FBT002 - the booleans are the command line's flags
"""`depesha storage …`, `depesha backup`, `depesha restore`: what lies in the buckets, and a copy of everything."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer

from chassis import backup as backups
from chassis.bucket import Bucket
from chassis.settings import Settings

if TYPE_CHECKING:
    from chassis.orphans import Stored

app = typer.Typer(no_args_is_help=True, help="What lies in the buckets.")


def admin_url() -> str:
    url = os.environ.get("DEPESHA_ADMIN_DATABASE_URL")
    if not url:
        raise SystemExit(
            "setting DEPESHA_ADMIN_DATABASE_URL: missing — postgresql://superuser:password@host:port/database"
        )
    return url


def both_buckets() -> list[Bucket]:
    """With the key of DEPESHA_S3_ACCESS_KEY, which must read, write and list both."""
    os.environ.setdefault("DEPESHA_DATABASE_URL", admin_url())
    settings = Settings.from_environment()
    return [Bucket.private(settings), Bucket.public(settings)]


@app.command()
def orphans(
    min_age_hours: Annotated[int, typer.Option(min=1, help="younger objects may yet be named")] = 72,
    delete: Annotated[bool, typer.Option("--delete", help="collect them; else they are only listed")] = False,
) -> None:
    """List (or, with --delete, collect) objects that no row names any more."""
    from chassis.orphans import find_orphans  # noqa: PLC0415 - the other commands start quicker without it

    with psycopg.connect(admin_url(), autocommit=True) as connection:
        found = find_orphans(connection, both_buckets(), timedelta(hours=min_age_hours))
    _let_go(found, "orphans", delete=delete)


@app.command()
def previews(
    keep_days: Annotated[int, typer.Option(min=1, help="younger ones stay")] = 30,
    delete: Annotated[bool, typer.Option("--delete", help="collect them; else they are only listed")] = False,
) -> None:
    """List (or, with --delete, collect) sizes of photos that were made on demand; they are made again when somebody asks again."""
    from chassis.orphans import find_made_on_demand  # noqa: PLC0415 - as above

    _let_go(find_made_on_demand(both_buckets()[1], timedelta(days=keep_days)), "previews", delete=delete)


def _let_go(found: "Sequence[Stored]", what: str, *, delete: bool) -> None:
    from chassis.orphans import collect  # noqa: PLC0415 - as above

    for one in found:
        typer.echo(f"{one.changed_at:%Y-%m-%d %H:%M}  {one.size_bytes:>12,} B  {one.bucket.name}/{one.key}")
    size = sum(one.size_bytes for one in found)
    done = f"{collect(found)} collected" if delete else "nothing was deleted (--delete collects them)"
    typer.echo(f"{len(found)} {what}, {size:,} bytes; {done}")


def backup(
    folder: Annotated[Path, typer.Argument(help="made where it is not; a second run copies only what is new")],
) -> None:
    """Copy the database and both buckets into a folder (needs pg_dump, and the operator's keys)."""
    try:
        count = backups.back_up(folder, admin_url(), both_buckets(), typer.echo)
    except backups.BackupError as error:
        raise SystemExit(str(error)) from None
    typer.echo(f"{folder}: the database and {count} objects")


def restore(folder: Path) -> None:
    """Put a backup back; stop all processes first, and run `depesha migrate` before and after."""
    try:
        count = backups.restore(folder, admin_url(), both_buckets(), typer.echo)
    except backups.BackupError as error:
        raise SystemExit(str(error)) from None
    typer.echo(f"the database and {count} objects were put back")
