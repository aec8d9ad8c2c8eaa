"""The command line of tagging: `depesha tagging train | retag | import | export`."""

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from chassis.database import Database
from chassis.errors import Refusal
from tagging import bootstrap
from tagging.domain.tables import BadTableError, read_csv, read_skos, write_csv, write_skos
from tagging.domain.training import Score, TooFewStoriesError, Trained
from tagging.handlers import retagging, training, vocabulary
from tagging.settings import Settings
from tagging.store.retags import Retags
from tagging.store.vocabulary import Concepts

app = typer.Typer(no_args_is_help=True, help="Tags, rubrics and their vocabulary.")
COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
BY = "command line"
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@app.command()
def train(
    limit: Annotated[int, typer.Option(min=1, help="the newest stories that are learned from")] = 10_000,
    anyway: Annotated[bool, typer.Option(help="use the model though it does worse than the rules alone")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Train the rubrics' model on the newsroom's own published stories, and say how good it is on those it has not seen."""
    database, open_tagger = _open()
    try:
        with Progress(*COLUMNS) as progress:
            reading, learning = progress.add_task("stories read"), progress.add_task("rubrics learned")
            trained = training.train_model(
                open_tagger().tools,
                database,
                limit,
                read=lambda done, total: progress.update(reading, completed=done, total=total),
                learned=lambda done, total: progress.update(learning, completed=done, total=total),
            )
    except TooFewStoriesError as error:
        raise SystemExit(str(error)) from None
    _show(trained)
    if trained.is_better or anyway:
        typer.echo(f"in use from now on: rubrics model {training.use(trained, database.unit_of_work())}")
    else:
        typer.echo("not put to use: the rules alone do as well on stories that the model has not seen (--anyway)")
    database.close()


@app.command()
def retag(
    since: Day = None,
    until: Day = None,
    wait: Annotated[bool, typer.Option(help="until it is done")] = True,  # noqa: FBT002 - typer's way
) -> None:
    """Tag an archive again, behind all news. What editors chose stays; Ctrl-C leaves it running."""
    database = bootstrap.database(Settings.from_environment())
    days = [one.date() if one else None for one in (since, until)]
    try:
        order = retagging.order_retag(days[0], days[1], BY, database.unit_of_work())
    except Refusal as error:
        raise SystemExit(error.detail) from None
    typer.echo(f"retag {order.retag_id}: {order.total} stories")
    if wait:
        _follow(order.retag_id, database)
    database.close()


@app.command("import")
def import_table(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=".csv, or SKOS in RDF/XML")],
    dry_run: Annotated[bool, typer.Option(help="only say what would change")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Add and replace concepts by id. A broken file changes nothing."""
    database = bootstrap.database(Settings.from_environment())
    bootstrap.seeded(database)()
    try:
        concepts = (read_csv if file.suffix == ".csv" else read_skos)(file.read_text(encoding="utf-8"))
        done = vocabulary.import_concepts(concepts, BY, database.unit_of_work(), dry_run=dry_run)
    except (BadTableError, UnicodeDecodeError, Refusal) as error:
        raise SystemExit(f"{file}: {error}") from None
    typer.echo(f"{done.added} added, {done.changed} changed, {done.unchanged} as they were")
    database.close()


@app.command()
def export(file: Annotated[Path, typer.Argument(help="….csv is a table, everything else SKOS in RDF/XML")]) -> None:
    """Write the whole vocabulary to a file."""
    database = bootstrap.database(Settings.from_environment())
    bootstrap.seeded(database)()
    with database.connection() as connection:
        concepts = Concepts(connection).all().values()
    file.write_text((write_csv if file.suffix == ".csv" else write_skos)(concepts), encoding="utf-8")
    typer.echo(f"{file}: {len(concepts)} concepts")
    database.close()


def _open() -> tuple[Database, bootstrap.OpenTagger]:
    settings = Settings.from_environment()
    database = bootstrap.database(settings)
    return database, bootstrap.tagger(settings, database)


def _follow(retag_id: UUID, database: Database) -> None:
    with Progress(*COLUMNS) as progress:
        bar = progress.add_task("stories tagged again")
        while True:
            with database.connection() as connection:
                one = Retags(connection).get(retag_id)
            if one is None:
                return
            progress.update(bar, completed=one.done, total=one.total)
            if one.finished_at or one.stopped_at:
                break
            time.sleep(0.5)
    typer.echo(f"{one.changed} of {one.done} have other proposals now")


def _show(trained: Trained) -> None:
    table = Table(
        title=f"{trained.stories} stories; measured on the newest {trained.measured}, learned from the others"
    )
    for column in ("rubric", "stories", "precision", "recall", "F1"):
        table.add_column(column, justify="left" if column == "rubric" else "right")
    for score in (*trained.by_rubric, trained.micro, trained.rules_alone, trained.with_rules):
        table.add_row(*_row(score))
    Console().print(table)


def _row(score: Score) -> tuple[str, ...]:
    return (score.name, str(score.gold), f"{score.precision:.2f}", f"{score.recall:.2f}", f"{score.f1:.2f}")
