"""One safe HTTP client for everything that leaves the house on a user's word: an image's address, a feed, a pasted link."""

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import certifi
import urllib3

from chassis.addresses import Network, is_allowed
from chassis.errors import Refusal

MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
CHUNK = 64 * 1024


class FetchRefused(Refusal):
    """The address may not be fetched, or its answer breaks a limit. The message says which, and what is allowed."""

    title = "The address cannot be fetched"
    slug = "fetch-refused"


class FetchFailed(Refusal):
    """Nobody answered, or not in time. Trying again later may help."""

    title = "The address did not answer"
    slug = "fetch-failed"


@dataclass(frozen=True)
class Fetched:
    """An answer, its body whole and as sent (no decompression)."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class SafeClient:
    """Resolves once, refuses if any address is not public, connects to the vetted address only, and keeps to its limits.

    `allowed_networks`: the operator's exceptions, for intranets and tests. Times in seconds.
    """

    allowed_networks: Sequence[Network] = ()
    max_bytes: int = 40 * 1024 * 1024
    connect_timeout_s: float = 5
    read_timeout_s: float = 10
    total_timeout_s: float = 30
    schemes: tuple[str, ...] = ("https", "http")
    ports: tuple[int, ...] = (80, 443)
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"user-agent": "Depesha/1 (+newsroom)", "accept": "*/*", "accept-encoding": "identity"}
    )

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Fetched:
        """Fetch with at most MAX_REDIRECTS redirects, each vetted anew.

        Raises:
            FetchRefused: a scheme, port, address or size that is not allowed, or too many redirects.
            FetchFailed: no answer in time, a broken answer, or a status of 400 and more (304 is an answer).

        """
        deadline = time.monotonic() + self.total_timeout_s
        for _ in range(MAX_REDIRECTS + 1):
            fetched = self._get_once(url, {**self.headers, **(headers or {})}, deadline)
            if fetched.status not in REDIRECTS or "location" not in fetched.headers:
                break
            url = urljoin(url, fetched.headers["location"])
        else:
            raise FetchRefused(f"{url}: more than {MAX_REDIRECTS} redirects")
        if fetched.status >= 400:
            raise FetchFailed(f"{url}: answered {fetched.status}")
        return fetched

    def _get_once(self, url: str, headers: Mapping[str, str], deadline: float) -> Fetched:
        scheme, host, port, path = self._take_apart(url)
        address = self._vet(host, port)
        pool = self._pool(scheme, host, address, port)
        default_port = 443 if scheme == "https" else 80
        name = f"[{host}]" if ":" in host else host
        headers = {**headers, "host": name if port == default_port else f"{name}:{port}"}
        with pool, _Watchdog(pool, deadline):
            try:
                answer = pool.request(
                    "GET",
                    path,
                    headers=headers,
                    preload_content=False,
                    redirect=False,
                    decode_content=False,
                    retries=False,
                )
                fetched = Fetched(
                    url,
                    answer.status,
                    {key.lower(): value for key, value in answer.headers.items()},
                    self._read(answer, url, deadline),
                )
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                if time.monotonic() >= deadline:
                    raise FetchFailed(f"{url}: took longer than {self.total_timeout_s:g} s") from None
                raise FetchFailed(f"{url}: {_plain(error)}") from None
        if time.monotonic() >= deadline:  # a connection cut in its headers looks like a short answer
            raise FetchFailed(f"{url}: took longer than {self.total_timeout_s:g} s")
        return fetched

    def _take_apart(self, url: str) -> tuple[str, str, int, str]:
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise FetchRefused(f"{url[:200]}: not an address") from None
        if parts.scheme not in self.schemes or not parts.hostname:
            raise FetchRefused(f"{url[:200]}: only {' and '.join(self.schemes)} addresses with a host are fetched")
        if parts.username or parts.password:
            raise FetchRefused(f"{parts.scheme}://…@{parts.hostname}: addresses with a user name are not fetched")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return parts.scheme, parts.hostname, port, path

    def _vet(self, host: str, port: int) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise FetchFailed(f"{host}: no such host") from None
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            if not is_allowed(address, self.allowed_networks):
                raise FetchRefused(f"{host}: {address} is not a public address")
        if port not in self.ports and not all(
            any(_inside(address, network) for network in self.allowed_networks) for address in addresses
        ):
            raise FetchRefused(f"{host}: port {port} is not one of {', '.join(map(str, self.ports))}")
        return addresses[0]

    def _pool(self, scheme: str, host: str, address: str, port: int) -> urllib3.HTTPConnectionPool:
        timeout = urllib3.Timeout(connect=self.connect_timeout_s, read=self.read_timeout_s)
        if scheme == "http":
            return urllib3.HTTPConnectionPool(address, port, timeout=timeout, maxsize=1)
        return urllib3.HTTPSConnectionPool(
            address,
            port,
            timeout=timeout,
            maxsize=1,
            server_hostname=host,
            assert_hostname=host,
            ca_certs=certifi.where(),
            cert_reqs="CERT_REQUIRED",
        )

    def _read(self, answer: urllib3.BaseHTTPResponse, url: str, deadline: float) -> bytes:
        declared = answer.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.max_bytes:
            raise FetchRefused(f"{url}: {declared} bytes; the most that is taken is {self.max_bytes}")
        body = bytearray()
        while chunk := answer.read1(CHUNK):
            body += chunk
            if len(body) > self.max_bytes:
                raise FetchRefused(f"{url}: more than {self.max_bytes} bytes, the most that is taken")
            if time.monotonic() >= deadline:
                raise FetchFailed(f"{url}: took longer than {self.total_timeout_s:g} s")
        return bytes(body)


def _inside(address: str, network: Network) -> bool:
    return is_allowed(address, (network,)) and not is_allowed(address)


def _plain(error: Exception) -> str:
    text = str(error)
    return text.rpartition(": ")[2] or type(error).__name__


class _Watchdog:
    """Cuts the connection at the deadline: a peer that drips a byte a second resets every read time-out."""

    def __init__(self, pool: urllib3.HTTPConnectionPool, deadline: float) -> None:
        self._pool = pool
        self._timer = threading.Timer(max(deadline - time.monotonic(), 0.01), self._cut)
        self._timer.daemon = True
        self._connections: list[urllib3.connection.HTTPConnection] = []
        make = pool._new_conn  # noqa: SLF001 - the only place where the pool tells of its sockets

        def note() -> urllib3.connection.HTTPConnection:
            connection = make()
            self._connections.append(connection)  # type: ignore[arg-type]
            return connection  # type: ignore[return-value]

        pool._new_conn = note  # type: ignore[method-assign]  # noqa: SLF001

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        for connection in self._connections:
            sock = connection.sock
            if sock is not None:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
