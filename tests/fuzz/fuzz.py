"""`make fuzz`: schemathesis reads every OpenAPI document and tries to break what it promises, with all its checks, stateful, too.

Each service listens on loopback, before a real PostgreSQL, Valkey and S3. What strangers' addresses the fuzzer makes up are never
asked: a guard in this process lets no socket leave the machine.
"""

import argparse
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from stack.engines import SERVICES, Engines, start_engines

HERE = Path(__file__).parent
CHECKS_OFF = ("positive_data_acceptance",)
"""hooks.py asks the same, but for refusals that no schema can express."""
PHASES = "examples,coverage,fuzzing,stateful"


@dataclass
class Result:
    service: str
    operations: int = 0
    cases: int = 0
    failures: list[str] = field(default_factory=list)
    output: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=150, help="time for each service; 0: once through everything")
    parser.add_argument("--examples", type=int, default=200, help="cases for each operation, at most")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("services", nargs="*", default=list(SERVICES))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="depesha-fuzz-") as folder:
        engines = start_engines(Path(folder))
        try:
            engines.migrate()
            found = [fuzz(one, engines, asked.examples, asked.seconds, asked.seed) for one in asked.services]
        finally:
            engines.stop()
    for one in found:
        say(f"{one.output}\n" if one.failures else "")
    for one in found:
        say(f"{one.service}: {one.operations} operations, {one.cases} cases, {len(one.failures)} failures\n")
    raise SystemExit(any(one.failures or not one.cases for one in found))


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def fuzz(service: str, engines: Engines, examples: int, seconds: int, seed: int) -> Result:
    """Serve one service and let the fuzzer at it; its time ends after `seconds`."""
    keep_inside()
    result = Result(service)
    report = engines.root / f"fuzz-{service}.json"
    with serve(service, engines) as url:
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/openapi.json"),
            *("--header", f"Authorization: Bearer {engines.operator_token}"),
            *("--checks", "all", "--phases", PHASES, "--max-examples", str(examples)),
            *("--generation-database", "none", "--request-timeout", "20", "--suppress-health-check", "all"),
            *("--exclude-checks", ",".join(CHECKS_OFF)),
            *("--report", "json", "--report-json-path", str(report), "--no-color", "--continue-on-failure"),
            *(("--max-time", str(seconds)) if seconds else ()),
            *(("--seed", str(seed)) if seed else ()),
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=engines.root,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)},
            timeout=seconds * 3 + 300,
        )
    result.output = done.stdout + done.stderr
    read(report, result)
    if done.returncode and not result.failures:
        result.failures.append(f"schemathesis ended with {done.returncode}")
    return result


def read(report: Path, result: Result) -> None:
    """Fill in the counts that schemathesis wrote down."""
    value = json.loads(report.read_text())
    result.operations = value["operations"]["tested"]
    result.cases = value["test_cases"]["generated"]
    result.failures = [f"{one['code']} {one['title']}: {', '.join(one['operations'])}" for one in value["failures"]]
    result.failures += [str(one) for one in value["errors"]]


class serve:  # noqa: N801 - reads as a verb
    """One service's API on a free port of loopback, in a thread."""

    def __init__(self, service: str, engines: Engines) -> None:
        settings = importlib.import_module(f"{service}.settings").Settings
        app = importlib.import_module(f"{service}.api").create_app(
            settings(**{**engines.settings(service), "address_per_minute": 0})
        )
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the API did not start within 30 s")
            time.sleep(0.02)
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_error: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)


def keep_inside() -> None:
    """From now on this process cannot connect to, or ask the name of, anything but loopback. Cannot be undone."""
    if not getattr(keep_inside, "is_on", False):
        keep_inside.is_on = True
        sys.addaudithook(_guard)


def _guard(event: str, arguments: tuple) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if (host.decode() if isinstance(host, bytes) else host) not in ("127.0.0.1", "::1", "localhost", None):
        raise ConnectionRefusedError(f"fuzzing stays on this machine: {host}")


if __name__ == "__main__":
    os.chdir(HERE.parents[1])
    main()
