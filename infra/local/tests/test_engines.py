import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from chassis.bucket import Bucket
from chassis.settings import Settings
from stack.engines import USUAL_PORTS, start_engines
from stack.ports import Ports, can_bind
from stack.postgres import Postgres
from stack.processes import EngineError, as_nobody, end_leftovers, remember, wait_until
from stack.s3 import S3

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

HOLD = """
import sys, time
from pathlib import Path
from stack.engines import USUAL_PORTS, start_engines
USUAL_PORTS.update(dict.fromkeys(USUAL_PORTS, 0))
engines = start_engines(Path(sys.argv[1]))
print(*(engine.process.pid for engine in engines.all), flush=True)
sys.stdin.read()
engines.stop()
"""


@pytest.fixture(scope="module", autouse=True)
def _own_ports():
    """Not the usual ones: an engine that is down for a moment must not lose its port to a `make run` beside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stack.engines.USUAL_PORTS", dict.fromkeys(USUAL_PORTS, 0))
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def engines(root):
    started = start_engines(root)
    yield started
    started.stop()


def run_elsewhere(root, *prefix, **environment):
    """The engines held by another process, and their pids."""
    holder = subprocess.Popen(
        [*prefix, sys.executable, "-c", HOLD, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    return holder, [int(pid) for pid in holder.stdout.readline().split()]


def bucket(engines, name):
    key = {"s3_access_key": engines.s3.access_key, "s3_secret_key": engines.s3.secret_key}
    settings = Settings(**{**engines.settings("desk"), **key})
    return {one.name: one for one in (Bucket.private(settings), Bucket.public(settings))}[name]


def status_of(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_nothing_is_left_in_the_machines_own_folder(engines):
    sockets = {path.name for path in Path("/tmp").glob(f"seaweedfs-*-{engines.s3.port}.sock")}
    engines.s3.stop()
    after = {path.name for path in Path("/tmp").glob(f"seaweedfs-*-{engines.s3.port}.sock")}
    engines.s3.start()

    assert sockets
    assert after == set()


def test_all_engines_answer_on_loopback_alone(engines):
    listening = {
        address.laddr.ip
        for engine in engines.all
        for process in [psutil.Process(engine.process.pid), *psutil.Process(engine.process.pid).children()]
        for address in process.net_connections("inet")
        if address.status == psutil.CONN_LISTEN
    }

    assert all(engine.is_ready() for engine in engines.all)
    assert listening == {"127.0.0.1"}


def test_postgresql_is_18_never_root_and_keeps_what_it_commits(engines):
    with psycopg.connect(engines.admin_url) as connection:
        version, synced, connections = (
            connection.execute(f"SHOW {name}").fetchone()[0] for name in ("server_version", "fsync", "max_connections")
        )

    assert (version.partition(".")[0], synced, connections) == ("18", "on", "200")
    assert psutil.Process(engines.postgres.process.pid).uids().effective != 0


def test_valkey_evicts_nothing_and_writes_each_second_to_disk(engines):
    with redis.Redis.from_url(engines.valkey.url, decode_responses=True) as client:
        settings = client.config_get("maxmemory-policy", "appendonly", "appendfsync")

    assert settings == {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec"}


def test_anybody_reads_the_public_bucket_and_nobody_the_private_one(engines):
    for name in ("depesha-public", "depesha-private"):
        bucket(engines, name).put("a.txt", b"one", content_type="text/plain")

    assert status_of(f"{engines.s3.url}/depesha-public/a.txt") == 200
    assert status_of(f"{engines.s3.url}/depesha-private/a.txt") == 403
    assert status_of(f"{engines.s3.url}/depesha-public/?list-type=2") == 403
    with pytest.raises(urllib.error.HTTPError, match="403") as caught:
        urllib.request.urlopen(
            urllib.request.Request(f"{engines.s3.url}/depesha-public/b.txt", b"mine", method="PUT"), timeout=5
        )
    caught.value.close()


@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
def test_an_engine_that_stops_dies_or_crashes_comes_back_with_its_data(engines, end):
    with psycopg.connect(engines.admin_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (said text)")
        connection.execute("INSERT INTO note VALUES (%s)", (end,))
    bucket(engines, "depesha-private").put(f"{end}.txt", end.encode(), content_type="text/plain")
    before = [psutil.Process(engine.process.pid) for engine in engines.all]

    for engine in engines.all:
        getattr(engine, end if hasattr(engine, end) else "kill")()
    gone = [not process.is_running() for process in before]
    for engine in engines.all:
        engine.start()

    assert gone == [True, True, True]
    with psycopg.connect(engines.admin_url) as connection:
        assert connection.execute("SELECT count(*) FROM note WHERE said = %s", (end,)).fetchone() == (1,)
    assert bucket(engines, "depesha-private").get(f"{end}.txt") == end.encode()


def test_a_second_run_on_the_same_folder_is_refused_and_harms_nothing(engines, root):
    with pytest.raises(EngineError, match=f"runs already on .* \\(process {os.getpid()}\\)"):
        start_engines(root)

    assert all(engine.is_ready() for engine in engines.all)


def test_a_second_folder_takes_other_ports(engines, tmp_path):
    second = start_engines(tmp_path)
    try:
        both = {engine.port for engine in engines.all} & {engine.port for engine in second.all}
        assert all(engine.is_ready() for engine in second.all)
    finally:
        second.stop()

    assert both == set()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the next start ends what is left")
def test_engines_die_with_the_process_that_holds_them_and_start_again(tmp_path):
    holder, pids = run_elsewhere(tmp_path)
    processes = [psutil.Process(pid) for pid in pids]

    holder.kill()
    holder.communicate()

    psutil.wait_procs(processes, timeout=20)
    assert [process.is_running() for process in processes] == [False, False, False]
    again = start_engines(tmp_path)
    assert all(engine.is_ready() for engine in again.all)
    again.stop()


def test_who_reads_the_note_of_a_process_finds_it_whole_while_it_is_written_again(tmp_path):
    note = tmp_path / "engine.pid"
    remember(note, os.getpid())

    with note.open() as reader:
        remember(note, os.getppid())
        read = json.load(reader)

    assert (read["pid"], json.loads(note.read_text())["pid"]) == (os.getpid(), os.getppid())
    assert list(tmp_path.iterdir()) == [note]


def test_what_a_killed_run_left_is_ended_and_a_stranger_with_its_pid_is_not(tmp_path):
    left, stranger = (subprocess.Popen(["sleep", "300"]) for _ in range(2))
    remember(tmp_path / "left.pid", left.pid)
    (tmp_path / "stranger.pid").write_text(json.dumps({"pid": stranger.pid, "started": 1.0}))
    (tmp_path / "torn.pid").write_text('{"pid": ')

    ended = end_leftovers(tmp_path)

    assert ended == [left.pid]
    assert not psutil.pid_exists(left.pid)
    left.poll()
    assert stranger.poll() is None
    assert list(tmp_path.glob("*.pid")) == []
    stranger.kill()
    stranger.wait()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_runs_them_too():
    folder = Path("/tmp") / f"depesha-user-{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o777)
    nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    reach = (  # as if the checkout were the user's own
        "--securebits=+no_setuid_fixup",
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
    )
    try:
        holder, pids = run_elsewhere(folder / "root", nobody[0], *reach, *nobody[1:], HOME="/tmp")
        owners = {psutil.Process(pid).username() for pid in pids}
        holder.communicate("")
        assert (len(pids), owners, holder.returncode) == (3, {"nobody"}, 0)
        assert not any(psutil.pid_exists(pid) for pid in pids)
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user needs no such thing")
@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ("", "dac_read_search"),
        ("-dac_read_search", "dac_override"),
        ("-dac_read_search,-dac_override", ""),
        ("-setpcap", ""),
    ],
)
def test_root_without_some_capabilities_finds_another_way_or_says_what_to_do(tmp_path, taken, left):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    ask = "import sys; from pathlib import Path; from stack.processes import as_nobody; print(as_nobody(['true'], Path(sys.argv[1])))"
    limit = ["setpriv", f"--bounding-set={taken}"] if taken else []

    done = subprocess.run(
        [*limit, sys.executable, "-c", ask, str(closed / "postgres")], capture_output=True, text=True, check=False
    )

    assert (f"--ambient-caps=+{left}" in done.stdout) is bool(left)
    assert ("chmod o+x" in done.stderr) is not left


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user needs no such thing")
def test_postgres_of_a_checkout_that_is_closed_to_others_finds_its_own_programs(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "postgres"
    program.touch(mode=0o755)
    ask = "import os, sys; sys.exit(not os.access(sys.argv[1], os.R_OK | os.X_OK))"  # as initdb asks
    command = [sys.executable, "-c", ask, str(program)]

    done = subprocess.run(as_nobody(command, program, Path(sys.executable)), check=False)

    assert done.returncode == 0


def test_root_needs_no_power_to_reach_what_is_open_to_all():
    command = as_nobody(["true"], Path("/usr/bin/env"))

    assert not any("caps" in word for word in command)


def test_a_taken_port_is_left_alone_and_a_free_one_kept(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]

        ports = Ports(tmp_path)
        chosen = ports.take("s3", taken, pair=True)
        ports.save()

    assert chosen != taken
    assert can_bind(chosen)
    assert can_bind(chosen + 10_000)
    assert Ports(tmp_path).take("s3", taken, pair=True) == chosen


def test_of_two_houses_that_took_each_others_ports_and_gave_up_each_starts_on_others(tmp_path, monkeypatch):
    tried = []

    def start(engines):
        tried.append({engine.port for engine in engines})
        if len(tried) == 1:
            raise EngineError("s3 on port 8333 ended; its log ends with:\nlisten tcp: bind: address already in use")

    monkeypatch.setattr("stack.engines._start", start)

    started = start_engines(tmp_path)
    started.lock.close()

    assert len(tried) == 2
    assert tried[0] & tried[1] == set()
    assert {engine.port for engine in started.all} == tried[1]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can leave a socket of somebody else")
def test_a_port_whose_socket_another_user_left_behind_is_not_taken(tmp_path):
    port = Ports(tmp_path).take("s3", 0, pair=True)
    left = Path(f"/tmp/seaweedfs-s3-{port}.sock")
    left.touch()
    os.chown(left, 65534, 65534)
    try:
        assert Ports(tmp_path).take("s3", port, pair=True) != port
    finally:
        left.unlink()


def test_an_engine_that_cannot_start_says_why_with_its_log(engines, monkeypatch):
    engine = engines.valkey
    engine.stop()
    monkeypatch.setattr(type(engine), "command", lambda _: ["sh", "-c", "echo the disk is full; exit 3"])

    with pytest.raises(EngineError, match=r"valkey on port .* ended; its log ends with:\n(.|\n)*the disk is full"):
        engine.start()

    monkeypatch.undo()
    engine.start()


def test_an_s3_server_that_does_not_end_when_asked_is_ended_after_its_own_patience(tmp_path, monkeypatch):
    monkeypatch.setattr(S3, "stop_within_s", 0.5)
    monkeypatch.setattr(S3, "command", lambda _: ["sh", "-c", "trap '' TERM; echo deaf; sleep 300"])
    deaf = S3("s3", tmp_path, 1)
    deaf.launch()
    wait_until(lambda: "deaf" in deaf.log_file.read_text(), "its word")
    process, asked_at = psutil.Process(deaf.process.pid), time.monotonic()

    deaf.stop()

    assert 0.5 <= time.monotonic() - asked_at < Postgres.stop_within_s
    assert not process.is_running()
    assert not deaf.pid_file.exists()


def test_waiting_for_what_never_comes_ends_in_time():
    with pytest.raises(TimeoutError, match="godot was not ready after 0 s"):
        wait_until(lambda: False, "godot", timeout_s=0.1)
