"""The client that fetches what strangers name: against hostile servers on loopback, which only the operator's list allows."""

import gzip
import socket
import ssl
import threading
import time
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chassis import safe_http
from chassis.addresses import parse_networks
from chassis.safe_http import FetchFailed, FetchRefused, SafeClient

LOOPBACK = parse_networks("127.0.0.0/8")


class Hostile(BaseHTTPRequestHandler):
    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["host"]))
        if not self.path.isascii() or "%" in self.path:
            self.path = "/echo"
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

    def answer_drip_without_length(self):
        self.head(200)
        try:
            for _ in range(5):
                self.wfile.write(b"x")
                self.wfile.flush()
                self.server.stop.wait(0.5)
            self.server.stop.wait(10)
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

    def answer_to_neighbour(self):
        self.head(307, location=f"http://neighbour.example:{self.server.server_port}/echo")

    def answer_to_itself(self):
        self.head(307, location="/echo")

    def answer_to_photo(self):
        self.head(301, location="../photo")

    def answer_gzip(self):
        self.head(200, content_encoding="gzip", content_length="4")
        self.wfile.write(b"\x1f\x8b\x08\x00")

    def answer_packed(self):
        body = gzip.compress("лента ".encode() * 1000)
        self.head(200, content_encoding="gzip", content_length=str(len(body)))
        self.wfile.write(body)

    def answer_deflated(self):
        self.head(200, content_encoding="deflate")
        self.wfile.write(zlib.compress(b"feed"))

    def answer_deflated_bare(self):
        self.head(200, content_encoding="deflate")
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self.wfile.write(packer.compress(b"feed") + packer.flush())

    def answer_bomb(self):
        self.head(200, content_encoding="gzip")
        packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
        try:
            for _ in range(500):  # 500 MB of nothing in half a megabyte
                self.wfile.write(packer.compress(bytes(1024 * 1024)))
        except OSError:
            return

    def answer_half(self):
        self.head(200, content_encoding="gzip")
        self.wfile.write(gzip.compress(bytes(range(256)) * 10)[:100])

    def answer_brotli(self):
        self.head(200, content_encoding="br")
        self.wfile.write(b"x")

    def answer_liar(self):
        self.head(200, content_encoding="gzip")
        self.wfile.write(b"<rss/>")

    def answer_moved(self):
        self.head(301, location="/photo/new")

    def answer_found(self):
        self.head(302, location="/photo/new")

    def answer_busy(self):
        self.head(503, retry_after="120")

    def answer_cookie(self):
        self.head(302, location="/echo", set_cookie="a=b; Path=/")

    def answer_echo(self):
        self.head(200)
        self.wfile.write(repr(dict(self.headers.items())).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.head(200 if self.path == "/take" else 302, location="/photo")
        self.wfile.write(body[::-1])

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
def asked(monkeypatch):
    """The names that were looked up; all of them are here."""
    names = []
    real = socket.getaddrinfo

    def answers(host, port, *args, **more):
        names.append(host)
        return real("127.0.0.1", port, *args, **more)

    monkeypatch.setattr(safe_http.socket, "getaddrinfo", answers)
    return names


@pytest.fixture
def client():
    return SafeClient(allowed_networks=LOOPBACK, max_bytes=1000_000, total_timeout_s=1.0)


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


@pytest.mark.parametrize("path", ["drip", "drip-head", "drip-without-length"])
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


def test_the_name_is_resolved_once_and_the_vetted_address_connected_to(server, client, asked):
    client.get(f"http://partner.example:{server.server_port}/photo")

    assert asked[0] == "partner.example"
    assert "partner.example" not in asked[1:]
    assert server.seen == [("/photo", f"partner.example:{server.server_port}")]


def test_other_ports_are_for_allowed_networks_only(monkeypatch):
    monkeypatch.setattr(safe_http.socket, "getaddrinfo", lambda *_a, **_m: [(2, 1, 6, "", ("93.184.216.34", 25))])

    with pytest.raises(FetchRefused, match="port 25 is not one of 80, 443"):
        SafeClient().get("http://example.org:25/")


@pytest.fixture
def reader():
    return SafeClient(
        allowed_networks=LOOPBACK, max_bytes=2_000_000, total_timeout_s=5, read_timeout_s=2, takes_gzip=True
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [("packed", "лента ".encode() * 1000), ("deflated", b"feed"), ("deflated-bare", b"feed"), ("photo", b"photo")],
)
def test_packed_bodies_are_unpacked_where_that_was_asked_for(server, reader, path, body):
    assert reader.get(url(server, path)).body == body


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("bomb", "bytes unpack to more than"),
        ("half", "the gzip body ends too early"),
        ("brotli", "content-encoding 'br': only gzip and deflate are unpacked"),
        ("liar", "said to be gzip, but does not unpack"),
    ],
)
def test_a_packed_body_that_breaks_a_rule_is_refused(server, reader, path, complaint):
    with pytest.raises(FetchRefused, match=complaint):
        reader.get(url(server, path))


@pytest.mark.parametrize(("path", "keeps"), [("to-itself", True), ("to-neighbour", False)])
@pytest.mark.usefixtures("asked")
def test_secrets_are_not_carried_to_another_host(server, client, path, keeps):
    secrets = {"Authorization": "Bearer s3cret", "cookie": "a=b", "Proxy-Authorization": "Basic x", "x-lang": "ru"}

    told = client.get(url(server, path), secrets).body.decode()

    assert [word in told for word in ("s3cret", "a=b", "Basic x")] == [keeps] * 3
    assert "'x-lang': 'ru'" in told


def test_a_small_bomb_is_stopped_by_its_ratio(server):
    with pytest.raises(FetchRefused, match=r"\d+ bytes unpack to more than 1048576"):
        SafeClient(allowed_networks=LOOPBACK, takes_gzip=True).get(url(server, "bomb"))


def test_a_permanent_move_is_told_and_a_temporary_one_is_not(server, client):
    moved, found = client.get(url(server, "moved")), client.get(url(server, "found"))

    assert moved.moved_to == moved.url == url(server, "photo/new")
    assert (found.moved_to, found.url) == ("", url(server, "photo/new"))


def test_a_failure_tells_its_status_and_how_long_to_wait(server, client):
    with pytest.raises(FetchFailed) as busy:
        client.get(url(server, "busy"))

    assert busy.value.extra == {"answer_status": 503, "retry_after_s": 120}


def test_retry_after_is_seconds_or_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)

    assert [safe_http.retry_after_s(text) for text in ("", "soon", "-5", "0", " 30 ")] == [0, 0, 0, 0, 30]
    assert 85 < safe_http.retry_after_s(later) <= 90
    assert safe_http.retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_neither_cookies_nor_proxies_are_used(server, client, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert "cookie" not in client.get(url(server, "cookie")).body.decode().lower()


def test_a_body_is_posted_and_a_redirect_is_an_answer(server, client):
    assert client.post(url(server, "take"), b"abc", {"content-type": "text/plain"}).body == b"cba"
    assert client.post(url(server, "elsewhere"), b"abc").status == 302


def test_addresses_in_any_script_are_asked_for_in_ascii(server, client, asked):
    client.get(f"http://губернатор.рф:{server.server_port}/новости/мост 2.jpg?кто=Солнцев&x=%20")

    assert asked[0] == "губернатор.рф".encode("idna").decode()
    path, seen = server.seen[0]
    assert path == (
        "/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/%D0%BC%D0%BE%D1%81%D1%82%202.jpg"
        "?%D0%BA%D1%82%D0%BE=%D0%A1%D0%BE%D0%BB%D0%BD%D1%86%D0%B5%D0%B2&x=%20"
    )
    assert seen == f"{asked[0]}:{server.server_port}"


def test_a_dead_address_of_a_host_is_passed_over(server, client, monkeypatch):
    def answers(host, port, *_args, **_more):
        found = ("127.0.0.2", "127.0.0.1") if host == "two.example" else (host,)  # the server listens at the second
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(safe_http.socket, "getaddrinfo", answers)

    assert client.get(f"http://two.example:{server.server_port}/photo").body == b"photo"


def test_a_name_that_is_not_resolved_in_time_is_left(client, monkeypatch):
    hangs = threading.Event()
    monkeypatch.setattr(safe_http.socket, "getaddrinfo", lambda *_a, **_m: hangs.wait(10) and [])

    started = time.monotonic()
    with pytest.raises(FetchFailed, match=r"slow\.example: its name was not resolved in time"):
        client.get("http://slow.example/")

    assert time.monotonic() - started < 2
    hangs.set()


@pytest.fixture
def tls_site(tmp_path, asked):
    """(its port, its root's file): an HTTPS server for partner.example, signed by a root that nobody knows."""
    root, certificate, key = make_certificates("partner.example")
    ca_file, chain = tmp_path / "root.pem", tmp_path / "site.pem"
    ca_file.write_bytes(root)
    chain.write_bytes(key + certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.daemon_threads = True
    server.seen, server.names = [], []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.sni_callback = lambda _sock, name, _context: server.names.append(name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server, str(ca_file)
    server.shutdown()
    server.server_close()
    thread.join(5)


def make_certificates(host):
    """A root and a certificate for `host` that it signed: (root, certificate, key) in PEM."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in "ab")
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
    now = datetime.now(UTC)

    def build(name, public_key):
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(root_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    ca = x509.BasicConstraints(ca=True, path_length=None)
    root = build(root_name, root_key.public_key()).add_extension(ca, critical=True).sign(root_key, hashes.SHA256())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    leaf = build(name, key.public_key()).add_extension(names, critical=False).sign(root_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    key_pem = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return root.public_bytes(pem), leaf.public_bytes(pem), key_pem


def test_tls_is_verified_for_the_name_and_not_for_the_address(tls_site):
    server, ca_file = tls_site
    client = SafeClient(allowed_networks=LOOPBACK, ca_file=ca_file, total_timeout_s=5)

    assert client.get(f"https://partner.example:{server.server_port}/photo").body == b"photo"
    assert server.names == ["partner.example"]
    assert server.seen == [("/photo", f"partner.example:{server.server_port}")]
    with pytest.raises(FetchFailed, match="Hostname mismatch"):
        client.get(f"https://other.example:{server.server_port}/photo")
    with pytest.raises(FetchFailed, match=r"self-signed certificate|unable to get local issuer"):
        SafeClient(allowed_networks=LOOPBACK, total_timeout_s=5).get(
            f"https://partner.example:{server.server_port}/photo"
        )
    assert len(server.seen) == 1
