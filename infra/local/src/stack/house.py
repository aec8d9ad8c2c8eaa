"""All processes of Depesha on one machine: which there are, on which ports, with which settings."""

import sys
from dataclasses import dataclass
from pathlib import Path

from stack.engines import SERVICES, Engines
from stack.ports import Ports
from stack.processes import die_with_parent

USUAL_API_PORTS = {
    "desk": 8000,
    "ingestion": 8001,
    "imaging": 8002,
    "tagging": 8003,
    "publication": 8004,
    "delivery": 8005,
    "partner": 8090,
    "telegram": 8091,
}
LOOPBACK = "127.0.0.0/8, ::1/128"
SMALL_MACHINE = {"MALLOC_ARENA_MAX": "2"}
"""glibc gives each thread an arena of its own, and fourteen processes with threads are a lot of half-empty arenas."""


@dataclass(frozen=True)
class Process:
    """One kind of process: its name, command and DEPESHA_… variables.

    `port`: where the supervisor listens for it, and hands every copy the socket. `tells_ready`: it says so (chassis.handover).
    """

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    port: int = 0
    tells_ready: bool = False

    @property
    def service(self) -> str:
        return self.name.partition("-")[0]


@dataclass(frozen=True)
class House:
    """Where everything is."""

    root: Path
    engines: Engines
    ports: dict[str, int]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def partner_folder(self) -> Path:
        return self.root / "partner"

    @property
    def telegram_folder(self) -> Path:
        return self.root / "telegram"

    def environment(self, service: str) -> dict[str, str]:
        """All DEPESHA_… variables of one service's processes."""
        urls = {f"DEPESHA_{name.upper()}_URL": self.url(name) for name in SERVICES}
        return {
            **SMALL_MACHINE,
            **self.engines.environment(service),
            **urls,
            "DEPESHA_HOST": "127.0.0.1",
            "DEPESHA_SCALE_FOLDER": str(self.root),
            # sources and partners of the demo live on this machine
            "DEPESHA_ALLOWED_NETWORKS": LOOPBACK,
            "DEPESHA_ALLOW_HTTP": "true",
            "DEPESHA_ADDRESS_PER_MINUTE": "60000",  # everybody here has the same address
        }

    def processes(self) -> list[Process]:
        """The relay, an API and a worker a service, the sample partner site, and a Telegram of our own."""
        relay = Process("relay", _depesha("relay"), self.environment("relay"), tells_ready=True)
        apis = [
            Process(
                f"{name}-api",
                _depesha("api", name),
                {**self.environment(name), "DEPESHA_PORT": str(self.ports[name])},
                port=self.ports[name],
                tells_ready=True,
            )
            for name in SERVICES
        ]
        workers = [
            Process(f"{name}-worker", _depesha("worker", name), self.environment(name), tells_ready=True)
            for name in SERVICES
        ]
        partner = Process(
            "partner",
            _held(sys.executable, "-m", "stack.partner"),
            {"DEPESHA_PARTNER_FOLDER": str(self.partner_folder), "DEPESHA_PARTNER_PORT": str(self.ports["partner"])},
        )
        telegram = Process(
            "telegram",
            _held(sys.executable, "-m", "stack.telegram.server"),
            {
                "DEPESHA_TELEGRAM_FOLDER": str(self.telegram_folder),
                "DEPESHA_TELEGRAM_PORT": str(self.ports["telegram"]),
            },
        )
        return [relay, *apis, *workers, partner, telegram]


def build(root: Path, engines: Engines) -> House:
    """Choose the ports of the APIs, those of last time or the usual ones where free."""
    ports = Ports(root)
    chosen = {name: ports.take(f"api.{name}", usual) for name, usual in USUAL_API_PORTS.items()}
    ports.save()
    return House(root, engines, chosen)


def _depesha(*words: str) -> tuple[str, ...]:
    return _held(sys.executable, "-m", "chassis", *words)


def _held(*command: str) -> tuple[str, ...]:
    return tuple(die_with_parent(list(command)))
