"""Machine tokens: random, kept only as digests, with scopes, an end, a rate, and the time of their last use.

`depesha token create` makes one for a program of ours or a partner's; `register` writes those that a service has in
its environment. Services ask through the function tokens.use_token, which tells about one token at a time.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

import psycopg

from chassis.database import Database
from chassis.errors import NotFound, Refusal

PREFIX: Final = "dps_"
"""So that people and scanners of leaked secrets know one when they see it."""

KEPT_S: Final = 5.0
"""How long a process believes what it was told of a token: a revoked one is refused everywhere after so many seconds."""

MOST_KEPT: Final = 10_000

SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ingest:write": "hand stories in",
        "sources:admin": "see and change sources, and what was received from them",
        "media:read": "see photos and their renditions",
        "media:write": "hand photos in, render them again",
        "tags:read": "ask for tags and rubrics, see the vocabulary",
        "tags:admin": "change the vocabulary",
        "content:read": "pull what is published",
        "release:read": "see releases and their channels, preview a page",
        "release:order": "order releases: publish, correct, unpublish, kill",
        "deliveries:read": "see endpoints and deliveries",
        "endpoints:admin": "subscribe, change and remove endpoints, send again",
        "desk:read": "see stories at the desk",
        "desk:write": "change stories at the desk",
        "people:admin": "invite people",
        "ops:read": "see queues, dead events, metrics",
        "ops:write": "replay events, change how the machine works",
    }
)

HOUSE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "desk": (
            "sources:admin",
            "media:read",
            "media:write",
            "tags:read",
            "tags:admin",
            "content:read",
            "release:read",
            "deliveries:read",
            "endpoints:admin",
        ),
        "operator": tuple(SCOPES),
    }
)
"""Tokens that come from the environment (DEPESHA_DESK_TOKEN …): what a service that calls others may do, and its operator."""

HOUSE_PREFIX: Final = "house:"
"""How the names of these tokens begin. Nobody makes or revokes one by hand: the environment says which are good."""

HOUSE_PER_MINUTE: Final = 60_000

ADMINISTRATORS: Final = ("desk",)
"""Services whose role may list, make and revoke tokens; all others only ask about one that they are shown."""


class WrongScope(Refusal):
    """A scope that there is not."""

    title = "No such scope"
    slug = "wrong-scope"


class WrongName(Refusal):
    """A name that no token can have."""

    title = "No name for a token"
    slug = "wrong-name"


@dataclass(frozen=True)
class Caller:
    """A program that showed a good token."""

    token_id: UUID
    name: str
    scopes: frozenset[str]
    per_minute: int


@dataclass(frozen=True)
class Listed:
    """A token as `depesha token list` and the desk show it; the token itself is known only to who has it."""

    token_id: UUID
    name: str
    scopes: tuple[str, ...]
    per_minute: int
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @property
    def is_house(self) -> bool:
        """Whether it comes from the environment."""
        return self.name.startswith(HOUSE_PREFIX)


class Tokens:
    """What the doors of one process ask: whose token is this? Safe to share between threads."""

    def __init__(self, database: Database, fixed: Mapping[str, Caller] | None = None) -> None:
        """`fixed`: tokens of the process's own settings, which need no database."""
        self._database = database
        self._fixed = {digest_of(token): caller for token, caller in (fixed or {}).items() if token}
        self._kept: dict[bytes, tuple[float, Caller | None]] = {}
        self._lock = threading.Lock()

    def kept(self, token: str) -> tuple[bool, Caller | None]:
        """(whether it is known without asking the database, the caller)."""
        digest = digest_of(token)
        if digest in self._fixed:
            return True, self._fixed[digest]
        until, caller = self._kept.get(digest, (0.0, None))
        return until > time.monotonic(), caller

    def caller(self, token: str) -> Caller | None:
        """Who shows this token; None where it is unknown, revoked or has expired.

        Raises:
            psycopg.OperationalError: the database does not answer.

        """
        is_kept, caller = self.kept(token)
        if is_kept:
            return caller
        digest = digest_of(token)
        with self._database.connection() as connection:
            row = connection.execute("SELECT * FROM tokens.use_token(%s)", (digest,)).fetchone()
        caller, left_s = _read(row)
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[digest] = (time.monotonic() + min(KEPT_S, left_s), caller)
        return caller


def _read(row: tuple[UUID, str, list[str], int, datetime | None] | None) -> tuple[Caller | None, float]:
    if row is None:
        return None, KEPT_S
    token_id, name, scopes, per_minute, expires_at = row
    left_s = (expires_at - datetime.now(UTC)).total_seconds() if expires_at else KEPT_S
    return Caller(token_id, name, frozenset(scopes), per_minute), left_s


def digest_of(token: str) -> bytes:
    """SHA-256. A slow password hash would add nothing: nobody guesses 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_token() -> str:
    """256 random bits with the prefix."""
    return PREFIX + secrets.token_urlsafe(32)


def create(
    connection: psycopg.Connection, name: str, scopes: Iterable[str], *, days: int = 365, per_minute: int = 600
) -> tuple[UUID, str]:
    """Make a token. Returns its id and the token itself, which is told only now.

    Raises:
        WrongScope: one of the scopes is not in `SCOPES`, or there are none.
        WrongName: it is empty, or one that only the environment's tokens have.

    """
    checked, token = check_scopes(scopes), new_token()
    if not name.strip() or name.startswith(HOUSE_PREFIX):
        raise WrongName(f"name: got {name!r}; it says who will use the token, and does not begin with {HOUSE_PREFIX}")
    row = connection.execute(
        "SELECT tokens.create_token(%s, %s, %s, %s, %s)",
        (name, digest_of(token), checked, per_minute, datetime.now(UTC) + timedelta(days=days)),
    ).fetchone()
    assert row is not None  # noqa: S101 - a function returns
    return row[0], token


def check_scopes(scopes: Iterable[str]) -> list[str]:
    """Raises WrongScope."""
    checked = sorted(set(scopes))
    wrong = [scope for scope in checked if scope not in SCOPES]
    if wrong or not checked:
        got = ", ".join(wrong) or "none"
        raise WrongScope(f"scopes: got {got}; there are {', '.join(SCOPES)}")
    return checked


def register(connection: psycopg.Connection, tokens: Mapping[str, str]) -> None:
    """Make the tokens of the environment good, by the names in `HOUSE`, and those that they replace bad."""
    for who, token in tokens.items():
        name, digest = f"{HOUSE_PREFIX}{who}", digest_of(token)
        connection.execute("DELETE FROM tokens.token WHERE name = %s AND digest <> %s", (name, digest))
        connection.execute(
            "INSERT INTO tokens.token (name, digest, scopes, per_minute) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (digest) DO UPDATE SET name = excluded.name, scopes = excluded.scopes, per_minute = excluded.per_minute",
            (name, digest, list(HOUSE[who]), HOUSE_PER_MINUTE),
        )


def listed(connection: psycopg.Connection) -> list[Listed]:
    """All tokens, the newest first, revoked and expired ones too."""
    rows = connection.execute("SELECT * FROM tokens.list_tokens()").fetchall()
    return [Listed(row[0], row[1], tuple(row[2]), *row[3:]) for row in rows]


def revoke(connection: psycopg.Connection, token_id: UUID) -> str:
    """Refuse it from now on. Returns its name.

    Raises:
        NotFound: there is no such token, or it comes from the environment.

    """
    row = connection.execute("SELECT tokens.revoke_token(%s)", (token_id,)).fetchone()
    if row is None or row[0] is None:
        raise NotFound(f"token {token_id}: there is none with this id that was made by hand")
    return str(row[0])
