"""The small version of `make fuzz`."""

import subprocess
import sys
from pathlib import Path

import pytest

from stack.engines import SERVICES
from stack.processes import die_with_parent

pytestmark = pytest.mark.stack


@pytest.mark.timeout(300)
def test_every_api_keeps_what_its_document_promises(capsys):
    command = [
        sys.executable,
        str(Path(__file__).with_name("fuzz.py")),
        "--seconds",
        "6",
        "--examples",
        "5",
        "--seed",
        "1",
    ]

    done = subprocess.run(die_with_parent(command), capture_output=True, text=True, check=False)

    counts = [line for line in done.stdout.splitlines() if " operations, " in line]
    with capsys.disabled():
        print("".join(f"\n  fuzzed {line}" for line in counts), end="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(counts) == len(SERVICES)
