"""docs/threats.md names a test for each threat; they are there, and none is named that is not."""

import re
from pathlib import Path

HOUSE = Path(__file__).parents[2]


def test_every_test_that_the_threats_name_exists():
    page = (HOUSE / "docs" / "threats.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    tests = [path for part in ("services", "shared", "tests") for path in (HOUSE / part).rglob("test_*.py")]
    there = {name for path in tests for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))}

    assert len(named) > 40
    assert named - there == set()
