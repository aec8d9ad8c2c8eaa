import json
import os
import signal
import sys
from collections import Counter

import psutil
import pytest

from chassis.scaling import scale
from stack.house import Process
from stack.processes import wait_until
from stack.supervisor import Supervisor, readable, resident_bytes

pytestmark = pytest.mark.timeout(60)

STAYS = "import time\nprint('here', flush=True)\ntime.sleep(300)"
DIES = "raise SystemExit('no bread left')"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('here', flush=True)\ntime.sleep(300)"
)


@pytest.fixture
def keep(tmp_path):
    """`keep(baker=CODE)` supervises Python programs; what they say is in `.said`."""
    kept = []

    def start(**programs):
        said = []
        processes = [Process(name, (sys.executable, "-c", code), {}) for name, code in programs.items()]
        supervisor = Supervisor(processes, tmp_path, lambda *line: said.append(line))
        supervisor.said = said
        kept.append(supervisor)
        supervisor.start()
        return supervisor

    yield start
    for supervisor in kept:
        supervisor.stop()


def wait_for(supervisor, line):
    wait_until(lambda: line in supervisor.said, str(line), timeout_s=20)


def wait_for_count(supervisor, name, count):
    wait_until(lambda: len(supervisor.pids(name)) == count, f"{count} of {name}", timeout_s=20)


def test_a_process_that_is_killed_is_started_again(keep):
    supervisor = keep(baker=STAYS)
    wait_for(supervisor, ("baker", "info", "here"))
    [first] = supervisor.pids("baker")

    os.kill(first, signal.SIGKILL)

    wait_until(lambda: supervisor.pids("baker") not in ([], [first]), "another baker", timeout_s=20)
    assert not psutil.pid_exists(first)
    assert ("baker", "warning", "baker ended (-9) and is started again in 1.0 s. It said last: here") in supervisor.said


def test_one_that_keeps_dying_is_started_later_each_time_and_its_last_words_are_told(keep):
    supervisor = keep(baker=DIES)

    for pause in ("1.0", "2.0"):
        wait_for(
            supervisor,
            ("baker", "warning", f"baker ended (1) and is started again in {pause} s. It said last: no bread left"),
        )


def test_a_death_leaves_the_others_alone(keep):
    supervisor = keep(baker=DIES, miller=STAYS)
    wait_for(supervisor, ("miller", "info", "here"))
    before = supervisor.pids("miller")

    wait_until(lambda: any(line[:2] == ("baker", "warning") for line in supervisor.said), "a death", timeout_s=20)

    assert supervisor.pids("miller") == before


def test_a_running_house_scales_up_and_down(keep, tmp_path):
    supervisor = keep(baker=STAYS)

    scale(tmp_path, "baker", 3)
    wait_for_count(supervisor, "baker", 3)
    scale(tmp_path, "baker", 0)
    wait_for_count(supervisor, "baker", 0)

    assert json.loads((tmp_path / "scale.json").read_text()) == {"baker": 0}


@pytest.mark.parametrize(
    ("name", "count", "why"),
    [("butcher", 1, "no process 'butcher'; there are: baker"), ("baker", -1, "-1 copies"), ("baker", 65, "65 copies")],
)
def test_a_scale_that_makes_no_sense_is_refused_and_changes_nothing(keep, tmp_path, name, count, why):
    keep(baker=STAYS)

    with pytest.raises(LookupError, match=why):
        scale(tmp_path, name, count)

    assert not (tmp_path / "scale.json").exists()


def test_stopping_ends_all_even_the_stubborn_and_forgets_their_pids(keep, tmp_path, monkeypatch):
    monkeypatch.setattr("stack.supervisor.GRACE_S", 0.5)
    supervisor = keep(baker=STAYS, mule=STUBBORN)
    wait_until(lambda: Counter(supervisor.said)[("mule", "info", "here")] == 1, "the mule", timeout_s=20)
    pids = supervisor.pids()
    noted = {json.loads(file.read_text())["pid"] for file in tmp_path.glob("*.pid")}

    supervisor.stop()

    assert noted == set(pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert list(tmp_path.glob("*.pid")) == []


def test_every_line_is_kept_in_a_log_of_its_process(keep, tmp_path):
    supervisor = keep(baker=STAYS)
    wait_for(supervisor, ("baker", "info", "here"))

    assert (tmp_path / "logs" / "baker.log").read_text() == "here\n"


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        (
            '{"service": "desk", "level": "warning", "timestamp": "2026-02-03T04:05:06.7Z", "message": "late", "story_id": 7}',
            "warning",
            "04:05:06 late story_id=7",
        ),
        ("Traceback (most recent call last):", "info", "Traceback (most recent call last):"),
        ("[1, 2]", "info", "[1, 2]"),
        ('{"torn": ', "info", '{"torn": '),
    ],
)
def test_json_logs_become_lines_for_people_and_other_lines_stay(line, level, text):
    assert readable(line) == (level, text)


def test_memory_of_processes_that_are_gone_counts_nothing(keep):
    supervisor = keep(baker=STAYS)
    wait_for(supervisor, ("baker", "info", "here"))
    pids = supervisor.pids()

    alive = resident_bytes(pids)
    supervisor.stop()

    assert alive > 2**20
    assert resident_bytes(pids) == 0
