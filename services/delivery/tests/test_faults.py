"""What hostile and broken sites, and dying workers and engines, cannot do: nothing is lost, repeats have the same id, a site's trouble is its own."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import redis
import trustme

from contracts.events import StoryCorrected, StoryKilled, StoryPublished
from delivery import bootstrap
from delivery.handlers import Drain
from delivery.sender import READ_BYTES, Sender
from delivery.store import Deliveries, Endpoints
from stack.processes import wait_until

from .webhooks import LOOPBACK, VAULT, Site, announce, desk_settings, drain, fact, make_due, states, subscribe

pytestmark = pytest.mark.stack


def raw(*parts, pause_s=0.0):
    """An answer of exactly these bytes, then the end of the connection."""

    def answer(handler):
        handler.close_connection = True
        try:
            for part in parts:
                handler.wfile.write(part)
                handler.wfile.flush()
                handler.server.stopping.wait(pause_s)
        except OSError:
            return

    return answer


def hang(handler):
    handler.close_connection = True
    handler.server.stopping.wait(5)


def reset_in_the_body(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    socket.close(handler.connection.detach())


OK = b"HTTP/1.1 200 OK\r\n"
DRIP = raw(OK + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 100, pause_s=0.05)
GIGABYTE = raw(OK + b"Content-Length: 1073741824\r\n\r\n", *[b"x" * 65_536] * 16_384)
BOMB = zlib.compress(b"\0" * 50_000_000, wbits=31)
BOMBED = raw(OK + f"Content-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n".encode() + BOMB)
METADATA = raw(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "state", "status", "error"),
    [
        pytest.param(hang, "pending", None, "no whole answer within 1 s", id="hangs"),
        pytest.param(DRIP, "pending", None, "no whole answer within 1 s", id="drips"),
        pytest.param(GIGABYTE, "delivered", 200, "", id="sends a gigabyte"),
        pytest.param(BOMBED, "delivered", 200, "", id="sends a gzip bomb"),
        pytest.param(METADATA, "pending", 302, "", id="redirects to the cloud's metadata"),
        pytest.param(reset_in_the_body, "pending", None, "reset", id="resets in the body"),
        pytest.param(raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "pending", None, "Bad status line", id="speaks SSH"),
        pytest.param(raw(b"HTTP/1.1 2OO OK\r\n\r\n"), "pending", None, "status", id="has no number for a status"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000), "pending", None, "more than", id="sends endless headers"
        ),
        pytest.param(raw(b""), "pending", None, "disconnected", id="closes at once"),
        pytest.param(
            raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "pending", None, "", id="cannot count its chunks"
        ),
    ],
)
def test_a_hostile_site_costs_a_bounded_time_and_never_a_worker(client, database, site, answer, state, status, error):
    subscribe(client, site)
    drain(database)
    site.answer = answer
    started, before_kb = time.monotonic(), peak_kb()

    announce(database, fact(StoryPublished))
    drain(database, timeout_s=1.0)

    assert time.monotonic() - started < 4
    assert peak_kb() - before_kb < 30_000
    assert states(database) == [(1, state, 1, status)]
    assert len(site.got) == 1
    [attempt] = attempts(database)
    assert error in attempt["error"]
    assert len(attempt["answer"]) <= 4096


def peak_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def attempts(database):
    with database.connection() as connection:
        names = ("error", "answer", "status_code", "dns_ms", "connect_ms", "tls_ms", "first_byte_ms")
        rows = connection.execute(
            f"SELECT {', '.join(names)} FROM attempt WHERE delivery_id IN (SELECT delivery_id FROM delivery WHERE story_id IS NOT NULL) ORDER BY at"
        ).fetchall()
        return [dict(zip(names, row, strict=True)) for row in rows]


def test_no_more_than_16_kib_of_an_answer_are_read(client, database, site):
    sent = []

    def endless(handler):
        handler.close_connection = True
        handler.wfile.write(OK + b"\r\n")
        try:
            while len(sent) < 10_000:
                sent.append(handler.wfile.write(b"x" * READ_BYTES))
        except OSError:
            return

    subscribe(client, site)
    drain(database)
    site.answer = endless
    announce(database, fact(StoryPublished))
    drain(database)

    assert len(sent) < 1000  # what the sockets' buffers take, far from 10 000


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(client, database, site, status):
    subscribe(client, site)
    drain(database)
    site.answer = raw(f"HTTP/1.1 {status} Wait\r\nRetry-After: 1800\r\nContent-Length: 0\r\n\r\n".encode())

    announce(database, fact(StoryPublished))
    drain(database)

    with database.connection() as connection:
        [(wait_s,)] = connection.execute(
            "SELECT extract(epoch FROM due_at - now())::float8 FROM delivery WHERE state = 'pending'"
        ).fetchall()
    assert wait_s == pytest.approx(1800, abs=10)


def test_a_name_that_points_elsewhere_at_the_second_look_is_not_connected_to(client, database, monkeypatch):
    """DNS rebinding: a public address for whoever checks, the loopback for whoever connects."""
    connected = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: connected.append(address))
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])

    def resolve(host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in next(answers)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert [row[4][0] for row in socket.getaddrinfo("rebind.example", 80)] == ["93.184.215.14"]
    with database.unit_of_work() as uow:
        Endpoints(uow.connection).add(uuid4(), {"name": "x", "url": "http://rebind.example/", "state": "active"})
    announce(database, fact(StoryPublished))

    Drain(database, Sender((), 1.0, VAULT), 10).run()

    [attempt] = attempts(database)
    assert attempt["error"] == "rebind.example: 127.0.0.1 is not a public address"
    assert connected == []


@pytest.mark.parametrize(
    "url", ["http://[::ffff:127.0.0.1]:9/", "http://2130706433:9/", "http://0x7f.1:9/", "http://[64:ff9b::7f00:1]:9/"]
)
def test_no_spelling_of_an_address_gets_past_the_rules(database, url, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was tried"))
    with database.unit_of_work() as uow:
        Endpoints(uow.connection).add(uuid4(), {"name": "x", "url": url, "state": "active"})
    announce(database, fact(StoryPublished))

    Drain(database, Sender((), 1.0, VAULT), 10).run()

    [attempt] = attempts(database)
    assert attempt["status_code"] is None
    assert "is not a public address" in attempt["error"] or "not a canonical IPv4 address" in attempt["error"]


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """A certificate authority that we trust, as an operator would say it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def secured(authority, *names, wants_client=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    if wants_client:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return Site(context)


def test_the_time_of_a_new_connection_is_told_in_parts(client, database, authority):
    site = secured(authority, "localhost")
    subscribe(client, site, url=site.url.replace("127.0.0.1", "localhost"))
    announce(database, fact(StoryPublished))

    drain(database)
    site.close()

    assert states(database) == [(1, "delivered", 1, 204)]
    with database.connection() as connection:
        parts = connection.execute(
            "SELECT dns_ms, connect_ms, tls_ms, first_byte_ms, elapsed_ms FROM attempt ORDER BY at LIMIT 1"
        ).fetchone()
    dns, connect, tls, first_byte, elapsed = parts
    assert all(one > 0 for one in parts)
    assert dns + connect + tls < first_byte <= elapsed


@pytest.mark.parametrize(
    ("names", "trusted", "error"),
    [
        (("other.example",), True, "IP address mismatch"),
        (("127.0.0.1",), False, "unable to get local issuer certificate"),
    ],
    ids=["another's name", "an unknown authority"],
)
def test_a_certificate_that_is_not_the_site_s_is_not_talked_to(client, database, authority, names, trusted, error):
    site = secured(authority if trusted else trustme.CA(), *names)
    with database.unit_of_work() as uow:
        Endpoints(uow.connection).add(uuid4(), {"name": "x", "url": site.url, "state": "active"})
    announce(database, fact(StoryPublished))

    drain(database)
    site.close()

    [attempt] = attempts(database)
    assert error in attempt["error"]
    assert site.got == []


def test_a_site_that_wants_a_client_certificate_gets_it_and_its_own_headers(client, database, authority):
    site = secured(authority, "127.0.0.1", wants_client=True)
    ours = authority.issue_cert("news.example.org")
    pem = ours.private_key_pem.bytes().decode() + "".join(one.bytes().decode() for one in ours.cert_chain_pems)
    subscribe(client, site, certificate=pem, headers={"Authorization": "Bearer abc", "X-Partner": "7"})
    announce(database, fact(StoryPublished))

    drain(database)
    site.close()

    [(headers, _)] = site.got
    assert (headers["authorization"], headers["x-partner"]) == ("Bearer abc", "7")
    with database.connection() as connection:
        sealed = connection.execute("SELECT certificate || headers FROM endpoint").fetchone()[0]
    assert "PRIVATE KEY" not in sealed
    assert "abc" not in sealed


def test_without_the_client_certificate_it_is_a_failure_like_another(client, database, authority):
    site = secured(authority, "127.0.0.1", wants_client=True)
    with database.unit_of_work() as uow:
        Endpoints(uow.connection).add(uuid4(), {"name": "x", "url": site.url, "state": "active"})
    announce(database, fact(StoryPublished))

    drain(database)
    site.close()

    assert states(database) == [(1, "pending", 1, None)]


def test_what_is_too_large_is_not_sent(client, database, site):
    subscribe(client, site)
    drain(database)
    with database.unit_of_work() as uow:
        [one] = Endpoints(uow.connection).all()
        deliveries = Deliveries(uow.connection)
        deliveries.add_message("msg_large", "endpoint.ping", None, None, b"x" * (256 * 1024 + 1))
        deliveries.add([one.endpoint_id], "msg_large", "endpoint.ping", None, None)

    drain(database)

    assert site.got == []
    with database.connection() as connection:
        assert connection.execute("SELECT detail FROM delivery WHERE message_id = 'msg_large'").fetchone() == (
            "the message has 262145 bytes; at most 262144 are sent",
        )


def test_a_large_item_goes_out_thin_and_the_whole_of_it_is_where_it_says(client, database, site, settings_for):
    subscribe(client, site)
    whole = fact(StoryPublished)
    whole = whole.model_copy(update={"item": {**whole.item, "bodies": [{"value": "я" * 20_000}]}})
    announce(database, whole, links=bootstrap.links(desk_settings(settings_for)))

    drain(database)

    [(_, body)] = site.got
    data = json.loads(body)["data"]
    assert (data["uri"], data["version"], data["representationType"]) == (whole.item["uri"], "1", "partial")
    assert "bodies" not in data
    path = data["data_url"].removeprefix("http://127.0.0.1:8005")
    assert client.get(path, headers={"authorization": ""}).json() == whole.item
    assert client.get(path.replace("signature=", "signature=0"), headers={"authorization": ""}).status_code == 403
    assert client.get(path.replace("expires=", "expires=9"), headers={"authorization": ""}).status_code == 403


def add_sites(database, count, **values):
    with database.unit_of_work() as uow:
        for number in range(count):
            Endpoints(uow.connection).add(uuid4(), {"name": f"{number}", "state": "active", **values})


def test_a_thousand_sites_that_are_due_but_must_wait_do_not_hide_the_one_behind_them(client, database, site):
    """They stand before it in the round, and their lanes are blocked."""
    add_sites(database, 1000, url="http://127.0.0.1:9/", order_mode="full")
    with database.connection() as connection:
        connection.execute("UPDATE endpoint SET endpoint_id = overlay(endpoint_id::text PLACING '0000' FROM 1)::uuid")
    announce(database, fact(StoryPublished, 1), fact(StoryCorrected, 2))
    with database.connection() as connection:
        connection.execute("UPDATE delivery SET due_at = now() + interval '1 hour' WHERE version = 1")
    made = subscribe(client, site)
    assert made["endpoint_id"] > "0000ffff"

    drain(database)
    client.post(f"/endpoints/{made['endpoint_id']}/ping")
    drain(database)

    assert [json.loads(body)["type"] for _, body in site.got] == ["endpoint.ping"]


def test_sites_that_hang_take_no_room_from_those_that_answer(client, database, site):
    """More of them than the sender has places."""
    slow = Site()
    slow.answer = hang
    add_sites(database, 30, url=slow.url)
    announce(database, *(fact(StoryPublished, 1, str(uuid4())) for _ in range(3)))
    sender = Sender(LOOPBACK, 4.0, VAULT, at_once=20)
    pump = Drain(database, sender, 20)
    thread = threading.Thread(target=pump.run, kwargs={"most_s": 20})
    thread.start()
    wait_until(lambda: sender.in_flight >= 20, "all places are taken")

    with database.unit_of_work() as uow:
        Endpoints(uow.connection).add(uuid4(), {"name": "healthy", "url": site.url, "state": "active"})
    started = time.monotonic()
    announce(database, fact(StoryPublished, 1, str(uuid4())))
    pump.run()
    wait_until(lambda: len(site.got) == 1, "the healthy site has its news", timeout_s=3.5)

    assert time.monotonic() - started < 3.5
    slow.close()
    thread.join(30)
    sender.close()
    assert not thread.is_alive()


def test_names_that_nobody_answers_for_do_not_keep_others_from_theirs(client, database, site, monkeypatch):
    over, asked, resolve = threading.Event(), [], socket.getaddrinfo

    def getaddrinfo(host, *arguments, **more):
        if host.startswith("dead"):
            asked.append(host)
            over.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with database.unit_of_work() as uow:
        for number in range(40):
            values = {"name": "dead", "url": f"http://dead{number}.example/", "state": "active"}
            Endpoints(uow.connection).add(UUID(int=number + 1), values)
    made = subscribe(client, site, url=site.url.replace("127.0.0.1", "localhost"))
    announce(database, fact(StoryPublished))
    sender = Sender(LOOPBACK, 15.0, VAULT)
    pump = Drain(database, sender, 100)
    thread = threading.Thread(target=pump.run, kwargs={"most_s": 20})
    thread.start()

    try:
        wait_until(lambda: len(site.got) == 1, "the site has its news", timeout_s=8)
        assert len(asked) == 40
    finally:
        over.set()
        thread.join(30)
        sender.close()
    assert client.get(f"/endpoints/{made['endpoint_id']}").json()["failures_in_row"] == 0


def test_a_kill_reaches_a_site_whose_places_are_all_taken(client, database, site):
    subscribe(client, site, max_in_flight=1)
    drain(database)
    announce(database, fact(StoryPublished, 1, str(uuid4())), fact(StoryPublished, 1, str(uuid4())))
    with database.unit_of_work() as uow:
        taken, _ = Deliveries(uow.connection).claim(10)
    announce(database, fact(StoryKilled, 4))

    with database.unit_of_work() as uow:
        claimed, _ = Deliveries(uow.connection).claim(10)

    assert len(taken) == 1
    assert [one.message_type for one in claimed] == ["story.killed"]


WORKER = """
import sys
from chassis.database import Database
from delivery import bootstrap
from delivery.handlers import Drain
from delivery.sender import Sender
from webhooks import LOOPBACK, VAULT
Drain(Database(sys.argv[1], "delivery"), Sender(LOOPBACK, 15, VAULT), 50).run(most_s=60)
"""


def test_a_worker_killed_in_mid_batch_loses_nothing_and_what_it_sent_is_repeated_with_the_same_id(
    client, database, site
):
    subscribe(client, site, max_in_flight=20)
    drain(database)
    site.answer = hang
    announce(database, *(fact(StoryPublished, 1, str(uuid4())) for _ in range(40)))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    worker = subprocess.Popen([sys.executable, "-c", WORKER, database.url], env=environment)
    try:
        wait_until(lambda: len(site.got) == 20, "the batch is under way")
    finally:
        worker.kill()
        worker.wait(10)
    first = {headers["webhook-id"]: body for headers, body in site.got}
    site.got.clear()
    site.answer = Site.take

    make_due(database)  # as when the leases end
    drain(database)

    second = {headers["webhook-id"]: body for headers, body in site.got}
    assert len(first) == 20
    assert len(second) == len(site.got) == 40
    assert first.items() <= second.items()
    assert {row[1] for row in states(database)} == {"delivered"}


def test_a_lease_that_ends_frees_what_a_dead_worker_held(client, database, site):
    subscribe(client, site)
    drain(database)
    announce(database, fact(StoryPublished))
    with database.unit_of_work() as uow:
        assert len(Deliveries(uow.connection).claim(10)[0]) == 1
    drain(database)
    assert site.got == []

    with database.connection() as connection:
        connection.execute("UPDATE delivery SET sent_until = now(), due_at = now() WHERE sent_until IS NOT NULL")
    drain(database)

    assert [row[1:3] for row in states(database)] == [("delivered", 2)]


def test_a_flushed_redis_loses_nothing(client, database, site, stack):
    """Celery carries only wake-ups: the sweep finds what is due."""
    subscribe(client, site)
    announce(database, fact(StoryPublished))

    redis.Redis.from_url(stack.valkey.url).flushall()
    drain(database)

    assert states(database) == [(1, "delivered", 1, 204)]


def test_a_database_that_restarts_meanwhile_loses_nothing_and_what_was_answered_is_not_sent_twice(
    client, database, site, stack
):
    subscribe(client, site)
    drain(database)
    cut = threading.Event()

    def answer_after_the_cut(handler):
        cut.wait(10)
        Site.take(handler)

    site.answer = answer_after_the_cut
    announce(database, fact(StoryPublished))
    sender = Sender(LOOPBACK, 15.0, VAULT)
    pump = Drain(database, sender, 10)
    pump.run(most_s=0.5)
    wait_until(lambda: len(site.got) == 1, "the site has it")

    stack.postgres.stop()
    cut.set()
    wait_until(lambda: sender.in_flight and not sender._answers.empty(), "the answer is there")
    with pytest.raises(psycopg.OperationalError):
        pump.run()
    stack.postgres.start()
    wait_until(lambda: ran(pump), "the database is back")
    sender.close()

    assert states(database) == [(1, "delivered", 1, 204)]
    assert len(site.got) == 1


def ran(pump):
    try:
        pump.run()
    except psycopg.OperationalError:
        return False
    return True
