"""Whoever drips the head of a request over a real socket is left; whoever is only slow afterwards is not."""

import select
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from chassis import heads

HEAD_S = 0.4
ASKED = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def application(scope, receive, send):
    """Answers when the body is whole, with its length."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    text = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(heads, "HEAD_S", HEAD_S)
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    door.listen()
    server = uvicorn.Server(
        uvicorn.Config(application, http=heads.TimedHeads, lifespan="off", log_config=None, timeout_keep_alive=60)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    yield door.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    door.close()


@contextmanager
def connection(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as opened:
        yield opened


def rest_of(opened):
    """All that comes until the server closes, and how long that took."""
    began, said = time.monotonic(), b""
    while chunk := opened.recv(4096):
        said += chunk
    return said, time.monotonic() - began


def drip(opened, data):
    """A byte each tenth of the time, until the server has closed."""
    try:
        for number in range(len(data)):
            opened.sendall(data[number : number + 1])
            if select.select([opened], [], [], HEAD_S / 10)[0]:
                return
    except OSError:
        return


def is_silent(opened):
    """Whether the server neither says anything nor closes for longer than a head may take."""
    return not select.select([opened], [], [], HEAD_S * 1.5)[0]


def answer(opened):
    said = b""
    while not said.endswith(b"\r\n\r\n0"):
        said += opened.recv(4096)
    return said


def test_a_head_that_drips_is_cut_off(port):
    with connection(port) as opened:
        drip(opened, b"GET / HTTP/1.1\r\n" + b"x-long: y\r\n" * 100)
        said, took_s = rest_of(opened)

    assert said == heads.TOO_LATE
    assert took_s < HEAD_S


def test_a_connection_that_says_nothing_is_closed_without_a_word(port):
    with connection(port) as opened:
        said, took_s = rest_of(opened)

    assert said == b""
    assert HEAD_S * 0.8 < took_s < HEAD_S * 8


def test_a_second_request_that_drips_on_an_open_connection_is_cut_off_too(port):
    with connection(port) as opened:
        opened.sendall(ASKED)
        assert answer(opened).startswith(b"HTTP/1.1 200")
        drip(opened, b"GET / HTTP/1.1\r\n" + b"x-long: y\r\n" * 100)
        said, _ = rest_of(opened)

    assert said == heads.TOO_LATE


def test_a_connection_kept_open_between_requests_and_a_slow_body_are_left_alone(port):
    with connection(port) as opened:
        opened.sendall(ASKED)
        answer(opened)
        assert is_silent(opened)
        opened.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n")
        assert is_silent(opened)
        opened.sendall(b"ab")
        said = opened.recv(4096)

    assert said.startswith(b"HTTP/1.1 200")
