"""Ids that sort by the time they were made, so that new rows stand together in an index."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562)."""
    return uuid7()
