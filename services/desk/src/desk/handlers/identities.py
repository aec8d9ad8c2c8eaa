"""What happens when somebody comes back from the company's identity provider."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from chassis.errors import Forbidden
from chassis.ids import new_id
from chassis.unit_of_work import UnitOfWork
from desk.store.people import Identities, People, Person, Sessions, SignInAttempt
from desk.store.work import Audit

ATTEMPT_MINUTES: Final = 10
NO_PASSWORD: Final = ""
"""A hash that no password fits: this person signs in at the provider."""


class NobodyInvited(Forbidden):
    """The provider knows them, and nobody here does."""

    title = "Nobody has invited you here yet"
    slug = "nobody-invited"


@dataclass(frozen=True)
class Proof:
    """What the provider says of somebody."""

    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    name: str
    proved_at: float


def begin(state: str, nonce: str, verifier: str, came_from: str, uow: UnitOfWork) -> None:
    with uow:
        Identities(uow.connection).begin(state, SignInAttempt(nonce, verifier, came_from), ATTEMPT_MINUTES)


def use_attempt(state: str, uow: UnitOfWork) -> SignInAttempt | None:
    with uow:
        return Identities(uow.connection).use(state)


def sign_in(proof: Proof, new_role: str, uow: UnitOfWork) -> str:
    """A new session's token.

    An account that was here before is the same person. A new one is the person who has its e-mail, if the provider has
    verified that; else a new person of `new_role`.

    Raises:
        NobodyInvited: they are nobody here and `new_role` is empty, their e-mail is not verified, or they may not sign in.

    """
    token = secrets.token_urlsafe(32)
    with uow:
        identities = Identities(uow.connection)
        person = identities.person(proof.issuer, proof.subject) or _known_by_email(proof, new_role, uow)
        if not person.is_active:
            raise NobodyInvited(f"{person.email} may not sign in any more")
        identities.link(proof.issuer, proof.subject, person.person_id)
        Sessions(uow.connection).add(token, person.person_id, datetime.fromtimestamp(proof.proved_at, UTC))
        Audit(uow.connection).write(person.name, "sign_in", detail={"by": proof.issuer})
    return token


def _known_by_email(proof: Proof, new_role: str, uow: UnitOfWork) -> Person:
    people = People(uow.connection)
    if not proof.is_email_verified or not proof.email:
        raise NobodyInvited("the provider has not verified the e-mail address")
    person = people.by_email(proof.email)
    if person is not None:
        return person
    if not new_role:
        raise NobodyInvited(f"nobody has invited {proof.email}")
    people.add(new_id(), proof.email, proof.name or proof.email, new_role, NO_PASSWORD)
    Audit(uow.connection).write(proof.name or proof.email, "join", detail={"role": new_role, "by": proof.issuer})
    person = people.by_email(proof.email)
    assert person is not None  # noqa: S101 - made just now
    return person
