"""`depesha ingestion …`: what an operator does with what came in."""

from collections import Counter
from typing import Annotated

import typer

from chassis import logs
from ingestion import bootstrap
from ingestion.handlers import again
from ingestion.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What came in from the sources.")


@app.callback()
def main() -> None:
    """What came in from the sources."""


@app.command()
def replay(source_id: Annotated[str, typer.Argument(help="e.g. feed:orsk-gov; GET /sources lists them")]) -> None:
    """Read a source's archived originals again, after its reading was mended.

    What reads as before changes nothing; what reads otherwise is a new revision; what could not be read comes in.
    """
    settings = Settings.from_environment()
    logs.configure("ingestion", settings.log_level)
    intake = bootstrap.intake(settings)
    counts: Counter[str] = Counter()
    for done in again.replay_source(source_id, intake, settings.vault):
        counts[done.status] += 1
        if done.status != "unchanged":
            typer.echo(
                f"{done.external_id or 'an original'}: {done.status} {done.reason or f'as revision {done.revision}'}"
            )
    if not counts:
        raise SystemExit(f"source {source_id!r}: nothing of it is in the archive")
    typer.echo(f"{source_id}: " + ", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    intake.database.close()
