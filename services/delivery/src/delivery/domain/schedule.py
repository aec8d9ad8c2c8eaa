"""When a failed delivery is tried again, and what an answer means."""

import random
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

DELAYS_S: Final = (5, 30, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
JITTER: Final = 0.2
LONGEST_RETRY_AFTER_S: Final = 3600

Verdict = Literal["delivered", "retry", "gone"]


@dataclass(frozen=True)
class Answer:
    """What came back. `status` None: nothing did, and `error` says why."""

    status: int | None
    body: str = ""
    retry_after: str = ""
    error: str = ""
    elapsed_ms: float = 0.0
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None


def judge(answer: Answer) -> Verdict:
    """2xx is delivered, 410 ends the endpoint, everything else (redirects too) is tried again."""
    if answer.status is not None and 200 <= answer.status < 300:
        return "delivered"
    return "gone" if answer.status == 410 else "retry"


def next_delay_s(attempts: int, answer: Answer, now: datetime) -> float | None:
    """Seconds until the next attempt after `attempts` made; None when they are used up.

    A Retry-After on 429 and 503 is obeyed up to an hour.
    """
    if attempts > len(DELAYS_S):
        return None
    delay = DELAYS_S[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads retries, guards nothing
    asked = _retry_after_s(answer.retry_after, now) if answer.status in (429, 503) else 0.0
    return max(delay, min(asked, LONGEST_RETRY_AFTER_S))


def _retry_after_s(value: str, now: datetime) -> float:
    if value.isdigit():
        return float(value)
    try:
        return max((parsedate_to_datetime(value) - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0
