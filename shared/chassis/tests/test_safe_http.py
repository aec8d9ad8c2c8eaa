"""The client that fetches what strangers name: against hostile servers on loopback, which only the operator's list allows."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chassis import safe_http
from chassis.addresses import parse_networks
from chassis.safe_http import FetchFailed, FetchRefused, SafeClient

LOOPBACK = parse_networks("127.0.0.0/8")


class Hostile(BaseHTTPRequestHandler):
    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["host"]))
        getattr(self, "answer_" + self.path.strip("/").split("/")[0].replace("-", "_"))()

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def answer_photo(self):
        self.head(200, content_type="image/jpeg", content_length="5")
        self.wfile.write(b"photo")

    def answer_lying_length(self):
        self.head(200, content_length="5000000000")
        self.wfile.write(b"x")

    def answer_endless(self):
        self.head(200)
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:
            return

    def answer_drip(self):
        self.head(200, content_length="1000")
        try:
            for _ in range(1000):
                self.wfile.write(b"x")
                self.wfile.flush()
                self.server.stop.wait(0.05)
        except OSError:
            return

    def answer_drip_head(self):
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for number in range(100):
                self.wfile.write(f"x-{number}: y\r\n".encode())
                self.wfile.flush()
                self.server.stop.wait(0.05)
        except OSError:
            return

    def answer_loop(self):
        self.head(302, location="/loop/again")

    def answer_to_metadata(self):
        self.head(302, location="http://169.254.169.254/latest/meta-data")

    def answer_to_file(self):
        self.head(302, location="file:///etc/passwd")

    def answer_to_photo(self):
        self.head(301, location="../photo")

    def answer_gzip(self):
        self.head(200, content_encoding="gzip", content_length="4")
        self.wfile.write(b"\x1f\x8b\x08\x00")

    def answer_missing(self):
        self.head(404)

    def answer_garbage(self):
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n")

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.daemon_threads = True
    server.seen = []
    server.stop = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def client():
    return SafeClient(allowed_networks=LOOPBACK, max_bytes=1000_000, total_timeout_s=1.0, read_timeout_s=0.8)


def url(server, path):
    return f"http://127.0.0.1:{server.server_port}/{path}"


def test_a_photo_is_fetched_whole(server, client):
    fetched = client.get(url(server, "photo"))

    assert (fetched.status, fetched.headers["content-type"], fetched.body) == (200, "image/jpeg", b"photo")
    assert server.seen == [("/photo", f"127.0.0.1:{server.server_port}")]


def test_redirects_are_followed_and_relative_ones_resolved(server, client):
    assert client.get(url(server, "to-photo/here")).body == b"photo"


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("lying-length", "5000000000 bytes; the most that is taken is 1000000"),
        ("endless", "more than 1000000 bytes"),
        ("loop", "more than 5 redirects"),
        ("to-metadata", "169.254.169.254 is not a public address"),
        ("to-file", "only https and http addresses"),
    ],
)
def test_what_breaks_a_limit_is_refused(server, client, path, complaint):
    with pytest.raises(FetchRefused, match=complaint):
        client.get(url(server, path))


@pytest.mark.parametrize("path", ["drip", "drip-head"])
def test_a_server_that_drips_is_left_at_the_deadline(server, client, path):
    started = time.monotonic()

    with pytest.raises(FetchFailed, match="took longer than 1 s"):
        client.get(url(server, path))

    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize("path", ["missing", "garbage"])
def test_a_broken_answer_fails(server, client, path):
    with pytest.raises(FetchFailed):
        client.get(url(server, path))


def test_compressed_bodies_are_left_as_sent(server, client):
    assert client.get(url(server, "gzip")).body == b"\x1f\x8b\x08\x00"


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://169.254.169.254/latest",
        "http://[::ffff:127.0.0.1]/",
        "http://user:password@example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "http://example.org:99999/",
    ],
)
def test_no_address_of_our_own_is_ever_connected_to(address, monkeypatch):
    def no_connection(*_args, **_more):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", no_connection)

    with pytest.raises((FetchRefused, FetchFailed)):
        SafeClient().get(address)


def test_a_host_is_refused_if_any_of_its_addresses_is_not_public(monkeypatch):
    def answers(*_args, **_more):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.7")]

    monkeypatch.setattr(safe_http.socket, "getaddrinfo", answers)

    with pytest.raises(FetchRefused, match=r"rebind\.example: 10\.0\.0\.7 is not a public address"):
        SafeClient().get("http://rebind.example/")


def test_the_name_is_resolved_once_and_the_vetted_address_connected_to(server, client, monkeypatch):
    asked = []
    real = socket.getaddrinfo

    def answers(host, port, *args, **more):
        asked.append(host)
        return real("127.0.0.1", port, *args, **more)

    monkeypatch.setattr(safe_http.socket, "getaddrinfo", answers)

    client.get(f"http://partner.example:{server.server_port}/photo")

    assert asked[0] == "partner.example"
    assert "partner.example" not in asked[1:]
    assert server.seen == [("/photo", f"partner.example:{server.server_port}")]


def test_other_ports_are_for_allowed_networks_only(monkeypatch):
    monkeypatch.setattr(safe_http.socket, "getaddrinfo", lambda *_a, **_m: [(2, 1, 6, "", ("93.184.216.34", 25))])

    with pytest.raises(FetchRefused, match="port 25 is not one of 80, 443"):
        SafeClient().get("http://example.org:25/")
