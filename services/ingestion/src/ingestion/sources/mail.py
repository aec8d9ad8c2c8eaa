"""Press releases from a mailbox over IMAP: what came since last time, and then IDLE until something comes.

The server's address is vetted as every other that we connect to: once resolved, it must be public or one of the operator's networks.
"""

import imaplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Literal

from imap_tools import BaseMailBox, MailboxLoginError
from imap_tools.errors import ImapToolsError
from pydantic import Field, SecretStr

from chassis.addresses import Network, is_allowed
from chassis.safe_http import FetchFailed, FetchRefused, SafeClient, tls_context
from ingestion.domain import mails
from ingestion.domain.items import Part, Raw, Trouble
from ingestion.sources.plugin import Plugin, SourceSettings, Visit

TIMEOUT_S = 20.0
MOST_IN_A_VISIT = 200
RFC822 = "message/rfc822"


class MailSettings(SourceSettings):
    host: str = Field(pattern=r"^[A-Za-z0-9.-]{1,253}$")
    port: int = Field(default=993, ge=1, le=65_535)
    security: Literal["tls", "plain"] = Field(default="tls", description="plain: only within your own walls")
    user: str = Field(min_length=1, max_length=300)
    password: SecretStr
    mailbox: str = Field(default="INBOX", min_length=1, max_length=300)
    senders: list[str] = Field(default=[], description="addresses or domains whose mail comes in; empty: anybody's")
    most_bytes: int = Field(
        default=30_000_000, ge=10_000, le=100_000_000, description="a larger message is not fetched"
    )
    listens_s: int = Field(default=240, ge=0, le=1500, description="how long a visit waits for new mail (IDLE)")


def parse(raw: Raw, settings: MailSettings) -> Iterator[Part]:
    if "too_large" in raw.note:
        size = raw.note["too_large"]
        yield Trouble(str(raw.url), f"has {size} bytes; the most that is fetched is {settings.most_bytes}")
        return
    read_at = datetime.fromisoformat(raw.note["read_at"]) if "read_at" in raw.note else datetime.now(UTC)
    yield from mails.parse(raw.body, settings.senders, read_at)


def poll(visit: Visit) -> Iterator[Raw]:
    """Messages that came since the last visit. Memory: {"validity", "uid"} of RFC 3501; a first visit takes what is unseen."""
    settings: MailSettings = visit.settings
    ends_at = time.monotonic() + settings.listens_s
    is_first = "uid" not in visit.memory
    try:
        with _opened(settings, visit.client) as mailbox:
            while True:
                yield from _new(mailbox, visit)
                left_s = ends_at - time.monotonic()
                if is_first or left_s < 1:
                    return
                mailbox.idle.wait(timeout=min(left_s, 1200))
    except MailboxLoginError:
        raise FetchRefused(f"{settings.host}: the mailbox does not open with this user and password") from None
    except (ImapToolsError, imaplib.IMAP4.error, OSError) as error:
        raise FetchFailed(f"{settings.host}: {type(error).__name__}: {error}") from None


@contextmanager
def _opened(settings: MailSettings, client: SafeClient) -> Iterator["_Mailbox"]:
    mailbox = _Mailbox(settings, client.allowed_networks, client.ca_file)
    try:
        mailbox.login(settings.user, settings.password.get_secret_value(), settings.mailbox)
        yield mailbox
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            mailbox.client.logout()
        with suppress(OSError):
            mailbox.client.shutdown()


def _new(mailbox: "_Mailbox", visit: Visit) -> Iterator[Raw]:
    settings: MailSettings = visit.settings
    validity = int(mailbox.folder.status(settings.mailbox, ["UIDVALIDITY"])["UIDVALIDITY"])
    if visit.memory.get("validity") != validity:
        visit.memory |= {"validity": validity, "uid": 0}
    known = int(visit.memory["uid"])
    uids = sorted(int(uid) for uid in mailbox.uids(f"UID {known + 1}:*") if int(uid) > known)
    for uid in uids[:MOST_IN_A_VISIT]:
        url = f"imap://{settings.host}/{settings.mailbox};UID={uid}"
        size = mailbox.size(uid)
        body = mailbox.body(uid, "HEADER" if size > settings.most_bytes else "")
        visit.memory["uid"] = uid
        note: dict[str, Any] = {"read_at": datetime.now(UTC).isoformat()}
        yield Raw(body, RFC822, url, {**note, "too_large": size} if size > settings.most_bytes else note)


class _Mailbox(BaseMailBox):
    """A mailbox at a vetted address. Messages are read without being marked as read."""

    def __init__(self, settings: MailSettings, allowed: Any, ca_file: str) -> None:  # noqa: ANN401 - networks
        self._settings, self._allowed, self._ca_file = settings, allowed, ca_file
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        address = _vetted(self._settings.host, self._settings.port, self._allowed)
        context = tls_context(self._ca_file) if self._settings.security == "tls" else None
        return _Client(self._settings.host, self._settings.port, address, context)

    def size(self, uid: int) -> int:
        _, data = self.client.uid("fetch", str(uid), "(RFC822.SIZE)")
        shown = data[0].decode() if data and isinstance(data[0], bytes) else ""
        number = shown.rpartition("RFC822.SIZE")[2].strip(" )").split(" ")[0].rstrip(")")
        return int(number) if number.isdigit() else 0

    def body(self, uid: int, section: str) -> bytes:
        _, data = self.client.uid("fetch", str(uid), f"(BODY.PEEK[{section}])")
        return next((bytes(one[1]) for one in data if isinstance(one, tuple)), b"")


class _Client(imaplib.IMAP4):
    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext | None) -> None:
        self._address, self._context = address, context
        super().__init__(host, port, TIMEOUT_S)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self._address, self.port), timeout)
        return self._context.wrap_socket(plain, server_hostname=self.host) if self._context else plain


def _vetted(host: str, port: int, allowed: tuple[Network, ...]) -> str:
    """Raises FetchFailed, FetchRefused."""
    try:
        addresses = [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError:
        raise FetchFailed(f"{host}: no such host") from None
    for address in addresses:
        if not is_allowed(address, allowed):
            raise FetchRefused(f"{host}: {address} is not a public address")
    return addresses[0]


PLUGIN = Plugin(
    "mail",
    told_as="mail",
    about="press releases from a mailbox (IMAP)",
    settings=MailSettings,
    parse=parse,
    poll=poll,
    listens=True,
    every_s=30,
)
