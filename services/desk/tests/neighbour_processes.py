"""The other services as real processes, for pages of the desk that stand over their APIs."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stack.processes import wait_until

OPEN = {"DEPESHA_ALLOW_HTTP": "true", "DEPESHA_ALLOWED_NETWORKS": "127.0.0.0/8"}
"""The world outside is on this machine."""


@contextmanager
def running(stack: Any, *services: str) -> Iterator[dict[str, str]]:
    """Their addresses by service, while they run."""
    ports = {service: _free_port() for service in services}
    processes = [_start(stack, service, port) for service, port in ports.items()]
    try:
        for service, port in ports.items():
            wait_until(lambda port=port: _answers(port), service, timeout_s=60)
        yield {service: f"http://127.0.0.1:{port}" for service, port in ports.items()}
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


def _start(stack: Any, service: str, port: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "uvicorn", "--factory", f"{service}.api:create_app", "--port", str(port)]
    environment = {**os.environ, **stack.environment(service), **OPEN}
    return subprocess.Popen([*command, "--log-level", "error"], env=environment)


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0
