# ruff: noqa: FBT002 - the booleans are the command line's flags
"""`depesha events …`: what is late, what is dead, what became of a story; readable tables, or JSON for programs."""

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import psycopg
import typer
from rich.console import Console
from rich.table import Column, Table

from chassis.ledger import inspect
from chassis.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The ledger of events: list, trace, replay, prune.")

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table")]
Since = Annotated[datetime | None, typer.Option(help="UTC, e.g. 2026-11-12T09:30:00")]


@contextmanager
def connect() -> Iterator[psycopg.Connection]:
    """As the administrator where DEPESHA_ADMIN_DATABASE_URL is set, else as the service whose settings these are."""
    url = os.environ.get("DEPESHA_ADMIN_DATABASE_URL") or Settings.from_environment().database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        yield connection


@app.command("list")
def list_events(
    event_type: Annotated[str | None, typer.Option("--type")] = None, limit: int = 50, as_json: AsJson = False
) -> None:
    """The newest events."""
    with connect() as connection:
        _print(inspect.newest(connection, event_type=event_type, limit=limit), as_json=as_json)


@app.command()
def show(event_id: UUID) -> None:
    """One event, whole, as JSON."""
    with connect() as connection:
        found = inspect.envelope(connection, event_id)
    if found is None:
        raise SystemExit(f"event {event_id}: not in the ledger")
    typer.echo(json.dumps(found, ensure_ascii=False, indent=1))


@app.command()
def trace(story_id: str, as_json: AsJson = False) -> None:
    """Who heard what of a story, when, how long it took, how often it was tried."""
    with connect() as connection:
        steps = inspect.trace(connection, story_id)
    if as_json or not steps:
        _print(steps, as_json=as_json)
        return
    start = steps[0].recorded_at
    table = Table("event", "at", "consumer", "state", "waited", "took", "sent", "failed", "reason", box=None)
    for step in steps:
        waited = (
            (step.handled_at - step.recorded_at).total_seconds() * 1000 - (step.duration_ms or 0)
            if step.handled_at
            else None
        )
        table.add_row(
            step.type,
            f"+{(step.recorded_at - start).total_seconds():.3f} s",
            step.consumer,
            step.state,
            "" if waited is None else f"{max(waited, 0):.0f} ms",
            "" if step.duration_ms is None else f"{step.duration_ms:.0f} ms",
            f"{step.dispatches}x",
            f"{step.attempts}x" if step.attempts else "",
            (step.reason or "")[:80],
        )
    Console().print(table)


@app.command()
def dead(
    consumer: Annotated[str | None, typer.Option()] = None,
    event_type: Annotated[str | None, typer.Option("--type")] = None,
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """Deliveries that were set aside, with the reason."""
    with connect() as connection:
        found = inspect.dead(connection, consumer=consumer, event_type=event_type, since=_aware(since))
    _print(found, as_json=as_json, leave_out=("traceback", "event_id"))


@app.command()
def replay(
    ids: Annotated[
        list[int] | None, typer.Argument(help="delivery ids of dead ones; none: all that the options name")
    ] = None,
    consumer: Annotated[str | None, typer.Option(help="only this consumer's")] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="only events of this type")] = None,
    since: Since = None,
    handled: Annotated[
        bool, typer.Option("--handled", help="not dead ones, but all that --consumer has handled --since")
    ] = False,
) -> None:
    """Try dead deliveries again, or have a consumer hear again what it handled."""
    with connect() as connection:
        if handled:
            if not consumer or not since:
                raise SystemExit("--handled needs --consumer and --since")
            count = inspect.deliver_again(connection, consumer, since.replace(tzinfo=UTC), event_type)
        else:
            found = inspect.dead(
                connection,
                consumer=consumer,
                event_type=event_type,
                since=_aware(since),
                ids=ids or None,
                limit=1_000_000,
            )
            count = inspect.revive(connection, [one.delivery_id for one in found])
    typer.echo(f"{count} deliveries are on their way again")


@app.command()
def lag(as_json: AsJson = False) -> None:
    """How late each consumer is."""
    with connect() as connection:
        _print(inspect.lag(connection), as_json=as_json)


@app.command()
def prune(
    keep_days: Annotated[int, typer.Option(min=1)] = 14,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what would be dropped")] = False,
) -> None:
    """Drop whole days of handled events (needs DEPESHA_ADMIN_DATABASE_URL). Unfinished and dead ones are kept."""
    today = datetime.now(UTC).date()
    with connect() as connection:
        if dry_run:
            names, done = inspect.prunable(connection, keep_days, today), "would be dropped"
        else:
            names, done = inspect.prune(connection, keep_days, today), "dropped"
    typer.echo(f"{done}: {', '.join(names) or 'nothing is that old'}")


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _print(rows: Sequence[Any], *, as_json: bool, leave_out: tuple[str, ...] = ()) -> None:
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(row) for row in rows], ensure_ascii=False, indent=1, default=str))
        return
    if not rows:
        typer.echo("nothing")
        return
    names = [field.name for field in dataclasses.fields(rows[0]) if field.name not in leave_out]
    table = Table(*(Column(name, overflow="fold", no_wrap=name.endswith("_id")) for name in names), box=None)
    for row in rows:
        table.add_row(*(_shown(getattr(row, name)) for name in names))
    Console().print(table)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%d.%m. %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.1f}"
    return "" if value is None else str(value)[:100]
