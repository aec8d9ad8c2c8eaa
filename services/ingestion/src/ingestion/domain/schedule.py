"""When a source is visited next. Seconds; `jitter` is a number from -1 to 1 that keeps sources from marching in step."""

JITTER = 0.1
LONGEST_S = 6 * 3600
"""A source that fails is tried at least so often, and nobody may ask for more patience than four times that."""


def next_visit_s(every_s: float, wait_at_least_s: float, jitter: float) -> float:
    """After a visit that went well; the source's own wish (ttl, Retry-After) counts if it is longer."""
    return max(every_s * (1 + JITTER * jitter), min(wait_at_least_s, 4 * LONGEST_S))


def back_off_s(every_s: float, failures: int, wait_at_least_s: float, jitter: float) -> float:
    """After the visit that failed as the `failures`-th in a row, from 1: twice as long each time.

    >>> [back_off_s(300, failures, 0, 0) for failures in (1, 2, 3, 30)]
    [600.0, 1200.0, 2400.0, 21600.0]
    """
    longer = min(every_s * 2.0 ** min(failures, 20), max(LONGEST_S, every_s))
    return max(longer * (1 + JITTER * jitter), min(wait_at_least_s, 4 * LONGEST_S))
