"""Who lets us show a photo, until when, and where."""

from datetime import UTC, datetime, time

from contracts.content import UsageRights
from imaging.domain.words import Words

LINE = 2_000


def rights_in(words: Words) -> UsageRights | None:
    """What the file says of its rights; None where it says nothing."""
    if not any((words.copyright, words.terms, words.statement_url, words.instructions, words.until)):
        return None
    return UsageRights(
        holder=words.copyright[:LINE],
        terms=words.terms[:LINE],
        statement_url=words.statement_url[:LINE],
        instructions=words.instructions[:LINE],
        until=end_of(words.until),
    )


def end_of(text: str) -> datetime | None:
    """A time in ISO 8601, or the end of a day; None where it is neither."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == len("2026-11-28"):
        moment = datetime.combine(moment, time(23, 59, 59))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
