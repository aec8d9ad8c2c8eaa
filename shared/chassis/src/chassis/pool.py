"""Connections to PostgreSQL through psycopg 3: one small pool a process, the service's own schema."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic import SecretStr

RELAY_LINGER_S = 0.05
"""How long the relay keeps looking for due rows after it found some, before it sleeps until a NOTIFY."""

TAKE_WITHIN_S = 10.0
RECONNECT_S = 0.5
"""While the server is away it is tried about this often."""


class Pool:
    """Connections for one service, in autocommit mode. `schema` is the service's name: SQL names tables without it."""

    def __init__(self, url: SecretStr | str, schema: str, *, size: int = 4) -> None:
        self.url = url.get_secret_value() if isinstance(url, SecretStr) else url
        self.schema = schema
        self.size = size
        self._next_notify_at = 0.0
        self._pool: ConnectionPool[psycopg.Connection] = ConnectionPool(
            self.url,
            min_size=0,
            max_size=size,
            max_idle=300,
            # The pool's own attempts come after 1, 2, 4, 8 s: a server that is back would wait for us. `take` asks again instead.
            reconnect_timeout=RECONNECT_S,
            open=False,
            kwargs=connection_options(schema),
            configure=_prepare_soon,
            name=schema,
        )

    def take(self) -> psycopg.Connection:
        """A live connection; give it back with `give_back`.

        Raises:
            psycopg.OperationalError: the server does not answer.

        """
        self._pool.open()
        deadline = time.monotonic() + TAKE_WITHIN_S
        while True:
            try:
                return self._pool.getconn(timeout=2 * RECONNECT_S)
            except PoolTimeout:
                if time.monotonic() > deadline:
                    raise

    def relax(self) -> None:
        """From now on commits do not wait for the disk; for workers, before their first connection."""
        self._pool.kwargs = connection_options(self.schema, is_durable=False)

    def give_back(self, connection: psycopg.Connection) -> None:
        self._pool.putconn(connection)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """For reads outside a unit of work; each statement is its own transaction."""
        connection = self.take()
        try:
            yield connection
        finally:
            self.give_back(connection)

    def may_notify(self) -> bool:
        """Whether the relay needs a nudge: after one it looks again every few milliseconds for `RELAY_LINGER_S`."""
        now = time.monotonic()
        if now < self._next_notify_at:
            return False
        self._next_notify_at = now + RELAY_LINGER_S / 2
        return True

    def check(self) -> None:
        """For /readyz: over a connection of its own, since the pool's may be dead, or all in use, and it waits long.

        Raises:
            psycopg.Error: the server does not answer.

        """
        with psycopg.connect(self.url, **{**connection_options(self.schema), "connect_timeout": 2}) as connection:
            connection.execute("SELECT 1")

    def close(self) -> None:
        self._pool.close()


def connection_options(schema: str, *, is_durable: bool = True) -> dict[str, Any]:
    """For psycopg.connect: short waits, dead peers noticed, the service's schema first.

    Not durable: commits do not wait for the disk. For those who do their work again when it is lost (docs/decisions/0005).
    """
    return {
        "autocommit": True,
        "application_name": schema,
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "options": f"-c search_path={schema} -c timezone=UTC" + ("" if is_durable else " -c synchronous_commit=off"),
    }


def _prepare_soon(connection: psycopg.Connection) -> None:
    connection.prepare_threshold = 1
