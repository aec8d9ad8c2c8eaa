"""Where Redis is: at one address, or wherever Sentinels say that the master is now.

`sentinel://user:password@host:26379,host:26379/MASTER/0?sentinel_password=…`: one address, so that one secret holds all of it. A Redis Cluster
is none of these: Celery's queues need commands over keys of several slots, and kombu has no cluster transport.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

import redis
from redis.sentinel import Sentinel

SENTINEL_PORT: Final = 26379
USUAL: Final = ("redis://", "rediss://")
FORM: Final = "sentinel://password@host:26379,host:26379/MASTER/0"
SENTINEL_TIMEOUT_S: Final = 1.0
"""A Sentinel that hangs must not keep us from asking the next one."""


@dataclass(frozen=True)
class Watched:
    """A master that Sentinels watch."""

    sentinels: tuple[tuple[str, int], ...]
    master: str
    database: int = 0
    username: str = ""
    password: str = ""
    sentinel_password: str = ""

    @property
    def sentinel_options(self) -> dict[str, Any]:
        """For the connections to the Sentinels themselves."""
        secret = {"password": self.sentinel_password} if self.sentinel_password else {}
        return {**secret, "socket_timeout": SENTINEL_TIMEOUT_S, "socket_connect_timeout": SENTINEL_TIMEOUT_S}


def parse(url: str) -> Watched | None:
    """None for an address of Redis itself.

    Raises:
        ValueError: neither; the message says what is allowed, and nothing of what it got.

    """
    if url.startswith(USUAL):
        return None
    if not url.startswith("sentinel://"):
        raise ValueError(f"must begin with {', '.join(USUAL)} or sentinel://")
    parts = urlsplit(url)
    names, _, hosts = parts.netloc.rpartition("@")
    username, _, password = names.rpartition(":")
    master, _, database = parts.path.strip("/").partition("/")
    if not master or not hosts or not (database or "0").isdigit():
        raise ValueError(f"must name hosts and the master's name: {FORM}")
    return Watched(
        tuple(_host(one) for one in hosts.split(",")),
        unquote(master),
        int(database or 0),
        unquote(username),
        unquote(password),
        parse_qs(parts.query).get("sentinel_password", [""])[0],
    )


def _host(text: str) -> tuple[str, int]:
    found = urlsplit(f"//{text}")
    if not found.hostname:
        raise ValueError(f"must name a host between the commas: {FORM}")
    return found.hostname, found.port or SENTINEL_PORT


def client(url: str, **options: Any) -> redis.Redis:  # noqa: ANN401 - redis.Redis's own
    """A client that finds the master anew whenever a connection is made."""
    watched = parse(url)
    return redis.Redis.from_url(url, **options) if watched is None else _master(_sentinel(watched, options), watched)


@contextmanager
def opened(url: str, **options: Any) -> Iterator[redis.Redis]:  # noqa: ANN401 - as above
    """A client for the time of the block, with all that it opened."""
    watched = parse(url)
    if watched is None:
        with redis.Redis.from_url(url, **options) as found:
            yield found
        return
    asked = _sentinel(watched, options)
    try:
        with _master(asked, watched) as found:
            yield found
    finally:
        for one in asked.sentinels:
            one.close()


def for_celery(url: str) -> tuple[str, dict[str, Any]]:
    """The address and the transport options by which kombu finds the same Redis."""
    watched = parse(url)
    if watched is None:
        return url, {}
    names = f"{quote(watched.username, safe='')}:{quote(watched.password, safe='')}@" if watched.password else ""
    hosts = (f"sentinel://{names}{_bracketed(host)}:{port}/{watched.database}" for host, port in watched.sentinels)
    return ";".join(hosts), {"master_name": watched.master, "sentinel_kwargs": watched.sentinel_options}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _sentinel(watched: Watched, options: dict[str, Any]) -> Sentinel:
    return Sentinel(list(watched.sentinels), sentinel_kwargs=watched.sentinel_options, **options)  # type: ignore[no-untyped-call] # redis has no types here


def _master(asked: Sentinel, watched: Watched) -> redis.Redis:
    secrets = {"username": watched.username or None, "password": watched.password or None}
    found: redis.Redis = asked.master_for(watched.master, db=watched.database, **secrets)  # type: ignore[no-untyped-call] # as above
    return found
