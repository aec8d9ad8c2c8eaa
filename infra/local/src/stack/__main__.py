"""`python -m stack run` starts the whole house and sends the demo down the road; `env` and `scale` speak to a running one."""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from chassis import backup, logs, scaling
from chassis.bucket import Bucket
from chassis.settings import Settings
from stack import supervisor
from stack.demo import tour, web
from stack.demo.tour import Trip
from stack.engines import SERVICES, Engines, start_engines
from stack.house import House, build
from stack.postgres import POSTGRES_BIN
from stack.processes import EngineError, wait_until

READY_WITHIN_S = 60
ENGINES_LOOKED_AT_EVERY_S = 1.0
WORTH_A_LINE = ("warning", "error", "critical")


class Run:
    """One run of the house, from nothing to Ctrl-C."""

    def __init__(self, root: Path, *, verbose: bool) -> None:
        self.root = root
        self.console = Console()
        self._verbose = verbose
        self._stopping = threading.Event()

    def run(self, *, with_demo: bool, once: bool) -> int:
        """Start, send the demo, tell, stay up. Returns the exit status: 1 if a demo story did not arrive."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        self.root.mkdir(parents=True, exist_ok=True)
        trips: list[Trip] = []
        with ExitStack() as cleanup:
            try:
                trips, engines = self._start(cleanup, with_demo=with_demo)
                while not once and not self._stopping.wait(ENGINES_LOOKED_AT_EVERY_S):
                    engines.start_dead(self._say_aloud)
            except KeyboardInterrupt:
                self.console.print("\nstopping …")
        return int(any(trip.trouble for trip in trips))

    def _say_aloud(self, text: str) -> None:
        self.console.print(text, style="bold", markup=False, soft_wrap=True)

    def _start(self, cleanup: ExitStack, *, with_demo: bool) -> tuple[list[Trip], Engines]:
        """Everything up to the summary; `cleanup` learns what must be stopped."""
        started = time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task("")

            def say(text: str) -> None:
                progress.update(task, description=escape(text))
                if not self.console.is_terminal:
                    self.console.print(f"{time.monotonic() - started:6.1f} s  {text}", markup=False, soft_wrap=True)

            say("starting PostgreSQL, Valkey and S3")
            photos = ThreadPoolExecutor(1).submit(tour.make_photos, self.root / "demo") if with_demo else None
            engines = start_engines(self.root)
            cleanup.callback(engines.stop)
            say("bringing the database up to date")
            logs.configure("stack", "warning")
            engines.migrate()
            say("starting services and workers")
            house = build(self.root, engines)
            keeper = supervisor.Supervisor(house.processes(), self.root, self._show)
            cleanup.callback(keeper.stop)
            keeper.start()
            self._write_environment(house)
            for name in (*SERVICES, "partner", "telegram"):
                self._wait_for(house, name)
            trips = tour.take(house, photos, say) if photos else []
            from_feed = tour.stories_of_feed(house) if photos else 0
        if from_feed:
            self.console.print(f"[bold]{tour.PARTNER_NAME}[/]: {from_feed} stories of its own came in by its feed\n")
        self._summary(house, keeper, trips, time.monotonic() - started)
        return trips, engines

    def _ask_to_stop(self, *_: object) -> None:
        if self._stopping.is_set() or threading.current_thread() is not threading.main_thread():
            return
        self._stopping.set()
        raise KeyboardInterrupt

    def _wait_for(self, house: House, name: str) -> None:
        path = {"partner": "/received", "telegram": "/"}.get(name, "/readyz")
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
        environments["admin"] = {
            "DEPESHA_ADMIN_DATABASE_URL": house.engines.admin_url,
            "DEPESHA_OPERATOR_TOKEN": house.engines.operator_token,
            "DEPESHA_S3_ENDPOINT": house.engines.s3.url,
            "DEPESHA_S3_ACCESS_KEY": house.engines.s3.access_key,
            "DEPESHA_S3_SECRET_KEY": house.engines.s3.secret_key,
        }
        file = self.root / "environment.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(environments, indent=1))

    def _summary(self, house: House, keeper: supervisor.Supervisor, trips: list[Trip], seconds: float) -> None:
        pids = [*keeper.pids(), os.getpid(), *(engine.process.pid for engine in house.engines.all if engine.process)]
        for trip in trips:
            self._tell(trip)
        resident = supervisor.resident_bytes(pids) / 2**20
        lines = [
            f"[bold]desk[/]     {_way_in(house)}",
            f"[bold]site[/]     {house.engines.s3.url}/depesha-public/news/index.html",
            f"[bold]partner[/]  {house.url('partner')}/",
            "",
            f"ready in {seconds:.1f} s, {resident:,.0f} MB resident in {len(pids)} processes",
            f"logs in {_short(self.root / 'logs')}/, settings by python -m stack env SERVICE",
            "Ctrl-C stops everything; the data stays",
        ]
        panel = Panel("\n".join(lines), title="Depesha is up", expand=False, padding=(1, 2))
        self.console.print(panel, highlight=False)

    def _tell(self, trip: Trip) -> None:
        legs = " · ".join(f"{name} {seconds:.2f} s" for name, seconds in trip.legs.items())
        facts = {
            "page": trip.page_url,
            "tags": escape(", ".join(trip.tags)),
            "partner": f"{trip.webhook.get('type')}, version {trip.webhook.get('version')}, {trip.webhook.get('id')}"
            if trip.webhook
            else "",
            "took": legs,
            "note": f"{trip.state} since an earlier run" if trip.state in (*tour.LEFT_BY_PEOPLE, "published") else "",
            "trouble": f"[red]{escape(trip.trouble)}[/]" if trip.trouble else "",
        }
        lines = [f"  {name:<8} {fact}" for name, fact in facts.items() if fact]
        self.console.print(f"[bold]{escape(trip.headline)}[/]", *lines, "", sep="\n", soft_wrap=True, highlight=False)


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _way_in(house: House) -> str:
    """The desk's address; on the first start a link that makes its first chief editor, good once."""
    body = {"role": "chief", "only_first": True}
    try:
        return str(
            web.call("POST", f"{house.url('desk')}/api/invitations", body, token=house.engines.operator_token)["url"]
        )
    except web.WebError:
        return f"{house.url('desk')}/"


def print_environment(root: Path, service: str) -> None:
    """`eval "$(python -m stack env desk)"` gives a shell the settings of the running house."""
    for name, value in _environment(root)[service].items():
        print(f"export {name}='{value}'")


def _environment(root: Path) -> dict[str, dict[str, str]]:
    try:
        told: dict[str, dict[str, str]] = json.loads((root / "environment.json").read_text())
    except FileNotFoundError:
        raise EngineError(f"no house has run on {root} yet: make run starts one") from None
    return told


def back_up(root: Path, folder: Path) -> None:
    """Of a house that runs, or of one that does not: then its engines are started for it."""
    with _engines_of(root) as (admin_url, buckets):
        count = backup.back_up(folder, admin_url, buckets, print, POSTGRES_BIN)
    print(f"{folder}: the database and {count} objects")


def restore(root: Path, folder: Path) -> None:
    """Into a house that does not run."""
    engines = start_engines(root)
    try:
        engines.migrate()
        count = backup.restore(
            folder,
            engines.admin_url,
            _buckets(engines.s3.url, engines.s3.access_key, engines.s3.secret_key),
            print,
            POSTGRES_BIN,
        )
        engines.migrate()
    finally:
        engines.stop()
    print(f"the database and {count} objects were put back into {root}")


@contextmanager
def _engines_of(root: Path) -> Iterator[tuple[str, list[Bucket]]]:
    try:
        engines = start_engines(root)
    except EngineError:
        admin = _environment(root)["admin"]
        key = (admin["DEPESHA_S3_ENDPOINT"], admin["DEPESHA_S3_ACCESS_KEY"], admin["DEPESHA_S3_SECRET_KEY"])
        yield admin["DEPESHA_ADMIN_DATABASE_URL"], _buckets(*key)
        return
    try:
        yield engines.admin_url, _buckets(engines.s3.url, engines.s3.access_key, engines.s3.secret_key)
    finally:
        engines.stop()


def _buckets(endpoint: str, access_key: str, secret_key: str) -> list[Bucket]:
    settings = Settings(
        database_url="postgresql://unused", s3_endpoint=endpoint, s3_access_key=access_key, s3_secret_key=secret_key
    )
    return [Bucket.private(settings), Bucket.public(settings)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(".depesha"), help="where the data lies")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything, send the demo stories, stay up")
    run.add_argument("--once", action="store_true", help="stop after the summary")
    run.add_argument("--no-demo", action="store_true", help="send no stories")
    run.add_argument("--verbose", "-v", action="store_true", help="show every log line")
    environment = commands.add_parser("env", help="print the settings of the running house")
    environment.add_argument("service", choices=(*SERVICES, "relay", "admin"))
    scale = commands.add_parser("scale", help="have COUNT processes of that name")
    scale.add_argument("name")
    scale.add_argument("count", type=int)
    for name, about in (("backup", "copy everything into FOLDER"), ("restore", "put a backup back; nothing may run")):
        commands.add_parser(name, help=about).add_argument("folder", type=Path)
    arguments = parser.parse_args()
    root = arguments.root.absolute()
    try:
        if arguments.command == "env":
            print_environment(root, arguments.service)
        elif arguments.command == "scale":
            scaling.scale(root, arguments.name, arguments.count)
        elif arguments.command == "backup":
            back_up(root, arguments.folder)
        elif arguments.command == "restore":
            restore(root, arguments.folder)
        else:
            return Run(root, verbose=arguments.verbose).run(with_demo=not arguments.no_demo, once=arguments.once)
    except (EngineError, backup.BackupError, TimeoutError, LookupError, web.WebError) as error:
        print(f"depesha: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
