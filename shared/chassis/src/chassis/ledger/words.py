"""The words of the ledger."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from contracts.event import Priority

PRIORITIES: Final[tuple[Priority, ...]] = ("urgent", "routine", "bulk")
"""In the order in which workers drain them; the position is the number in the database."""


FULL_AT: Final = "c.in_flight - greatest(c.in_flight / 4, 1)"
"""SQL: a consumer `c` with more than this sent gets nothing more; its queue is filled up when a quarter of it is free."""

TIMER_LEASE_S: Final = 15.0
"""A timer that was sent, and that no worker is running, is sent again after this."""


def queue_name(consumer: str, priority: Priority) -> str:
    """One direct queue a consumer and urgency, e.g. `imaging.urgent`."""
    return f"{consumer}.{priority}"


@dataclass(frozen=True)
class Delivery:
    """One event on its way through one consumer, as a worker holds it."""

    delivery_id: int
    priority: Priority
    worker: str
    started: float = field(default_factory=perf_counter)

    @property
    def elapsed_ms(self) -> float:
        return (perf_counter() - self.started) * 1000


@dataclass(frozen=True)
class Dispatch:
    """A delivery that the relay has claimed and will now send. `envelope` is JSON text; times are Unix seconds of the database's clock.

    `batch`: how many may travel in one message. `sent_before`: when it was last sent, where that lease ended with no word from a worker.
    """

    delivery_id: int
    consumer: str
    priority: Priority
    claimed_at: float
    sent_before: float | None
    batch: int
    envelope: str

    @property
    def is_resend(self) -> bool:
        return self.sent_before is not None


@dataclass(frozen=True)
class TimerDispatch:
    consumer: str
    name: str
    claimed_at: float
