"""What `make bench` writes: whole runs and single sections go into one page, and a section that fails is told."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "tests/bench/run.py"
SECTION = """
def run(rounds):
    return [{{"section": "{name}", "name": "a | b", "value": {value} * rounds, "unit": "ms", "goal": "< 9", "met": {met}, "ratio": 1.5}}]
"""


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """`bench("one", "--docs")` runs the command with sections of our own; gives (status, bench.md's rows, bench.json)."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("chassis.logs.configure", lambda *_: None)  # it would log to this test's stderr for ever
    spec = importlib.util.spec_from_file_location("bench_run", RUN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    places = {"HERE": tmp_path / "sections", "OUT": tmp_path / "out", "DOCS": tmp_path / "docs"}
    for name, place in places.items():
        monkeypatch.setattr(module, name, place)
        place.mkdir()
    place = places["HERE"]
    (place / "_helper.py").write_text("raise SystemExit('no section')")
    (place / "run.py").write_text("raise SystemExit('no section')")

    def write(name, value, *, met=True):
        (place / f"{name}.py").write_text(SECTION.format(name=name, value=value, met=met))

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["run.py", *words])
        status = module.main()
        told = places["DOCS"] / "bench.md"
        if not told.exists():
            return status, [], []
        rows = [line for line in told.read_text().splitlines() if line.startswith(("| one", "| two"))]
        return status, rows, json.loads((places["DOCS"] / "bench.json").read_text())

    call.write, call.place, call.out = write, place, places["OUT"]
    return call


def test_a_whole_run_is_told_and_a_later_one_says_what_changed(bench):
    bench.write("one", 2)
    bench.write("two", 12345, met=False)
    bench("all", "--rounds", "1")
    bench.write("one", 3)

    status, rows, known = bench("all", "--rounds", "1")

    assert status == 0
    assert rows[0] == "| one | a \\| b | 3 ms |  | 1.50 | < 9 | yes | +50 % |"
    assert rows[1] == "| two | a \\| b | 12 345 ms |  | 1.50 | < 9 | **no** | +0 % |"
    assert [one["section"] for one in known] == ["one", "two"]
    assert [line.split("|")[1].strip() for line in rows[2:]] == ["one", "two"], "when and on what each was measured"


def test_one_section_changes_only_its_own_rows(bench):
    bench.write("one", 2)
    bench.write("two", 4)
    bench("all", "--rounds", "1")
    bench.write("one", 1)

    bench("one", "--rounds", "1")
    without = (bench.out / "one.json").read_text()
    _, rows, _ = bench("one", "--rounds", "1", "--docs")

    assert json.loads(without)["rows"][0]["value"] == 1
    assert rows[0] == "| one | a \\| b | 1 ms |  | 1.50 | < 9 | yes | -50 % |"
    assert rows[1] == "| two | a \\| b | 4 ms |  | 1.50 | < 9 | yes |  |", "it was not measured again"


def test_a_section_that_fails_is_told_and_the_others_are_measured(bench):
    bench.write("two", 4)
    (bench.place / "one.py").write_text("def run(rounds):\n    raise ValueError('no photos')")

    status, rows, _ = bench("all", "--rounds", "1")

    assert status == 1
    assert rows[0] == "| one | did not come to its end: ValueError: no photos | | | | | **no** | |"
    assert rows[1].startswith("| two | a \\| b | 4 ms |")


def test_a_section_that_there_is_none_of_is_refused(bench):
    bench.write("one", 2)

    with pytest.raises(SystemExit, match="no bench section three; there are: one"):
        bench("three")


def test_at_eighty_columns_words_stay_whole_and_what_a_value_is_compared_with_stands_beneath_it(
    bench, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    (bench.place / "one.py").write_text(
        """
def run(rounds):
    long = "tagging, two workers with a core each, engines on the same cores"
    versus = "one worker: 43.3; engines and relay took 0.61 of the two cores [5]"
    return [{"section": "one", "name": long, "value": 84.12, "unit": "stories/s", "versus": versus, "ratio": 1.739, "goal": ">= 1.8x", "met": False},
            {"section": "one", "name": "the page anew", "value": 12345, "unit": "ms", "goal": "< 1 s", "met": True}]
"""
    )

    bench("one", "--rounds", "1")

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[1].startswith("one  0 s, ")
    assert [" ".join(line.split()) for line in lines[2:]] == [
        "value ratio goal since",
        "tagging, two workers with a core each, 84.12 1.74 ✗ >= 1.8x",
        "engines on the same cores stories/s",
        "one worker: 43.3; engines and relay",
        "took 0.61 of the two cores [5]",
        "the page anew 12 345 ms ✓ < 1 s",
    ]
