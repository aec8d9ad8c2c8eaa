"""Saved versions as a person wants to see them: a run of autosaves by one hand is one line."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

FOLD_GAP: Final = timedelta(minutes=10)


class Saved(Protocol):
    @property
    def revision(self) -> int: ...
    @property
    def saved_at(self) -> datetime: ...
    @property
    def saved_by(self) -> str: ...
    @property
    def cause(self) -> str: ...


@dataclass(frozen=True)
class Fold:
    """A run of saves; `revision` is its last one, `first` its first."""

    revision: int
    first: int
    saved_at: datetime
    saved_by: str
    cause: str
    count: int


def fold_versions(versions: Iterable[Saved]) -> list[Fold]:
    """Newest first, as they come in. Restores and the source's versions stand alone."""
    folds: list[Fold] = []
    oldest_at: datetime | None = None
    for one in versions:
        last = folds[-1] if folds else None
        joins = (
            last is not None
            and oldest_at is not None
            and last.cause == one.cause == "edit"
            and last.saved_by == one.saved_by
            and oldest_at - one.saved_at <= FOLD_GAP
        )
        if joins and last is not None:
            folds[-1] = Fold(last.revision, one.revision, last.saved_at, last.saved_by, last.cause, last.count + 1)
        else:
            folds.append(Fold(one.revision, one.revision, one.saved_at, one.saved_by, one.cause, 1))
        oldest_at = one.saved_at
    return folds
