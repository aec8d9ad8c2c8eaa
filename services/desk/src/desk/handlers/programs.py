"""Machine tokens as chiefs and ops make and revoke them at the desk; each step stands in the audit log."""

from collections.abc import Sequence
from uuid import UUID

from chassis import tokens
from chassis.unit_of_work import UnitOfWork
from desk.store.work import Audit


def make_token(
    name: str, scopes: Sequence[str], made_by: str, uow: UnitOfWork, *, days: int = 365, per_minute: int = 600
) -> str:
    """The token itself, which is told only now.

    Raises:
        WrongScope, WrongName: nothing is made.

    """
    with uow:
        token_id, token = tokens.create(uow.connection, name.strip(), scopes, days=days, per_minute=per_minute)
        detail = {
            "token_id": str(token_id),
            "name": name.strip(),
            "scopes": sorted(scopes),
            "days": days,
            "per_minute": per_minute,
        }
        Audit(uow.connection).write(made_by, "make_token", detail=detail)
    return token


def revoke_token(token_id: UUID, revoked_by: str, uow: UnitOfWork) -> str:
    """Refuse it from now on; every process knows within five seconds. Returns its name.

    Raises:
        NotFound: there is none, or the environment says that it is good.

    """
    with uow:
        name = tokens.revoke(uow.connection, token_id)
        Audit(uow.connection).write(revoked_by, "revoke_token", detail={"token_id": str(token_id), "name": name})
    return name
