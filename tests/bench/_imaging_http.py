"""One rendition over HTTP: our signed route, a thumbor server and a small sharp server, asked for the same photo in turn.

Nobody has the answer already: we are asked for another asset each time, thumbor and sharp keep nothing. CPU is that of the
server's whole process tree; what PostgreSQL and the S3 server spend on ours is told beside it.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

import psutil
import pyvips

from chassis.database import Database
from chassis.ids import new_id
from imaging import bootstrap
from imaging.api import UPLOADS
from imaging.domain.links import sign, spec_of
from imaging.domain.renditions import STANDARD_SET
from imaging.handlers import _make
from imaging.settings import Settings
from imaging.store import Asset, Assets, link_keys
from stack.engines import Engines, start_engines
from stack.processes import die_with_parent, wait_until

WIDTH, QUALITY = 512, 78
REQUESTS = 20
HERE = Path(__file__).resolve().parent
THUMBOR_SETTINGS = f"""
LOADER = "thumbor.loaders.file_loader"
STORAGE = "thumbor.storages.no_storage"
ALLOW_UNSAFE_URL = True
QUALITY = {QUALITY}
PROGRESSIVE_JPEG = True
"""
Judge = Callable[[Path, bytes], float]


class Server(NamedTuple):
    """`processes`: what answers; `addresses`: each is asked once."""

    processes: tuple[int, ...]
    addresses: Iterator[str]
    engines: tuple[int, ...] = ()


class Cost(NamedTuple):
    cpu_ms: float
    wall_ms: float
    engines_ms: float
    body: bytes


def run(what: str, photo: Path, rounds: int, peers: dict[str, list[str]], judge: Judge) -> list[dict[str, Any]]:
    """`what`: the photo's name in the table. `peers`: "thumbor" and "sharp" -> the command that starts it, without its port."""
    costs: dict[str, list[Cost]] = {}
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="depesha-bench-") as folder:
        servers = {"ours": stack.enter_context(_ours(Path(folder), photo, (rounds + 1) * REQUESTS))}
        for name, command in peers.items():
            servers[name] = stack.enter_context(_peer(name, command, photo, Path(folder)))
        for name, server in servers.items():
            _ask(server)  # to warm it
            costs[name] = []
        for _ in range(rounds):
            for name, server in servers.items():
                costs[name].append(_ask(server))
        reference = Path(folder) / "reference.png"
        whole = pyvips.Image.new_from_file(str(photo))
        whole.resize(WIDTH / whole.width).pngsave(str(reference), keep="none")
        told = {name: _told(cost, judge(reference, cost[-1].body)) for name, cost in costs.items()}
    return [_row(what, costs, told, name) for name in peers]


def _told(costs: list[Cost], score: float) -> str:
    cpu_ms, wall_ms, size_kb = (
        *(median(cost[place] for cost in costs) for place in (0, 1)),
        len(costs[-1].body) / 1000,
    )
    return f"{cpu_ms:.0f} ms, wall {wall_ms:.0f} ms, {size_kb:.0f} kB, SSIMULACRA2 {score:.1f}"


def _row(what: str, costs: dict[str, list[Cost]], told: dict[str, str], peer: str) -> dict[str, Any]:
    mine, theirs = (median(cost.cpu_ms for cost in costs[name]) for name in ("ours", peer))
    engines_ms = median(cost.engines_ms for cost in costs["ours"])
    return {
        "name": f"{WIDTH} px of {what} over HTTP, CPU a request ({told['ours']}; engines besides {engines_ms:.0f} ms)",
        "value": mine,
        "unit": "ms",
        "versus": f"{peer} {told[peer]}",
        "ratio": mine / theirs,
        "goal": "at most 1",
        "met": mine <= theirs,
    }


def _ask(server: Server) -> Cost:
    before = _cpu_s(server.processes), _cpu_s(server.engines)
    started = time.perf_counter()
    for _ in range(REQUESTS):
        with urllib.request.urlopen(next(server.addresses), timeout=30) as answer:
            body = answer.read()
    wall_s = time.perf_counter() - started
    assert pyvips.Image.new_from_buffer(body, "").width == WIDTH
    after = _cpu_s(server.processes), _cpu_s(server.engines)
    cpu_ms, engines_ms = ((late - soon) * 1000 / REQUESTS for soon, late in zip(before, after, strict=True))
    return Cost(cpu_ms, wall_s * 1000 / REQUESTS, engines_ms, body)


def _cpu_s(pids: tuple[int, ...]) -> float:
    trees = [one for pid in pids for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]
    return sum(sum(one.cpu_times()[:2]) for one in trees)


@contextmanager
def _ours(folder: Path, photo: Path, count: int) -> Iterator[Server]:
    engines = start_engines(folder / "stack")
    try:
        engines.migrate()
        addresses = _addresses(engines, photo, count)
        port = _free_port()
        environment = {**os.environ, **engines.environment("imaging"), "DEPESHA_PORT": str(port)}
        environment |= {"DEPESHA_ADDRESS_PER_MINUTE": "1000000", "MALLOC_ARENA_MAX": "2"}
        command = [sys.executable, "-P", "-m", "chassis", "api", "imaging"]
        with _running(command, port, environment) as pid:
            own = tuple(engine.process.pid for engine in (engines.postgres, engines.s3) if engine.process)
            yield Server((pid,), (f"http://127.0.0.1:{port}{address}" for address in addresses), own)
    finally:
        engines.stop()


def _addresses(engines: Engines, photo: Path, count: int) -> list[str]:
    """Signed addresses of assets that have the same original, which was rendered when it came in, as all are."""
    settings = Settings(**engines.settings("imaging"))
    studio, key = bootstrap.studio(settings), f"{UPLOADS}bench"
    studio.originals.put(key, photo.read_bytes(), content_type="image/jpeg")
    asset = Asset(new_id(), new_id(), key, "Мост", "Агентство", 1, version=1, todo="render")
    asset = replace(asset, manifest=_make(asset, studio, STANDARD_SET, "fast"), todo=None)
    studio.decoder.close()
    database = Database(engines.environment("imaging")["DEPESHA_DATABASE_URL"], "imaging", size=1)
    spec, ids = spec_of(WIDTH, None, "jpeg"), [new_id() for _ in range(count)]
    with database.unit_of_work() as uow:
        for image_id in ids:
            Assets(uow.connection).save(replace(asset, image_id=image_id))
        signing = link_keys(uow.connection)[0]
    database.close()
    return [_address(signing, spec, image_id) for image_id in ids]


def _address(key: str, spec: str, image_id: UUID) -> str:
    return f"/r/{sign(key, spec, image_id)}/{spec}/{image_id}"


@contextmanager
def _peer(name: str, command: list[str], photo: Path, folder: Path) -> Iterator[Server]:
    port = _free_port()
    path = f"{WIDTH}/{photo.name}"
    if name == "thumbor":
        settings = folder / "thumbor.conf"
        settings.write_text(THUMBOR_SETTINGS + f'FILE_LOADER_ROOT_PATH = "{photo.parent}"\n')
        command = [*command, "--ip", "127.0.0.1", "--conf", str(settings), "--port"]
        path = f"unsafe/{WIDTH}x0/{photo.name}"
    else:
        command = [*command, str(photo.parent), str(QUALITY)]
    with _running([*command, str(port)], port, dict(os.environ)) as pid:
        yield Server((pid,), iter(lambda: f"http://127.0.0.1:{port}/{path}", ""))


@contextmanager
def _running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(die_with_parent(command), env=environment, cwd=HERE)
    try:
        wait_until(lambda: _answers(port), command[0], timeout_s=30, alive=lambda: process.poll() is None)
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
