"""One safe HTTP client for everything that leaves the house on a user's word: an image's address, a feed, a pasted link."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from types import TracebackType
from typing import Final, Self, cast
from urllib.parse import urljoin

import certifi
import urllib3

from chassis import tracing
from chassis.addresses import Network, is_allowed
from chassis.bodies import BodyRefusedError, Limits, read_body
from chassis.errors import Refusal
from chassis.targets import NotATargetError, Target, target_of

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = (301, 302, 303, 307, 308)
SECRETS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers that are meant for the host they were given for; a redirect to another origin goes without them (RFC 9110, 15.4)."""
ADDRESSES_TRIED: Final = 3
"""Of a host with several addresses: one of them may be dead, or IPv6 where there is no way to it."""


class FetchRefused(Refusal):
    """The address may not be fetched, or its answer breaks a limit. The message says which, and what is allowed."""

    title = "The address cannot be fetched"
    slug = "fetch-refused"


class FetchFailed(Refusal):
    """Nobody answered, or not in time. Trying again later may help; `extra` has the status and retry_after_s, if known."""

    title = "The address did not answer"
    slug = "fetch-failed"


@dataclass(frozen=True)
class Fetched:
    """An answer, its body whole. `url` is where the redirects led; header names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    moved_to: str = ""
    """The new address, where the old one said that it has moved for good (301, 308)."""


@dataclass(frozen=True)
class SafeClient:
    """Resolves once, refuses if any address is not public, connects to the vetted ones only, and keeps to its limits.

    No cookies, no proxies of the environment. `allowed_networks`: the operator's exceptions, for intranets and tests.
    `ca_file`: PEM roots besides those of certifi, e.g. of a national authority. `takes_gzip`: asks for packed bodies and
    unpacks them; otherwise bodies are as sent. Times in seconds.
    """

    allowed_networks: Sequence[Network] = ()
    max_bytes: int = 40 * 1024 * 1024
    connect_timeout_s: float = 5
    read_timeout_s: float = 10
    total_timeout_s: float = 30
    schemes: tuple[str, ...] = ("https", "http")
    ports: tuple[int, ...] = (80, 443)
    takes_gzip: bool = False
    ca_file: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: {"user-agent": "Depesha/1 (+newsroom)", "accept": "*/*"})

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Fetched:
        """Fetch with at most MAX_REDIRECTS redirects, each vetted anew.

        Raises:
            FetchRefused: a scheme, port, address or size that is not allowed, or too many redirects.
            FetchFailed: no answer in time, a broken answer, or a status of 400 and more (304 is an answer).

        """
        deadline = time.monotonic() + self.total_timeout_s
        moved_to, is_for_good = "", True
        for _ in range(MAX_REDIRECTS + 1):
            fetched = self._ask("GET", url, headers, None, deadline)
            if fetched.status not in REDIRECTS or "location" not in fetched.headers:
                break
            source, url = url, urljoin(url, fetched.headers["location"])
            headers = _for_redirect(headers or {}, source, url)
            is_for_good = is_for_good and fetched.status in (301, 308)
            moved_to = url if is_for_good else moved_to
        else:
            raise FetchRefused(f"{url}: more than {MAX_REDIRECTS} redirects")
        return Fetched(url, fetched.status, fetched.headers, fetched.body, moved_to)

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Fetched:
        """Send a body; a redirect is an answer. Raises as `get`."""
        return self._ask("POST", url, headers, body, time.monotonic() + self.total_timeout_s)

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None, deadline: float
    ) -> Fetched:
        try:
            target = target_of(url, self.schemes)
        except NotATargetError as error:
            raise FetchRefused(str(error)) from None
        accept = "gzip, deflate" if self.takes_gzip else "identity"
        # without the path: a bot's token or a key may stand in it
        asked: dict[str, str | int] = {
            "http.request.method": method,
            "server.address": target.host,
            "server.port": target.port,
        }
        with tracing.span(method, "client", attributes=asked):
            own = {"host": target.host_header, **tracing.handed_on()}
            sent = {**self.headers, "accept-encoding": accept, **(headers or {}), **own}
            fetched = self._ask_first_that_listens(_Request(method, url, target, sent, body, deadline))
            tracing.note("http.response.status_code", fetched.status)
        if fetched.status >= 400:
            waits_s = retry_after_s(fetched.headers.get("retry-after", ""))
            raise FetchFailed(f"{url}: answered {fetched.status}", answer_status=fetched.status, retry_after_s=waits_s)
        return fetched

    def _ask_first_that_listens(self, request: "_Request") -> Fetched:
        reason = ""
        for address in self._vet(request.target, request.deadline)[:ADDRESSES_TRIED]:
            try:
                return self._ask_address(address, request)
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
                reason = _plain(error)
                if time.monotonic() >= request.deadline:
                    break
        raise FetchFailed(f"{request.url}: {reason}")

    def _ask_address(self, address: str, request: "_Request") -> Fetched:
        """Raises urllib3's errors of connecting where nobody listens there."""
        pool = self._pool(address, request.target)
        url, late = request.url, f"{request.url}: took longer than {self.total_timeout_s:g} s"
        with pool, _Watchdog(pool, request.deadline):
            try:
                answer = pool.request(
                    request.method,
                    request.target.path,
                    headers=request.headers,
                    body=request.body,
                    preload_content=False,
                    redirect=False,
                    decode_content=False,
                    retries=False,
                )
                fetched = self._read(answer, url, request.deadline)
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
                raise
            except TimeoutError:
                raise FetchFailed(late) from None
            except BodyRefusedError as error:
                raise FetchRefused(f"{url}: {error}") from None
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise FetchFailed(late if time.monotonic() >= request.deadline else f"{url}: {_plain(error)}") from None
        if time.monotonic() >= request.deadline:  # a connection cut in its headers looks like a short answer
            raise FetchFailed(late)
        return fetched

    def _vet(self, target: Target, deadline: float) -> list[str]:
        """The host's addresses, all of which may be connected to."""
        host, port = target.host, target.port
        addresses = _resolve(host, port, deadline)
        for address in addresses:
            if not is_allowed(address, self.allowed_networks):
                raise FetchRefused(f"{host}: {address} is not a public address")
        if port not in self.ports and not all(
            any(_inside(address, network) for network in self.allowed_networks) for address in addresses
        ):
            raise FetchRefused(f"{host}: port {port} is not one of {', '.join(map(str, self.ports))}")
        return addresses

    def _pool(self, address: str, target: Target) -> urllib3.HTTPConnectionPool:
        timeout = urllib3.Timeout(connect=self.connect_timeout_s, read=self.read_timeout_s)
        if target.scheme == "http":
            return urllib3.HTTPConnectionPool(address, target.port, timeout=timeout, maxsize=1)
        return urllib3.HTTPSConnectionPool(
            address,
            target.port,
            timeout=timeout,
            maxsize=1,
            server_hostname=target.host,
            ssl_context=tls_context(self.ca_file),
        )

    def _read(self, answer: urllib3.BaseHTTPResponse, url: str, deadline: float) -> Fetched:
        headers = {key.lower(): value for key, value in answer.headers.items()}
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.max_bytes:
            raise BodyRefusedError(f"{declared} bytes; the most that is taken is {self.max_bytes}")
        encoding = headers.get("content-encoding", "").strip().lower() if self.takes_gzip else ""
        if answer.status in (204, 304):
            encoding = ""
        return Fetched(url, answer.status, headers, read_body(answer, Limits(self.max_bytes, deadline), encoding))


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    target: Target
    headers: Mapping[str, str]
    body: bytes | None
    deadline: float


@cache
def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Verifies with certifi's roots, and those of `ca_file`. Dear to make (15 ms), so one a process.

    Raises:
        OSError, ssl.SSLError: `ca_file` cannot be read, or is no PEM.

    """
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def retry_after_s(value: str) -> float:
    """Seconds that a Retry-After header asks to wait (RFC 9110, 10.2.3); 0 where it says nothing."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0)
    except (ValueError, TypeError):
        return 0


def _resolve(host: str, port: int, deadline: float) -> list[str]:
    """In a thread of its own: the system's resolver knows no time-out of ours."""
    found: list[str] = []

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(str(entry[4][0]) for entry in entries))

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(max(deadline - time.monotonic(), 0))
    if thread.is_alive():
        raise FetchFailed(f"{host}: its name was not resolved in time")
    if not found:
        raise FetchFailed(f"{host}: no such host")
    return found


def _for_redirect(headers: Mapping[str, str], source: str, url: str) -> Mapping[str, str]:
    """What is still sent after a redirect from `source` to `url`."""
    try:
        if _origin(source) == _origin(url):
            return headers
    except NotATargetError:
        pass  # it is refused as soon as it is asked
    return {name: value for name, value in headers.items() if name.lower() not in SECRETS}


def _origin(url: str) -> tuple[str, str, int]:
    target = target_of(url)
    return target.scheme, target.host.lower(), target.port


def _inside(address: str, network: Network) -> bool:
    return is_allowed(address, (network,)) and not is_allowed(address)


def _plain(error: Exception) -> str:
    text = str(error)
    return text.rpartition(": ")[2] or type(error).__name__


class _Watchdog:
    """Cuts the connection at the deadline: a peer that drips a byte a second resets every read time-out."""

    def __init__(self, pool: urllib3.HTTPConnectionPool, deadline: float) -> None:
        self._timer = threading.Timer(max(deadline - time.monotonic(), 0.01), self._cut)
        self._timer.daemon = True
        self._connections: list[urllib3.connection.HTTPConnection] = []
        self._sockets: list[socket.socket] = []
        make = pool._new_conn  # noqa: SLF001 - the only place where the pool tells of its connections

        def note() -> urllib3.connection.HTTPConnection:
            connection = cast("urllib3.connection.HTTPConnection", make())
            self._watch(connection)
            return connection

        pool._new_conn = note  # type: ignore[method-assign]  # noqa: SLF001

    def _watch(self, connection: urllib3.connection.HTTPConnection) -> None:
        """A connection forgets its socket once an answer without a length has taken it over; we do not."""
        self._connections.append(connection)
        connect = connection.connect

        def connect_and_note() -> None:
            connect()
            if connection.sock is not None:
                self._sockets.append(connection.sock)

        connection.connect = connect_and_note  # type: ignore[method-assign]

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        connecting = [connection.sock for connection in self._connections if connection.sock is not None]
        for sock in {*self._sockets, *connecting}:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
