import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from stack.demo import web
from stack.house import USUAL_API_PORTS
from stack.processes import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(150)]


@pytest.fixture
def run(tmp_path):
    """`run()`: a house under `tmp_path`; none outlives the test."""
    houses = []

    def start():
        with (tmp_path / "said").open("ab") as out:
            houses.append(
                subprocess.Popen(
                    [sys.executable, "-m", "stack", "--root", str(tmp_path), "run", "--no-demo"],
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        return houses[-1]

    yield start
    for house in houses:
        house.kill()
        house.wait()


def said(root):
    return (root / "said").read_text()


def noted(root):
    """All processes that the run has noted as its own and that live."""
    notes = [json.loads(file.read_text()) for file in root.glob("*.pid")]
    return [psutil.Process(note["pid"]) for note in notes if psutil.pid_exists(note["pid"])]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the next start ends what is left")
def test_a_house_that_is_killed_leaves_nobody_and_comes_up_again_and_goes_down_by_ctrl_c(tmp_path, run):
    first = run()
    wait_until(lambda: len(noted(tmp_path)) == 18, "all processes are started", timeout_s=40)
    family = noted(tmp_path)
    first.kill()
    first.wait()
    psutil.wait_procs(family, timeout=20)
    assert [process for process in family if process.is_running()] == []

    second = run()
    wait_until(lambda: "Depesha is up" in said(tmp_path), "the summary", timeout_s=90)
    refused = run()
    assert refused.wait(30) == 1
    assert f"runs already on {tmp_path}" in said(tmp_path)
    scaled = subprocess.run(
        [sys.executable, "-m", "stack", "--root", str(tmp_path), "scale", "imaging-worker", "2"], check=True
    )
    assert scaled.returncode == 0
    wait_until(lambda: len(list(tmp_path.glob("imaging-worker.*.pid"))) == 2, "two imaging workers", timeout_s=20)
    shell = subprocess.run(
        [sys.executable, "-m", "stack", "--root", str(tmp_path), "env", "desk"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    exported = dict(line.removeprefix("export ").split("=", 1) for line in shell.splitlines())
    assert web.is_ok(exported["DEPESHA_DESK_URL"].strip("'") + "/readyz")
    assert set(json.loads((tmp_path / "ports.json").read_text())) >= {f"api.{name}" for name in USUAL_API_PORTS}

    database = next(
        one for one in noted(tmp_path) if one.pid == json.loads((tmp_path / "postgres.pid").read_text())["pid"]
    )
    database.kill()
    wait_until(lambda: "postgres is back" in said(tmp_path), "PostgreSQL again", timeout_s=40)
    wait_until(lambda: web.is_ok(exported["DEPESHA_DESK_URL"].strip("'") + "/readyz"), "the desk again", timeout_s=30)

    family = noted(tmp_path)
    os.killpg(second.pid, signal.SIGINT)

    assert second.wait(40) == 0
    assert [process for process in family if process.is_running()] == []
    assert list(tmp_path.glob("*.pid")) == []


def test_where_no_house_has_run_its_settings_are_asked_for_in_vain_and_it_says_so(tmp_path):
    asked = subprocess.run(
        [sys.executable, "-m", "stack", "--root", str(tmp_path), "env", "desk"],
        capture_output=True,
        text=True,
        check=False,
    )

    said = f"depesha: no house has run on {tmp_path} yet: make run starts one\n"
    assert (asked.returncode, asked.stdout, asked.stderr) == (1, "", said)
