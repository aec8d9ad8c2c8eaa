import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter

import psutil
import pytest

from chassis import restarting
from chassis.scaling import NotScalable, scale
from stack.child import readable
from stack.house import Process
from stack.ports import answers
from stack.processes import wait_until
from stack.supervisor import Supervisor, resident_bytes

pytestmark = pytest.mark.timeout(60)

STAYS = "import time\nprint('here', flush=True)\ntime.sleep(300)"
DIES = "raise SystemExit('no bread left')"
TELLS = "from chassis import handover\nhandover.tell_ready()\n" + STAYS
SERVES = """
import signal
from chassis import handover
door, leaving = handover.listening_socket(), []
door.settimeout(0.02)
signal.signal(signal.SIGTERM, lambda *_: leaving.append(True))
handover.tell_ready()
while not leaving:
    try:
        guest, _ = door.accept()
    except TimeoutError:
        continue
    guest.settimeout(5)
    guest.sendall(b"bread")
    guest.close()
"""
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('here', flush=True)\ntime.sleep(300)"
)


@pytest.fixture
def keep(tmp_path):
    """`keep(baker=CODE)` supervises Python programs; what they say is in `.said`."""
    kept = []

    def start(*, port=0, tells_ready=False, **programs):
        said = []
        processes = [
            Process(name, (sys.executable, "-c", code), {}, port, tells_ready) for name, code in programs.items()
        ]
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


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


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


def test_copies_are_replaced_one_after_another_and_a_new_one_is_ready_before_an_old_one_goes(keep, tmp_path):
    supervisor = keep(tells_ready=True, baker=TELLS, miller=TELLS)
    scale(tmp_path, "baker", 2)
    wait_for_count(supervisor, "baker", 2)
    wait_until(lambda: Counter(supervisor.said)[("baker", "info", "here")] == 2, "both", timeout_s=20)
    before, millers = supervisor.pids("baker"), supervisor.pids("miller")
    fewest = []
    watching = threading.Event()

    def count_living():
        while not watching.wait(0.01):
            fewest.append(len(supervisor.pids("baker")))

    counting = threading.Thread(target=count_living)
    counting.start()
    restarting.restart(tmp_path, "baker")
    watching.set()
    counting.join()

    after = supervisor.pids("baker")
    assert set(fewest) == {2}
    assert (len(after), set(after) & set(before)) == (2, set())
    assert not any(psutil.pid_exists(pid) for pid in before)
    assert supervisor.pids("miller") == millers
    assert {json.loads(file.read_text())["pid"] for file in tmp_path.glob("baker.*.pid")} == set(after)


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (DIES, r"baker: the new one ended \(1\)\. It said last: no bread left; the old one goes on"),
        (STAYS, r"baker: the new one was not ready within 0\.5 s; the old one goes on"),
    ],
)
def test_where_no_new_one_becomes_ready_the_old_one_goes_on(keep, tmp_path, monkeypatch, new, why):
    monkeypatch.setattr("stack.supervisor.READY_WITHIN_S", 0.5 if new == STAYS else 20)
    recipe = tmp_path / "recipe.py"
    recipe.write_text(TELLS)
    supervisor = keep(tells_ready=True, baker=f"exec(open({str(recipe)!r}).read())")
    wait_for(supervisor, ("baker", "info", "here"))
    before, children = supervisor.pids("baker"), psutil.Process().children()

    recipe.write_text(new)
    with pytest.raises(restarting.NotRestarted, match=why):
        restarting.restart(tmp_path, "baker")

    assert supervisor.pids("baker") == before
    assert psutil.pid_exists(before[0])
    assert psutil.Process().children() == children, "the new one is gone"


def test_whoever_comes_while_one_is_replaced_or_dead_waits_at_the_door(keep, tmp_path):
    port = free_port()
    supervisor = keep(tells_ready=True, port=port, baker=SERVES)
    told, closing = [], threading.Event()

    def come():
        while not closing.is_set():
            with socket.create_connection(("127.0.0.1", port), timeout=20) as guest:
                told.append(guest.recv(10))

    guests = [threading.Thread(target=come) for _ in range(4)]
    for guest in guests:
        guest.start()
    wait_until(lambda: len(told) > 10, "guests are served", timeout_s=20)
    restarting.restart(tmp_path, "baker")
    restarting.restart(tmp_path, "baker")
    closing.set()
    for guest in guests:
        guest.join()

    assert set(told) == {b"bread"}
    scale(tmp_path, "baker", 0)
    wait_until(lambda: not answers(port), "nobody is wanted, so nobody waits", timeout_s=20)
    scale(tmp_path, "baker", 1)
    wait_until(lambda: answers(port), "the door is open again", timeout_s=20)
    assert len(supervisor.pids("baker")) == 1


def test_what_cannot_tell_that_it_is_ready_is_ended_and_started_again(keep, tmp_path):
    supervisor = keep(baker=STAYS)
    wait_for(supervisor, ("baker", "info", "here"))
    before = supervisor.pids("baker")

    restarting.restart(tmp_path, "baker")

    wait_until(lambda: supervisor.pids("baker") not in ([], before), "another baker", timeout_s=20)


def test_names_are_all_or_a_service_or_a_process_and_consumers_come_first(keep, tmp_path):
    keep(**{"desk-api": STAYS, "desk-worker": STAYS, "relay": STAYS})

    assert restarting.chosen(tmp_path, "all") == ["desk-worker", "relay", "desk-api"]
    assert restarting.chosen(tmp_path, "desk") == ["desk-worker", "desk-api"]
    assert restarting.chosen(tmp_path, "desk-api") == ["desk-api"]
    with pytest.raises(NotScalable, match="no process 'butcher'; there are: desk-api, desk-worker, relay"):
        restarting.chosen(tmp_path, "butcher")


def test_where_nobody_supervises_a_restart_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("chassis.restarting.SILENT_FOR_S", 0.2)

    with pytest.raises(
        restarting.NotRestarted, match=r"baker: nobody has supervised it for 0\.2 s; does the house run"
    ):
        restarting.restart(tmp_path, "baker")


def test_a_restart_waits_for_a_new_one_that_takes_its_time(keep, tmp_path, monkeypatch):
    monkeypatch.setattr("chassis.restarting.SILENT_FOR_S", 1)
    supervisor = keep(tells_ready=True, baker=f"import time\ntime.sleep(1.5)\n{TELLS}")
    wait_for(supervisor, ("baker", "info", "here"))

    assert restarting.restart(tmp_path, "baker") > 1.5


HOUSE = f"""
import sys, time
from pathlib import Path
from stack.house import Process
from stack.supervisor import Supervisor
baker = Process("baker", (sys.executable, "-c", {STAYS!r}), {{}}, 0, True)
Supervisor([baker], Path(sys.argv[1]), lambda *line: print(line[2], flush=True)).start()
time.sleep(300)
"""


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (lambda _: None, r"baker: nobody has supervised it for 1 s; does the house run"),
        (restarting.forget, "baker: another restart of it took this one's place, or the house itself was started anew"),
    ],
)
def test_a_restart_ends_when_its_supervisor_is_killed_in_mid_way(tmp_path, monkeypatch, happens, words):
    monkeypatch.setattr("chassis.restarting.SILENT_FOR_S", 1)
    with subprocess.Popen([sys.executable, "-c", HOUSE, str(tmp_path)], stdout=subprocess.PIPE) as house:
        house.stdout.readline()
        ended = []

        def restart():
            with pytest.raises(restarting.NotRestarted, match=words):
                restarting.restart(tmp_path, "baker")
            ended.append(True)

        asking = threading.Thread(target=restart, daemon=True)
        asking.start()
        wait_until(lambda: b"here" in house.stdout.readline(), "the new one is there", timeout_s=20)
        house.kill()
        happens(tmp_path)
        asking.join(20)

    assert ended


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
