"""Reading an append-only table of numbered changes while others write it: nothing is missed, though numbers may appear out of order."""

from collections.abc import Iterable
from typing import Final

PATIENCE_S: Final = 15.0
"""A number missing this long belongs to a transaction that was rolled back."""


class Tail:
    """What has been read so far. `safe_id`: everything up to it was read, so a reader may start again from there."""

    def __init__(self, start: int) -> None:
        self.safe_id = start
        self._highest = start
        self._missing: dict[int, float] = {}

    def take(self, ids: Iterable[int], now_s: float) -> list[int]:
        """Those of the numbers above `safe_id` that are new. `now_s` is a monotonic clock."""
        new = []
        for number in sorted(ids):
            if number > self._highest:
                self._missing |= dict.fromkeys(range(self._highest + 1, number), now_s)
                self._highest = number
                new.append(number)
            elif self._missing.pop(number, None) is not None:
                new.append(number)
        self._missing = {number: since for number, since in self._missing.items() if now_s - since < PATIENCE_S}
        self.safe_id = min(self._missing, default=self._highest + 1) - 1
        return new
