"""An address that strangers wrote, as a request needs it: host in ASCII, path quoted, nothing hidden in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import idna

PATH_SIGNS = "!$%&'()*+,-./:;=?@[]_~|"
SHOWN = 200


class NotATargetError(ValueError):
    """The text is no address that may be asked; the message says why."""


@dataclass(frozen=True)
class Target:
    """`host` is in ASCII (IDNA), `path` quoted and with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.scheme == "https" else 80) else f"{name}:{self.port}"


def target_of(url: str, schemes: Sequence[str] = ("https", "http")) -> Target:
    """Take an address apart.

    Raises:
        NotATargetError: another scheme, no host, a user name, a port or a host that there cannot be.

    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise NotATargetError(f"{url[:SHOWN]}: not an address") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise NotATargetError(f"{url[:SHOWN]}: only {' and '.join(schemes)} addresses with a host are fetched")
    if parts.username is not None or parts.password is not None:
        raise NotATargetError(f"{parts.scheme}://…@{parts.hostname}: addresses with a user name are not fetched")
    path = quote(parts.path or "/", safe=PATH_SIGNS) + (
        f"?{quote(parts.query, safe=PATH_SIGNS)}" if parts.query else ""
    )
    return Target(parts.scheme, _ascii(parts.hostname, url), port, path)


def _ascii(host: str, url: str) -> str:
    """«пример.рф» as xn--…; what is ASCII already stays, so that names with an underscore work, too."""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise NotATargetError(f"{url[:SHOWN]}: {host!r} is no host name ({error})") from None
