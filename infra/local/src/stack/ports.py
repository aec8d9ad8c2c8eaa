"""Chooses ports on loopback: those of last time, else the usual ones, else any that are free."""

import json
import os
import secrets
import socket
from pathlib import Path

from stack.processes import EngineError

PAIR_STEP = 10_000
"""SeaweedFS speaks gRPC at each of its ports plus this."""


class Ports:
    """Ports that stay the same over restarts while they are free, so that addresses and bookmarks stay true."""

    def __init__(self, root: Path) -> None:
        self._file = root / "ports.json"
        self._kept: dict[str, int] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._taken: set[int] = set()

    def take(self, name: str, usual: int, *, pair: bool = False) -> int:
        """A free port, the last one or the usual one if possible; with `pair`, port + 10000 is free too.

        Raises:
            EngineError: 200 tries found none.

        """
        for candidate in (self._kept.get(name, 0), usual):
            if candidate and self._is_free(candidate, pair=pair):
                break
        else:
            candidate = self._any_free(pair=pair)
        self._taken |= {candidate, candidate + PAIR_STEP} if pair else {candidate}
        self._kept[name] = candidate
        return candidate

    def forget(self, *names: str) -> None:
        """They get others."""
        for name in names:
            self._taken.add(self._kept.pop(name, 0))

    def save(self) -> None:
        self._file.write_text(json.dumps(self._kept, indent=1))

    def _is_free(self, port: int, *, pair: bool) -> bool:
        ports = (port, port + PAIR_STEP) if pair else (port,)
        return all(one not in self._taken and can_bind(one) and not _is_anothers(one) for one in ports)

    def _any_free(self, *, pair: bool) -> int:
        for _ in range(200):
            port = 20_000 + secrets.randbelow(12_000)
            if self._is_free(port, pair=pair):
                return port
        raise EngineError("no free port was found on 127.0.0.1")


def _is_anothers(port: int) -> bool:
    """SeaweedFS puts sockets named by its ports into /tmp, leaves them there, and gives up where it may not replace one."""
    sockets = Path("/tmp").glob(f"seaweedfs-*-{port}.sock")  # noqa: S108 - as it says
    return any(socket_file.lstat().st_uid != os.getuid() for socket_file in sockets)


def can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
