# ruff: noqa: FBT002 - the booleans are the command line's flags
"""`depesha delivery …`: sites, what they were sent, what is to be sent again. Works on the database, with the service's settings."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from chassis import ledger
from chassis.database import Database
from chassis.errors import Refusal
from chassis.ids import new_id
from delivery import bootstrap
from delivery.endpoints import Subscriptions
from delivery.forms import EndpointForm
from delivery.settings import Settings
from delivery.store import NEWEST, Deliveries, Endpoint, Endpoints, Recoveries

app = typer.Typer(no_args_is_help=True, help="Sites and their webhooks: add, ping, list, resend, recover.")

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table")]
Site = Annotated[str, typer.Argument(help="a site's id, or its name")]


@app.command()
def endpoints(as_json: AsJson = False) -> None:
    """All sites and how they are doing."""
    database, _ = _open()
    with database.connection() as connection:
        found = Endpoints(connection).all()
    columns = ("endpoint_id", "name", "url", "state", "reason", "failures_in_row", "failing_since", "probe_at")
    _print([{name: getattr(one, name) for name in columns} for one in found], as_json=as_json)


@app.command()
def add(
    name: str,
    url: str,
    options: Annotated[str, typer.Option(help='more as JSON: {"rubrics": ["Спорт"], "order_mode": "full", …}')] = "{}",
) -> None:
    """Subscribe a site. Its secret and the link to its own page are shown once, now."""
    database, subscriptions = _open()
    try:
        form = EndpointForm.model_validate({**json.loads(options), "name": name, "url": url})
        with database.unit_of_work() as uow:
            endpoint_id, secret, token = subscriptions.add(form, uow)
    except (ValidationError, ValueError, Refusal) as problem:
        raise SystemExit(str(problem)) from None
    _wake(database, "drain")
    typer.echo(f"id      {endpoint_id}\nsecret  {secret}\npage    {subscriptions.page_url(token)}")


@app.command()
def enable(site: Site) -> None:
    """Take a site up again; what was held for it goes out."""
    database, subscriptions = _open()
    one = _known(database, site)
    with database.unit_of_work() as uow:
        subscriptions.enable(one, uow)
    _wake(database, "drain")
    typer.echo(f"{one.name}: {'challenged again' if one.challenge else 'active'}")


@app.command()
def disable(site: Site) -> None:
    """Send a site nothing for now; what comes is held for 14 days."""
    database, _ = _open()
    one = _known(database, site)
    with database.unit_of_work() as uow:
        Endpoints(uow.connection).disable(one.endpoint_id, "by hand")
    typer.echo(f"{one.name}: disabled")


@app.command()
def ping(site: Site) -> None:
    """Send a site a test message."""
    database, subscriptions = _open()
    one = _known(database, site)
    with database.unit_of_work() as uow:
        message_id = subscriptions.ping(one, uow)
    _wake(database, "drain")
    typer.echo(message_id)


@app.command()
def rotate(
    site: Site, revoke_now: Annotated[bool, typer.Option(help="older secrets end now, not in 24 hours")] = False
) -> None:
    """A new secret for a site, shown once, now."""
    database, subscriptions = _open()
    one = _known(database, site)
    with database.unit_of_work() as uow:
        typer.echo(subscriptions.rotate(one.endpoint_id, uow, revoke_now=revoke_now))


@app.command()
def deliveries(site: Site, limit: Annotated[int, typer.Option(min=1, max=500)] = 50, as_json: AsJson = False) -> None:
    """What a site was sent, newest first."""
    database, _ = _open()
    one = _known(database, site)
    with database.connection() as connection:
        _print(Deliveries(connection).of_endpoint(one.endpoint_id, NEWEST, limit), as_json=as_json)


@app.command()
def attempts(delivery_id: int, as_json: AsJson = False) -> None:
    """Each attempt at a delivery: the answer, and how long each part of it took."""
    database, _ = _open()
    with database.connection() as connection:
        _print(Deliveries(connection).attempts(delivery_id), as_json=as_json)


@app.command()
def resend(delivery_id: int) -> None:
    """Send one again under the same webhook-id; refused where a newer version of the story has gone out."""
    database, _ = _open()
    with database.unit_of_work() as uow:
        if not Deliveries(uow.connection).resend_one(delivery_id):
            raise SystemExit(f"delivery {delivery_id}: not known here, or a newer version has gone out")
    _wake(database, "drain")
    typer.echo(f"delivery {delivery_id}: on its way")


@app.command()
def recover(
    site: Site,
    since: Annotated[datetime, typer.Argument(help="UTC, e.g. 2026-11-12T09:30:00")],
    wait: Annotated[bool, typer.Option(help="show how far it is until it is done; ^C leaves it running")] = True,
) -> None:
    """Send a site all again that failed since then, without a cap; a job of the workers."""
    database, _ = _open()
    one, recovery_id = _known(database, site), new_id()
    with database.unit_of_work() as uow:
        Recoveries(uow.connection).add(recovery_id, one.endpoint_id, since.replace(tzinfo=since.tzinfo or UTC))
    _wake(database, "recover")
    typer.echo(f"recovery {recovery_id}; to stop it: depesha delivery cancel {recovery_id}")
    if wait:
        _watch(database, recovery_id)


@app.command()
def cancel(recovery_id: UUID) -> None:
    """Stop a recovery; what it has sent again already stays so."""
    database, _ = _open()
    with database.unit_of_work() as uow:
        if not Recoveries(uow.connection).cancel(recovery_id):
            raise SystemExit(f"recovery {recovery_id}: not running")
    typer.echo(f"recovery {recovery_id}: cancelled")


@app.command()
def statistics(hours: Annotated[float, typer.Option(min=0.01, max=720)] = 24, as_json: AsJson = False) -> None:
    """Attempts of the last hours and how long the answers took, a row a site."""
    database, _ = _open()
    with database.connection() as connection:
        names = {one.endpoint_id: one.name for one in Endpoints(connection).all()}
        rows = Deliveries(connection).statistics(hours)
    _print([{"name": names.get(row["endpoint_id"], "?"), **row} for row in rows], as_json=as_json)


def _watch(database: Database, recovery_id: UUID) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task("looked at")
        while True:
            with database.connection() as connection:
                one = Recoveries(connection).get(recovery_id)
            if one is None:
                return
            progress.update(bar, total=one.total, completed=one.seen, description=one.state)
            if one.state != "running":
                break
            time.sleep(0.5)
    typer.echo(f"{one.state}: {one.resent} of {one.total} sent again; the others have a newer version")


def _open() -> tuple[Database, Subscriptions]:
    settings = Settings.from_environment()
    subscriptions = Subscriptions(settings.vault, settings.delivery_url, allow_http=settings.allow_http)
    return bootstrap.database(settings), subscriptions


def _known(database: Database, site: str) -> Endpoint:
    with database.connection() as connection:
        found = [one for one in Endpoints(connection).all() if site in (str(one.endpoint_id), one.name)]
    if len(found) != 1:
        raise SystemExit(f"site {site!r}: {'several have this name, give the id' if found else 'not known here'}")
    return found[0]


def _wake(database: Database, timer: str) -> None:
    with database.connection() as connection:
        ledger.wake(connection, "delivery", timer)


def _print(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(list(rows), default=str, ensure_ascii=False))
        return
    if not rows:
        typer.echo("none")
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float):
        return f"{value:.1f}"
    return "" if value is None else str(value)
