"""Refusals: what we say no to on purpose, and how it is told at the door (RFC 9457) and in the ledger."""

from typing import Any, ClassVar


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error of ours
    """An expected no. In an API it is answered as problem+json; in a handler it ends the delivery as `rejected`.

    The message names the thing and the number. `fields` names each wrong field: (pointer, what is wrong and what is allowed).
    """

    status: ClassVar[int] = 422
    title: ClassVar[str] = "This cannot be done"
    slug: ClassVar[str] = "refused"

    def __init__(self, detail: str, *, fields: tuple[tuple[str, str], ...] = (), **extra: Any) -> None:  # noqa: ANN401 - RFC 9457 extension members are free
        super().__init__(detail)
        self.detail = detail
        self.fields = fields
        self.extra = extra


class NotFound(Refusal):
    """There is no such thing."""

    status = 404
    title = "Not found"
    slug = "not-found"


class Conflict(Refusal):
    """The thing is not in the state, or not of the version, that the request takes it to be."""

    status = 409
    title = "Conflict"
    slug = "conflict"


class Forbidden(Refusal):
    """The caller is known and may not do this."""

    status = 403
    title = "Not allowed"
    slug = "forbidden"


class TooLarge(Refusal):
    """More bytes or more items than the limit, which the message names."""

    status = 413
    title = "Too large"
    slug = "too-large"


class Unavailable(Refusal):
    """Something that we need is down; trying again later helps."""

    status = 503
    title = "Not available now"
    slug = "unavailable"
