"""People, their sessions, invitations and presence."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from desk.domain.people import Actor
from desk.domain.workflow import Role

SESSION_DAYS = 14


@dataclass(frozen=True)
class Person:
    person_id: UUID
    email: str
    name: str
    role: Role
    password_hash: str
    language: str
    is_active: bool
    created_at: datetime

    @property
    def actor(self) -> Actor:
        return Actor(self.person_id, self.name, self.role, self.language, self.email)


PERSON = "person_id, email, name, role, password_hash, language, is_active, created_at"


def hash_of(token: str) -> bytes:
    """What the database keeps of a token: reading the table lets nobody in."""
    return hashlib.sha256(token.encode()).digest()


class People:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, person_id: UUID, email: str, name: str, role: str, password_hash: str) -> bool:
        """False: the e-mail is taken."""
        return (
            self._connection.execute(
                "INSERT INTO person (person_id, email, name, role, password_hash) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (person_id, email.strip(), name.strip(), role, password_hash),
            ).rowcount
            == 1
        )

    def all(self) -> Sequence[Person]:
        with self._connection.cursor(row_factory=class_row(Person)) as cursor:
            return cursor.execute(f"SELECT {PERSON} FROM person ORDER BY is_active DESC, name").fetchall()  # noqa: S608 - our own columns

    def get(self, person_id: UUID) -> Person | None:
        with self._connection.cursor(row_factory=class_row(Person)) as cursor:
            return cursor.execute(f"SELECT {PERSON} FROM person WHERE person_id = %s", (person_id,)).fetchone()  # noqa: S608 - our own columns

    def by_email(self, email: str) -> Person | None:
        with self._connection.cursor(row_factory=class_row(Person)) as cursor:
            return cursor.execute(
                f"SELECT {PERSON} FROM person WHERE lower(email) = lower(%s)",  # noqa: S608 - our own columns
                (email.strip(),),
            ).fetchone()

    def any(self) -> bool:
        return self._connection.execute("SELECT 1 FROM person LIMIT 1").fetchone() is not None

    def set_role(self, person_id: UUID, role: str, *, is_active: bool) -> None:
        self._connection.execute(
            "UPDATE person SET role = %s, is_active = %s WHERE person_id = %s", (role, is_active, person_id)
        )
        if not is_active:
            self._connection.execute("DELETE FROM session WHERE person_id = %s", (person_id,))

    def set_language(self, person_id: UUID, language: str) -> None:
        self._connection.execute("UPDATE person SET language = %s WHERE person_id = %s", (language, person_id))

    def set_password_hash(self, person_id: UUID, password_hash: str) -> None:
        self._connection.execute(
            "UPDATE person SET password_hash = %s WHERE person_id = %s", (password_hash, person_id)
        )


class Sessions:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, token: str, person_id: UUID, proved_at: datetime | None = None) -> None:
        """A new session; whoever it is of showed who they are at `proved_at`, else just now."""
        self._connection.execute(
            "INSERT INTO session (token_hash, person_id, confirmed_at, expires_at) VALUES (%s, %s, coalesce(%s, now()), now() + make_interval(days => %s))",
            (hash_of(token), person_id, proved_at, SESSION_DAYS),
        )

    def person(self, token: str) -> Person | None:
        with self._connection.cursor(row_factory=class_row(Person)) as cursor:
            return cursor.execute(
                f"SELECT {', '.join('p.' + name for name in PERSON.split(', '))} FROM session s JOIN person p USING (person_id) WHERE token_hash = %s AND expires_at > now() AND p.is_active",  # noqa: S608 - our own columns
                (hash_of(token),),
            ).fetchone()

    def is_fresh(self, token: str, minutes: int) -> bool:
        """Whether whoever has this session proved who they are in the last minutes."""
        return (
            self._connection.execute(
                "SELECT 1 FROM session WHERE token_hash = %s AND confirmed_at > now() - make_interval(mins => %s)",
                (hash_of(token), minutes),
            ).fetchone()
            is not None
        )

    def confirm(self, token: str) -> None:
        self._connection.execute("UPDATE session SET confirmed_at = now() WHERE token_hash = %s", (hash_of(token),))

    def end_all(self, person_id: UUID) -> None:
        self._connection.execute("DELETE FROM session WHERE person_id = %s", (person_id,))

    def end(self, token: str) -> None:
        self._connection.execute("DELETE FROM session WHERE token_hash = %s", (hash_of(token),))

    def note_failure(self, *keys: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany("INSERT INTO sign_in_failure (key) VALUES (%s)", [(key,) for key in keys])

    def failures(self, key: str) -> tuple[int, float]:
        """How many in the last day, and how many seconds ago the last one was."""
        row = self._connection.execute(
            "SELECT count(*), coalesce(extract(epoch FROM now() - max(at)), 0)::float FROM sign_in_failure WHERE key = %s AND at > now() - interval '1 day'",
            (key,),
        ).fetchone()
        return row or (0, 0.0)

    def forget_failures(self, key: str) -> None:
        self._connection.execute("DELETE FROM sign_in_failure WHERE key = %s", (key,))

    def forget_old(self) -> None:
        self._connection.execute("DELETE FROM session WHERE expires_at < now()")
        self._connection.execute("DELETE FROM sign_in_failure WHERE at < now() - interval '1 day'")
        self._connection.execute("DELETE FROM invitation WHERE expires_at < now() - interval '30 days'")


@dataclass(frozen=True)
class Invitation:
    """What a link gives; of a person who is here already it has the address and the name."""

    role: str
    person_id: UUID | None
    email: str | None
    name: str | None


class Invitations:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def add(self, token: str, role: str, made_by: str, hours: int, person_id: UUID | None = None) -> None:
        """A newcomer's link; with `person_id` a link by which that person chooses a new password."""
        self._connection.execute(
            "INSERT INTO invitation (token_hash, role, made_by, expires_at, person_id) VALUES (%s, %s, %s, now() + make_interval(hours => %s), %s)",
            (hash_of(token), role, made_by, hours, person_id),
        )

    def get(self, token: str) -> Invitation | None:
        """One that still holds."""
        with self._connection.cursor(row_factory=class_row(Invitation)) as cursor:
            return cursor.execute(
                "SELECT i.role, i.person_id, p.email, p.name FROM invitation i LEFT JOIN person p USING (person_id) WHERE token_hash = %s AND used_at IS NULL AND expires_at > now()",
                (hash_of(token),),
            ).fetchone()

    def use(self, token: str) -> Invitation | None:
        """Use it up. None: it was used, is too old, or never was."""
        found = self.get(token)
        used = self._connection.execute(
            "UPDATE invitation SET used_at = now() WHERE token_hash = %s AND used_at IS NULL AND expires_at > now()",
            (hash_of(token),),
        ).rowcount
        return found if used else None


class Presence:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def touch(self, story_id: UUID, person_id: UUID) -> None:
        """Somebody has it open; open pages are told when they were not there before."""
        was_here = self._connection.execute(
            "UPDATE presence SET seen_at = now() WHERE story_id = %s AND person_id = %s AND seen_at > now() - interval '40 s'",
            (story_id, person_id),
        ).rowcount
        if was_here:
            return
        self._connection.execute(
            "INSERT INTO presence (story_id, person_id, seen_at) VALUES (%s, %s, now()) ON CONFLICT (story_id, person_id) DO UPDATE SET seen_at = now()",
            (story_id, person_id),
        )
        self._tell(story_id)

    def leave(self, story_id: UUID, person_id: UUID) -> None:
        self._connection.execute("DELETE FROM presence WHERE story_id = %s AND person_id = %s", (story_id, person_id))
        self._tell(story_id)

    def _tell(self, story_id: UUID) -> None:
        self._connection.execute("INSERT INTO change (story_id, what) VALUES (%s, 'presence')", (story_id,))

    def others(self, story_id: UUID, person_id: UUID) -> list[str]:
        """Names of those who have it open now: seen in the last 40 seconds."""
        rows = self._connection.execute(
            "SELECT name FROM presence JOIN person USING (person_id) WHERE story_id = %s AND person_id <> %s AND seen_at > now() - interval '40 s' ORDER BY name",
            (story_id, person_id),
        ).fetchall()
        return [row[0] for row in rows]


@dataclass(frozen=True)
class SignInAttempt:
    nonce: str
    verifier: str
    came_from: str


class Identities:
    """Whom an identity provider's accounts belong to, and the ways to it and back that have begun."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def begin(self, state: str, attempt: SignInAttempt, minutes: int) -> None:
        self._connection.execute("DELETE FROM sign_in_attempt WHERE expires_at < now()")
        self._connection.execute(
            "INSERT INTO sign_in_attempt (state_hash, nonce, verifier, came_from, expires_at) VALUES (%s, %s, %s, %s, now() + make_interval(mins => %s))",
            (hash_of(state), attempt.nonce, attempt.verifier, attempt.came_from, minutes),
        )

    def use(self, state: str) -> SignInAttempt | None:
        """Use it up. None: it was used, is too old, or never began here."""
        with self._connection.cursor(row_factory=class_row(SignInAttempt)) as cursor:
            return cursor.execute(
                "DELETE FROM sign_in_attempt WHERE state_hash = %s AND expires_at > now() RETURNING nonce, verifier, came_from",
                (hash_of(state),),
            ).fetchone()

    def person(self, issuer: str, subject: str) -> Person | None:
        with self._connection.cursor(row_factory=class_row(Person)) as cursor:
            return cursor.execute(
                f"SELECT {', '.join('p.' + name for name in PERSON.split(', '))} FROM person_identity i JOIN person p USING (person_id) WHERE issuer = %s AND subject = %s",  # noqa: S608 - our own columns
                (issuer, subject),
            ).fetchone()

    def link(self, issuer: str, subject: str, person_id: UUID) -> None:
        self._connection.execute(
            "INSERT INTO person_identity (issuer, subject, person_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (issuer, subject, person_id),
        )
