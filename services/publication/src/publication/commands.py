"""The command line of publication: `depesha publication rebuild`."""

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from publication import bootstrap
from publication.handlers.lists import ListWriter
from publication.handlers.rebuild import rebuild_site
from publication.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Pages, feeds and channels.")


@app.callback()
def main() -> None:
    """Keep `rebuild` a sub-command though it is the only one."""


@app.command()
def rebuild(
    site: Annotated[str, typer.Option(help="one site's key; empty: all of them")] = "",
    from_start: Annotated[bool, typer.Option(help="forget where a broken rebuild stopped")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Write every page, item, list and feed again. What is unchanged is not written; a broken rebuild goes on where it stopped."""
    settings = Settings.from_environment()
    database, press = bootstrap.database(settings), bootstrap.press(settings)
    wanted = [edition for edition in press.editions if site in ("", edition.site.key)]
    if not wanted:
        raise typer.BadParameter(f"no site {site!r}; there are: {', '.join(one.site.key for one in press.editions)}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        for edition in wanted:
            bar = progress.add_task(edition.site.name)
            for done, total in rebuild_site(edition, database, press, from_start=from_start):
                progress.update(bar, completed=done, total=total)
    ListWriter(database, press).run()
    database.close()
