import os
import socket
import threading

import pytest
import uvicorn
from fastapi.responses import PlainTextResponse

from chassis import handover, serving
from chassis.web import create_app
from stack.processes import wait_until

REQUEST = b"GET /healthz HTTP/1.1\r\nhost: desk\r\n\r\n"


@pytest.fixture
def door():
    """A socket as the supervisor holds it: it stays open whoever accepts from it."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held


@pytest.fixture
def serve(door):
    """`serve(app)` runs a server in a thread, at a copy of the door's descriptor; `.leave()` is its SIGTERM."""
    begun = []

    def start(app):
        server = serving.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=serving.FINISH_S))
        handed = socket.socket(fileno=os.dup(door.fileno()))
        thread = threading.Thread(target=server.run, args=([handed],))
        thread.start()
        begun.append((server, thread))
        wait_until(lambda: server.started, "the server", timeout_s=10)
        return server, thread

    yield start
    for server, thread in begun:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def call(door):
    """Opens a connection for the time of the test, and asks."""
    guests = []

    def ask(request=REQUEST):
        guest = socket.create_connection(door.getsockname(), timeout=10)
        guests.append(guest)
        guest.sendall(request)
        return guest

    yield ask
    for guest in guests:
        guest.close()


def answer_of(guest):
    """(status, whether it says that the connection closes)."""
    text = b""
    while b"\r\n\r\nok" not in text:
        got = guest.recv(4096)
        assert got, f"cut off after {text!r}"
        text += got
    return int(text.split()[1]), b"connection: close" in text.lower()


def test_a_server_that_leaves_answers_once_more_on_every_open_connection_and_says_that_it_closes(serve, call):
    server, thread = serve(create_app(service="desk", title="Desk"))
    guest = call()
    first = answer_of(guest)

    server.should_exit = True
    wait_until(lambda: not server.servers[0].is_serving(), "it accepts no more", timeout_s=10)
    guest.sendall(REQUEST)

    assert (first, answer_of(guest)) == ((200, False), (200, True))
    assert guest.recv(1) == b""
    thread.join(5)
    assert not thread.is_alive()


def test_a_request_that_is_being_answered_when_it_leaves_is_told_that_the_connection_closes(serve, call):
    app, begun, may_end = create_app(service="desk", title="Desk"), threading.Event(), threading.Event()

    @app.get("/slow", response_class=PlainTextResponse)
    def slow() -> str:
        begun.set()
        may_end.wait(10)
        return "ok"

    server, thread = serve(app)
    guest = call(REQUEST.replace(b"/healthz", b"/slow"))
    assert begun.wait(10)
    server.should_exit = True
    wait_until(lambda: not server.servers[0].is_serving(), "it accepts no more", timeout_s=10)
    may_end.set()

    assert answer_of(guest) == (200, True)
    thread.join(5)
    assert not thread.is_alive()


def test_a_connection_that_comes_after_it_left_is_answered_by_the_next_one(serve, call):
    server, thread = serve(create_app(service="desk", title="Desk"))
    server.should_exit = True
    thread.join(10)

    guest = call()
    serve(create_app(service="desk", title="Desk"))

    assert answer_of(guest) == (200, False)


def test_it_tells_that_it_is_ready_when_its_own_readyz_lets_traffic_in(serve, monkeypatch):
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    monkeypatch.setenv(handover.READY, str(writing))
    asked, is_up = [], threading.Event()

    class Database:
        def check(self):
            asked.append(is_up.is_set())
            if not is_up.is_set():
                raise OSError("not yet")

        def close(self):
            """Nothing is open."""

    serve(create_app(service="desk", title="Desk", database=Database()))
    wait_until(lambda: len(asked) > 1, "it asks itself", timeout_s=10)
    with pytest.raises(BlockingIOError):
        os.read(reading, 10)
    is_up.set()

    wait_until(lambda: asked[-1], "it asks again", timeout_s=10)
    os.set_blocking(reading, True)
    assert os.read(reading, 10) == b"ready\n"
    os.close(reading)


@pytest.mark.parametrize(("given", "why"), [("9999", "Bad file descriptor"), ("door", "invalid literal")])
def test_a_handed_descriptor_that_is_none_is_refused_by_name(monkeypatch, given, why):
    monkeypatch.setenv(handover.LISTEN, given)

    with pytest.raises(SystemExit, match=rf"setting DEPESHA_LISTEN_FD: .*{why}"):
        handover.listening_socket()


def test_a_handed_socket_that_does_not_listen_is_refused(monkeypatch):
    with socket.socket() as plain:
        monkeypatch.setenv(handover.LISTEN, str(os.dup(plain.fileno())))

        with pytest.raises(SystemExit, match="setting DEPESHA_LISTEN_FD: it does not listen"):
            handover.listening_socket()
