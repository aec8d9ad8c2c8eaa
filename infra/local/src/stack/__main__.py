"""`python -m stack run` starts the whole house and sends the demo down the road; `env` and `scale` speak to a running one."""

import argparse
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from chassis import logs
from stack import supervisor
from stack.demo import tour, web
from stack.demo.tour import Trip
from stack.engines import SERVICES, start_engines
from stack.house import House, build
from stack.processes import EngineError, wait_until

READY_WITHIN_S = 60
WORTH_A_LINE = ("warning", "error", "critical")


class Run:
    """One run of the house, from nothing to Ctrl-C."""

    def __init__(self, root: Path, *, verbose: bool) -> None:
        self.root = root
        self.console = Console()
        self._verbose = verbose
        self._stopping = threading.Event()

    def run(self, *, with_demo: bool, once: bool) -> int:
        started = time.monotonic()
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        signal.signal(signal.SIGINT, self._ask_to_stop)
        self.root.mkdir(parents=True, exist_ok=True)
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=self.console, transient=True
        ) as progress:
            task = progress.add_task("starting PostgreSQL, Valkey and S3")
            photos = ThreadPoolExecutor(1).submit(tour.make_photos, self.root / "demo") if with_demo else None
            engines = start_engines(self.root)
            keeper: supervisor.Supervisor | None = None
            try:
                progress.update(task, description="bringing the database up to date")
                logs.configure("stack", "warning")
                engines.migrate()
                house = build(self.root, engines)
                progress.update(task, description="starting services and workers")
                keeper = supervisor.Supervisor(house.processes(), self.root, self._show)
                keeper.start()
                self._write_environment(house)
                for name in (*SERVICES, "partner"):
                    self._wait_for(house, name)
                trips = (
                    tour.take(house, photos, lambda text: progress.update(task, description=escape(text)))
                    if photos
                    else []
                )
                progress.stop()
                self._summary(house, keeper, trips, time.monotonic() - started)
                if not once:
                    self._stopping.wait()
                    self.console.print("\nstopping …")
            except KeyboardInterrupt:
                self.console.print("\nstopping …")
            finally:
                if keeper is not None:
                    keeper.stop()
                engines.stop()
        return 0

    def _ask_to_stop(self, *_: object) -> None:
        if self._stopping.is_set() or threading.current_thread() is not threading.main_thread():
            return
        self._stopping.set()
        raise KeyboardInterrupt

    def _wait_for(self, house: House, name: str) -> None:
        path = "/readyz" if name != "partner" else "/received"
        wait_until(
            lambda: web.is_ok(house.url(name) + path),
            f"{name} at {house.url(name)} (see {self.root}/logs)",
            timeout_s=READY_WITHIN_S,
        )

    def _show(self, service: str, level: str, line: str) -> None:
        if self._verbose or level in WORTH_A_LINE:
            colour = supervisor.COLOURS.get(service, "white")
            self.console.print(f"[{colour}]{service:<11}[/] {escape(line)}", soft_wrap=True, highlight=False)

    def _write_environment(self, house: House) -> None:
        environments = {name: house.environment(name) for name in (*SERVICES, "relay")}
        file = self.root / "environment.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(environments, indent=1))

    def _summary(self, house: House, keeper: supervisor.Supervisor, trips: list[Trip], seconds: float) -> None:
        pids = [*keeper.pids(), os.getpid(), *(engine.process.pid for engine in house.engines.all if engine.process)]
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=bool(trips))
        table.add_column("story")
        for name in trips[0].legs if trips else ():
            table.add_column(name, justify="right")
        for trip in trips:
            table.add_row(escape(trip.headline[:60]), *(f"{value:.2f} s" for value in trip.legs.values()))
        self.console.print(table)
        for trip in trips:
            self.console.print(
                f"\n[bold]{escape(trip.headline)}[/]\n  page     {trip.page_url}\n  tags     {escape(', '.join(trip.tags))}\n  partner  {trip.webhook.get('type')} version {trip.webhook.get('version')}, webhook-id {trip.webhook.get('id')}",
                soft_wrap=True,
                highlight=False,
            )
        lines = [
            f"[bold]the desk[/]     {house.url('desk')}/",
            f"[bold]the site[/]     {house.engines.s3.url}/depesha-public/news/index.html",
            f"[bold]the partner[/]  {house.url('partner')}/",
            f"ready in {seconds:.1f} s · {len(pids)} processes, {supervisor.resident_bytes(pids) / 2**20:,.0f} MB resident · logs in {self.root}/logs · Ctrl-C stops",
        ]
        self.console.print(
            Panel("\n".join(lines), title="Depesha is up", expand=False, padding=(1, 3)),
            soft_wrap=True,
            highlight=False,
        )


def print_environment(root: Path, service: str) -> None:
    """`eval "$(python -m stack env desk)"` gives a shell the settings of the running house."""
    environment = json.loads((root / "environment.json").read_text())[service]
    for name, value in environment.items():
        print(f"export {name}='{value}'")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(".depesha"), help="where the data lies")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything, send the demo stories, stay up")
    run.add_argument("--once", action="store_true", help="stop after the summary")
    run.add_argument("--no-demo", action="store_true", help="send no stories")
    run.add_argument("--verbose", "-v", action="store_true", help="show every log line")
    environment = commands.add_parser("env", help="print the settings of the running house")
    environment.add_argument("service", choices=(*SERVICES, "relay"))
    scale = commands.add_parser("scale", help="have COUNT processes of that name")
    scale.add_argument("name")
    scale.add_argument("count", type=int)
    arguments = parser.parse_args()
    root = arguments.root.absolute()
    try:
        if arguments.command == "env":
            print_environment(root, arguments.service)
        elif arguments.command == "scale":
            supervisor.scale(root, arguments.name, arguments.count)
        else:
            return Run(root, verbose=arguments.verbose).run(with_demo=not arguments.no_demo, once=arguments.once)
    except (EngineError, TimeoutError, LookupError, web.WebError) as error:
        print(f"depesha: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
