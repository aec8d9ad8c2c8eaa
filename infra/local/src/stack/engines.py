"""The three engines together, real ones, from wheels and on loopback only; `start_engines` brings them up."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from chassis import migrate
from chassis.tokens import HOUSE, new_token
from stack.engine import Engine
from stack.ports import Ports, can_bind
from stack.postgres import Postgres
from stack.processes import EngineError, end_leftovers
from stack.s3 import S3, S3_RIGHTS
from stack.valkey import Valkey

SERVICES = ("ingestion", "imaging", "tagging", "desk", "publication", "delivery")
KEEPS_SECRETS = ("ingestion", "delivery")
USUAL_PORTS = {"postgres": 54329, "valkey": 63799, "s3": 8333}
PORT_TRIES = 4
"""Somebody may take a port between our look at it and the engine's start."""


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

    def start_dead(self, say: Callable[[str], None]) -> None:
        """Start again what has ended though nobody stopped it, on its port and its data; services reconnect by themselves.

        Raises:
            EngineError: it does not start any more, or somebody else has its port now.

        """
        for engine in self.all:
            if engine.process is None or engine.process.poll() is None:
                continue
            say(f"{engine.name} has ended by itself (status {engine.process.returncode}): starting it again")
            engine.start_again()
            say(f"{engine.name} is back")


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
        engines = _arrange(root, lock, anew=tries_left < PORT_TRIES - 1)
        try:
            _start(engines.all)
        except EngineError as error:
            if not tries_left or not _lost_a_port(engines, error):
                lock.close()
                raise
        else:
            return engines
    raise AssertionError("unreachable")


def _lost_a_port(engines: Engines, error: EngineError) -> bool:
    """To somebody who has it still, or who gave up, as we did: of two that start at once each may take what the other needs."""
    return "address already in use" in str(error).lower() or any(not can_bind(engine.port) for engine in engines.all)


def _arrange(root: Path, lock: TextIO, *, anew: bool) -> Engines:
    """`anew`: on other ports than last time and than the usual ones."""
    keys = _keys(root)
    ports = Ports(root)
    usual = dict.fromkeys(USUAL_PORTS, 0) if anew else USUAL_PORTS
    if anew:
        ports.forget(*USUAL_PORTS)
    s3_ports = {part: ports.take(f"s3.{part}", 0, pair=True) for part in ("master", "volume", "filer", "admin")}
    engines = Engines(
        root,
        Postgres("postgres", root, ports.take("postgres", usual["postgres"]), password=keys["postgres"]),
        Valkey("valkey", root, ports.take("valkey", usual["valkey"])),
        S3(
            "s3",
            root,
            ports.take("s3", usual["s3"], pair=True),
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
