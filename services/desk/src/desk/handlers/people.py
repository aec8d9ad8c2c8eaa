"""What happens when people sign in, are invited, and leave."""

import secrets
from math import ceil
from typing import Final
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from chassis.errors import Forbidden, NotFound, Refusal
from chassis.ids import new_id
from chassis.unit_of_work import UnitOfWork
from desk.domain.people import FREE_FAILURES, Actor, wait_after
from desk.store.people import Invitations, People, Person, Sessions
from desk.store.work import Audit

HASHER: Final = PasswordHasher()
"""Argon2id with the library's parameters, those of RFC 9106's low-memory profile."""

NOBODY: Final = HASHER.hash(secrets.token_urlsafe())
"""Checked when an e-mail is unknown, so that the answer takes as long as for a known one."""

FREE_PER_ADDRESS: Final = 40
"""A whole newsroom may sit behind one address."""

CONFIRMED_MINUTES: Final = 10
"""So long after a sign-in, or a password typed again, nobody is asked once more."""

PASSWORD_SHORTEST: Final = 10
INVITATION_HOURS: Final = 72


class SignInRefused(Refusal):
    """E-mail and password do not fit together. It does not say which is wrong."""

    status = 401
    title = "Sign-in refused"
    slug = "sign-in-refused"


class TooManyFailures(Refusal):
    """Too many failed sign-ins; the next may come in `wait_s` seconds, and each further failure doubles the wait."""

    status = 429
    title = "Too many attempts"
    slug = "too-many-attempts"

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many failed sign-ins: the next may come in {ceil(wait_s)} s", wait_s=ceil(wait_s))
        self.wait_s = ceil(wait_s)


class ConfirmFirst(Forbidden):
    """Only somebody who has just shown who they are may do it: the password is asked again."""

    title = "Show who you are first"
    slug = "confirm-first"


class InvitationOver(Refusal):
    """The link was used, is too old, or never was one."""

    status = 410
    title = "This link no longer holds"
    slug = "invitation-over"


class PasswordWeak(Refusal):
    """The password is too short."""


def sign_in(email: str, password: str, address: str, uow: UnitOfWork) -> tuple[str, Person]:
    """A new session's token, and whose it is.

    Raises:
        SignInRefused, TooManyFailures: with the failure noted.

    """
    person = check_password(email, password, address, uow)
    token = secrets.token_urlsafe(32)
    with uow:
        Sessions(uow.connection).add(token, person.person_id)
        if HASHER.check_needs_rehash(person.password_hash):
            People(uow.connection).set_password_hash(person.person_id, HASHER.hash(password))
        Audit(uow.connection).write(person.name, "sign_in")
    return token, person


def check_password(email: str, password: str, address: str, uow: UnitOfWork) -> Person:
    """Whose e-mail and password these are. A failure is noted, a success wipes the e-mail's failures out.

    Raises:
        SignInRefused: they do not fit.
        TooManyFailures: for this e-mail or from this address; the password was not looked at.

    """
    by_email, by_address = f"email:{email.strip().lower()[:200]}", f"address:{address}"
    with uow.database.connection() as connection:
        sessions = Sessions(connection)
        waits = [_wait(sessions, by_email, FREE_FAILURES), _wait(sessions, by_address, FREE_PER_ADDRESS)]
        if max(waits) > 0:
            raise TooManyFailures(max(waits))
        person = People(connection).by_email(email)
    if not _fits(person.password_hash if person else NOBODY, password) or person is None or not person.is_active:
        with uow:
            Sessions(uow.connection).note_failure(by_email, by_address)
        raise SignInRefused("e-mail and password do not fit together")
    with uow:
        Sessions(uow.connection).forget_failures(by_email)
    return person


def _wait(sessions: Sessions, key: str, free: int) -> float:
    count, seconds_ago = sessions.failures(key)
    return wait_after(count, free) - seconds_ago


def confirm(token: str, person: Person, password: str, address: str, uow: UnitOfWork) -> None:
    """Somebody who has signed in types the password again.

    Raises:
        SignInRefused, TooManyFailures: as at the sign-in.

    """
    check_password(person.email, password, address, uow)
    with uow:
        Sessions(uow.connection).confirm(token)


def _fits(password_hash: str, password: str) -> bool:
    try:
        return HASHER.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def sign_out(token: str, uow: UnitOfWork) -> None:
    with uow:
        Sessions(uow.connection).end(token)


def invite(role: str, made_by: str, uow: UnitOfWork, *, hours: int = INVITATION_HOURS) -> str:
    """The token of a link that makes one person of this role."""
    token = secrets.token_urlsafe(32)
    with uow:
        Invitations(uow.connection).add(token, role, made_by, hours)
        Audit(uow.connection).write(made_by, "invite", detail={"role": role})
    return token


def accept_invitation(invitation: str, email: str, name: str, password: str, uow: UnitOfWork) -> str:
    """Make the person, use up the link, and sign in: a session's token.

    Raises:
        InvitationOver, PasswordWeak: nothing is made.

    """
    password_hash, token, person_id = _hash_of(password), secrets.token_urlsafe(32), new_id()
    with uow:
        given = Invitations(uow.connection).use(invitation)
        if given is None or given.person_id is not None:
            raise InvitationOver("this invitation was used or is too old")
        if not People(uow.connection).add(person_id, email, name, given.role, password_hash):
            raise PasswordWeak(f"somebody signs in with {email} already", fields=(("/email", "is taken"),))
        Sessions(uow.connection).add(token, person_id)
        Audit(uow.connection).write(name, "join", detail={"role": given.role})
    return token


def invite_to_new_password(person_id: UUID, made_by: str, uow: UnitOfWork) -> str:
    """The token of a link by which somebody who forgot their password chooses a new one."""
    token = secrets.token_urlsafe(32)
    with uow:
        person = People(uow.connection).get(person_id)
        if person is None:
            raise NotFound(f"person {person_id}: nobody of this id works here")
        Invitations(uow.connection).add(token, person.role, made_by, INVITATION_HOURS, person_id)
        Audit(uow.connection).write(made_by, "password_link", detail={"person_id": str(person_id), "name": person.name})
    return token


def accept_new_password(invitation: str, password: str, uow: UnitOfWork) -> str:
    """Choose a new password by a link: every session ends, and a new one's token is returned.

    Raises:
        InvitationOver, PasswordWeak: the old password stays.

    """
    password_hash = _hash_of(password)
    with uow:
        given = Invitations(uow.connection).use(invitation)
        if given is None or given.person_id is None:
            raise InvitationOver("this link was used or is too old")
        return _replace_password(given.person_id, str(given.name), password_hash, uow)


def change_password(person: Person, old: str, new: str, address: str, uow: UnitOfWork) -> str:
    """Choose a new password, knowing the old one: every other session ends, and a new one's token is returned.

    Raises:
        SignInRefused, TooManyFailures, PasswordWeak: the old password stays.

    """
    password_hash = _hash_of(new)
    check_password(person.email, old, address, uow)
    with uow:
        return _replace_password(person.person_id, person.name, password_hash, uow)


def _hash_of(password: str) -> str:
    if len(password) < PASSWORD_SHORTEST:
        raise PasswordWeak(f"the password has {len(password)} characters; the least is {PASSWORD_SHORTEST}")
    return HASHER.hash(password)


def _replace_password(person_id: UUID, name: str, password_hash: str, uow: UnitOfWork) -> str:
    token = secrets.token_urlsafe(32)
    People(uow.connection).set_password_hash(person_id, password_hash)
    Sessions(uow.connection).end_all(person_id)
    Sessions(uow.connection).add(token, person_id)
    Audit(uow.connection).write(name, "new_password")
    return token


def set_role(person_id: UUID, role: str, actor: Actor, uow: UnitOfWork, *, is_active: bool) -> None:
    with uow:
        people = People(uow.connection)
        people.set_role(person_id, role, is_active=is_active)
        person = people.get(person_id)
        detail = {
            "person_id": str(person_id),
            "name": person.name if person else "",
            "role": role,
            "is_active": is_active,
        }
        Audit(uow.connection).write(actor.name, "set_role", detail=detail)
