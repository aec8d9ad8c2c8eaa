"""When a site is left alone for a while, when it is asked again, when it is given up."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

FAILURES_IN_ROW: Final = 10
WINDOW_S: Final = 60.0
WINDOW_LEAST: Final = 20
PROBES_S: Final = (30, 60, 120, 300, 600)
"""Seconds from a pause to the first probe, from that to the second …; then every 10 minutes."""
SLOW_START_PER_S: Final = 2
"""After a pause a site may have one attempt under way, and each second so many more."""
WARN_AFTER_H: Final = (1, 24, 96)
DISABLE_AFTER_H: Final = 120
DISABLE_LEAST_FAILURES: Final = 10
DISABLE_LEAST_MESSAGES: Final = 3
HOLD_DAYS: Final = 14


def probe_after_s(step: int) -> int:
    """Seconds until probe number `step`, counted from 0."""
    return PROBES_S[min(step, len(PROBES_S) - 1)]


def warning_due(failing_h: float, warned_h: int) -> int | None:
    """The hours of the warning that is due now, if one is."""
    due = [hours for hours in WARN_AFTER_H if warned_h < hours <= failing_h]
    return due[-1] if due else None


@dataclass
class _Window:
    outcomes: deque[tuple[float, bool]] = field(default_factory=deque)
    failed: int = 0


@dataclass
class Windows:
    """The last minute's outcomes of each endpoint, as this process saw them."""

    _seen: dict[object, _Window] = field(default_factory=dict)

    def note(self, endpoint: object, *, good: bool) -> bool:
        """Count an outcome; True when half of at least 20 within a minute have failed."""
        now = time.monotonic()
        window = self._seen.setdefault(endpoint, _Window())
        window.outcomes.append((now, good))
        window.failed += not good
        while window.outcomes[0][0] < now - WINDOW_S:
            window.failed -= not window.outcomes.popleft()[1]
        return len(window.outcomes) >= WINDOW_LEAST and window.failed * 2 >= len(window.outcomes)

    def forget(self, endpoint: object) -> None:
        self._seen.pop(endpoint, None)
