"""The small version of `make chaos`, and a kill at every statement boundary of a handler."""

import json
import multiprocessing
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import ticks

from chassis import ledger
from chassis.relay import pack
from stack.processes import die_with_parent

pytestmark = pytest.mark.stack
BOUNDARIES = 12
WORKERS = multiprocessing.get_context("forkserver")
WORKERS.set_forkserver_preload(["celery", "chassis.worker", "stack.house"])


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_nothing_is_lost_doubled_stale_or_stuck_in_a_short_run(tmp_path):
    chaos = Path(__file__).with_name("chaos.py")
    command = [sys.executable, str(chaos), "--seconds", "60", "--stories", "150", "--small", "4000"]

    done = subprocess.run(
        die_with_parent([*command, "--out", str(tmp_path)]), capture_output=True, text=True, timeout=240, check=False
    )

    report = json.loads((tmp_path / "report.json").read_text())
    wrong = {
        name: report[name] for name in ("lost", "stale", "doubled", "stuck", "refused", "small_lost", "small_doubled")
    }
    assert wrong == {
        "lost": [], "stale": [], "doubled": [], "stuck": [], "refused": 0, "small_lost": 0, "small_doubled": 0,
    }, done.stdout  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert report["stories"] > 20
    assert report["small_events"] > 1000
    assert len(report["faults"]) > 25
    assert report["objects"] > len(report["orphans"])


def test_a_kill_at_any_statement_boundary_of_a_handler_leaves_its_effect_exactly_once(stack):
    feeder = ticks.Ticks(stack.admin_url)
    with psycopg.connect(stack.admin_url, autocommit=True) as connection:
        connection.execute("TRUNCATE ticker.sent, ticker.effect, ledger.delivery")
        ledger.declare_consumer(connection, "ticker", in_flight=100, lease_s=0.001)
        try:
            deaths = [_handle(connection, feeder, stack.admin_url, boundary) for boundary in range(BOUNDARIES)]
            counts = feeder.count()
        finally:
            connection.execute("DELETE FROM ledger.consumer WHERE consumer = 'ticker'")
            feeder.close()

    assert (counts["sent"], counts["lost"], counts["doubled"]) == (2 * BOUNDARIES, 0, 0)
    # BEGIN, mark, effect, event, COMMIT, each before and after
    assert deaths == [2] * 9 + [1] + [0] * (BOUNDARIES - 10)


def _handle(connection, feeder, admin_url, boundary):
    """Feed one tick; its worker dies at this boundary, the one after it, too, the third lives. Returns the deaths."""
    assert feeder.send(boundary)
    deaths = 0
    while feeder.left():
        messages = [json.loads(message[3]) for message in pack(ledger.claim_due(connection, 100))]
        is_to_die = deaths < 2 and "chaos.ticked" in json.dumps(messages)
        arguments = (admin_url, messages, boundary if is_to_die else -1)
        child = WORKERS.Process(target=ticks.handle_and_die, args=arguments)
        child.start()
        child.join(20)
        deaths += child.exitcode == -signal.SIGKILL
    return deaths
