"""Redis watched by Sentinel: its master is killed, another takes over, and events go on, each handled once."""

import itertools
import os
import socket
import subprocess
import sys

import psycopg
import pytest
import redis
import ticks

from chassis import celery_app
from stack.processes import die_with_parent, wait_until
from stack.valkey import server_binary

pytestmark = [pytest.mark.stack, pytest.mark.timeout(90)]

SECRET = "of-the-data"
WATCHING = """
port {port}
bind 127.0.0.1
sentinel monitor news 127.0.0.1 {master} 1
sentinel auth-pass news {secret}
sentinel down-after-milliseconds news 300
sentinel failover-timeout news 3000
"""


def free_ports(count):
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture
def start(tmp_path):
    """Starts a process for the time of the test, in a folder of its own."""
    children = []

    def begin(*command, **environment):
        child = subprocess.Popen(
            die_with_parent([str(word) for word in command]),
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            cwd=tmp_path,
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        child.terminate()
    for child in children:
        child.wait(20)


@pytest.fixture
def watched(start, tmp_path):
    """(address by Sentinel, the master's process): a master, a replica of it, and a Sentinel that watches both."""
    binary = server_binary()
    master, replica, sentinel = free_ports(3)
    common = ["--bind", "127.0.0.1", "--save", "", "--requirepass", SECRET, "--masterauth", SECRET]
    common += ["--repl-diskless-sync-delay", 0]
    process = start(binary, *common, "--port", master)
    wait_until(lambda: answers(master), "the master", timeout_s=10)
    start(binary, *common, "--port", replica, "--replicaof", "127.0.0.1", master)
    wait_until(lambda: answers(replica, "master_link_status", "up"), "the replica", timeout_s=10)
    settings = tmp_path / "sentinel.conf"
    settings.write_text(WATCHING.format(port=sentinel, master=master, secret=SECRET))
    start(binary, settings, "--sentinel")
    wait_until(lambda: knows_replica(sentinel), "the Sentinel knows both", timeout_s=20)
    return f"sentinel://:{SECRET}@127.0.0.1:{sentinel}/news/0", process


def answers(port, field="role", value="master"):
    try:
        with redis.Redis(port=port, password=SECRET) as client:
            return client.info("replication").get(field) == value
    except redis.RedisError:
        return False


def knows_replica(port):
    try:
        with redis.Redis(port=port) as client:
            return len(client.sentinel_slaves("news")) == 1
    except redis.RedisError:
        return False


@pytest.fixture
def ticker(stack):
    feeder = ticks.Ticks(stack.admin_url)
    with psycopg.connect(stack.admin_url, autocommit=True) as connection:
        connection.execute("TRUNCATE ticker.sent, ticker.effect, ledger.delivery")
        yield feeder
        connection.execute("DELETE FROM ledger.consumer WHERE consumer = 'ticker'")
    feeder.close()


def test_events_go_on_after_the_master_died(start, stack, watched, ticker):
    url, master = watched
    settings = stack.environment("relay")
    start(sys.executable, "-m", "chassis", "relay", **{**settings, "DEPESHA_REDIS_URL": url})
    start(
        sys.executable, ticks.__file__, "ticker-1",
        CHAOS_DATABASE=stack.admin_url, CHAOS_REDIS=url, CHAOS_DIE="100000",
    )  # fmt: skip
    numbers = itertools.count()
    send = lambda count: [ticker.send(number) for number in itertools.islice(numbers, count)]  # noqa: E731
    send(20)
    wait_until(lambda: ticker.left() == 0, "events before", timeout_s=30)

    master.kill()
    master.wait()
    send(20)
    wait_until(lambda: is_up(url), "another master", timeout_s=20)
    send(20)
    wait_until(lambda: ticker.left() == 0, "events after", timeout_s=40)

    counts = ticker.count()
    assert (counts["sent"], counts["lost"], counts["doubled"]) == (120, 0, 0)


def is_up(url):
    try:
        celery_app.check(url)
    except redis.RedisError:
        return False
    return True
