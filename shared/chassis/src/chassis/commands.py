"""The command line: `depesha …`. Services add their own sub-commands (NAME/commands.py with a Typer app called `app`)."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from prometheus_client import REGISTRY

from chassis import celery_app, logs, metrics, restarting, scaling, tracing
from chassis.database import Database

if TYPE_CHECKING:
    from chassis.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Depesha: a newsroom's publishing pipeline.",
)

PROCESSES = {"api", "worker", "relay"}


def _add_what_people_ask_for() -> None:
    """Processes do without: one that was killed must be back soon."""
    from chassis import events_commands, secrets_commands, storage_commands, tokens_commands  # noqa: PLC0415

    app.add_typer(events_commands.app, name="events")
    app.add_typer(tokens_commands.app, name="token")
    app.add_typer(secrets_commands.app, name="secrets")
    app.add_typer(storage_commands.app, name="storage")
    app.command()(storage_commands.backup)
    app.command()(storage_commands.restore)


if not PROCESSES.intersection(sys.argv[1:2]):
    _add_what_people_ask_for()

Service = Annotated[str, typer.Argument(help="ingestion, imaging, tagging, desk, publication or delivery")]


@app.command()
def api(service: Service) -> None:
    """Serve a service's HTTP API."""
    from chassis import serving  # noqa: PLC0415 - the other commands start quicker without it
    from chassis.settings import Settings  # noqa: PLC0415

    settings = Settings.from_environment()
    logs.configure(service, settings.log_level)
    tracing.configure(service, settings.otlp_endpoint)
    serving.serve(f"{_known(service)}.api:create_app", settings.host, settings.port)


@app.command()
def worker(service: Service) -> None:
    """Work on a service's events."""
    module = importlib.import_module(f"{_known(service)}.worker")
    settings_class = importlib.import_module(f"{service}.settings").Settings
    settings = settings_class.from_environment()
    logs.configure(service, settings.log_level)
    tracing.configure(service, settings.otlp_endpoint)
    made = module.create_worker(settings)
    redis_url = settings.redis_url.get_secret_value()
    checks = {"database": made.database.check, "redis": partial(celery_app.check, redis_url), **made.checks}
    _serve_metrics(settings, checks)
    made.run(redis_url)


@app.command()
def relay() -> None:
    """Carry events from the ledger to the workers' queues."""
    from chassis import relay as relay_module  # noqa: PLC0415
    from chassis.settings import Settings  # noqa: PLC0415

    settings = Settings.from_environment()
    logs.configure("relay", settings.log_level)
    database_url, redis_url = settings.database_url.get_secret_value(), settings.redis_url.get_secret_value()
    if settings.metrics_port:
        REGISTRY.register(metrics.LedgerCollector(database_url))
    _serve_metrics(
        settings,
        {"database": Database(database_url, "ledger", size=1).check, "redis": partial(celery_app.check, redis_url)},
    )
    relay_module.run(database_url, redis_url)


@app.command()
def migrate() -> None:
    """Create or bring up to date the database (needs DEPESHA_ADMIN_DATABASE_URL)."""
    from chassis import migrate as migrate_module  # noqa: PLC0415

    logs.configure("migrate")
    url = os.environ.get("DEPESHA_ADMIN_DATABASE_URL")
    if not url:
        raise SystemExit(
            "setting DEPESHA_ADMIN_DATABASE_URL: missing — postgresql://superuser:password@host:port/database"
        )
    services = migrate_module.installed_services()
    passwords, tokens = migrate_module.passwords_from_environment(services), migrate_module.tokens_from_environment()
    migrate_module.migrate(url, services, passwords, tokens)


@app.command()
def trace(story_id: str) -> None:
    """Draw a story's way through the house: who waited how long, who worked how long."""
    from rich.console import Console  # noqa: PLC0415 - the other commands start quicker without it

    from chassis import events_commands, waterfall  # noqa: PLC0415 - as above
    from chassis.ledger import inspect  # noqa: PLC0415

    with events_commands.connect() as connection:
        steps = inspect.trace(connection, story_id)
    if not steps:
        raise SystemExit(f"story {story_id}: the ledger knows nothing of it (it may have been pruned)")
    console = Console()
    console.print(waterfall.draw(waterfall.chapters(steps, datetime.now(UTC)), console.width))


@app.command()
def scale(
    name: Annotated[str, typer.Argument(help="a service, meaning its workers, or a process such as relay")],
    count: Annotated[int, typer.Argument(min=0, max=scaling.MOST_COPIES)],
) -> None:
    """Run so many copies of a process on the embedded stack."""
    root = _embedded_root(
        f"docker compose up -d --scale {name}-worker={count}",
        f"kubectl scale deployment/depesha-{name}-worker --replicas={count}",
    )
    try:
        full = scaling.scale(root, name, count)
    except scaling.NotScalable as error:
        raise SystemExit(str(error)) from None
    typer.echo(f"{full}: {count} from now on")


@app.command()
def restart(
    name: Annotated[
        str, typer.Argument(help="all, a service (its workers and its API), or a process such as relay")
    ] = "all",
) -> None:
    """Replace processes of the embedded stack one after another: a new one is ready before the old one is asked to go."""
    root = _embedded_root("docker compose up -d --no-deps SERVICE", "kubectl rollout restart deployment")
    try:
        for process in restarting.chosen(root, name):
            typer.echo(f"{process:<20} ", nl=False)
            typer.echo(f"{restarting.restart(root, process):5.1f} s")
    except (scaling.NotScalable, restarting.NotRestarted) as error:
        raise SystemExit(str(error)) from None


def _embedded_root(docker: str, kubernetes: str) -> Path:
    """Where the embedded stack lies; elsewhere an engine does what is asked, by these commands."""
    root = Path(os.environ.get("DEPESHA_SCALE_FOLDER") or ".depesha")
    if not scaling.known_processes(root):
        raise SystemExit(f"{root}: no embedded stack ran here. Docker: {docker}; Kubernetes: {kubernetes}")
    return root


def _serve_metrics(settings: "Settings", checks: Mapping[str, Callable[[], None]]) -> None:
    if not settings.metrics_port:
        return
    try:
        metrics.serve(settings.host, settings.metrics_port, checks)
    except OSError as error:
        raise SystemExit(
            f"setting DEPESHA_METRICS_PORT: port {settings.metrics_port} at {settings.host} cannot be had ({error.strerror});"
            " give each process on a machine a port of its own, or 0 for none"
        ) from None


def _known(service: str) -> str:
    names = sorted(entry.name for entry in entry_points(group="depesha.services"))
    if service not in names:
        raise SystemExit(f"service {service!r} is not installed here; there are: {', '.join(names)}")
    return service


def main() -> None:
    asked = set(sys.argv[1:2])
    for entry in entry_points(group="depesha.services"):
        if asked & {entry.name, "--help"} and importlib.util.find_spec(f"{entry.value}.commands"):
            app.add_typer(importlib.import_module(f"{entry.value}.commands").app, name=entry.name)
    app()
