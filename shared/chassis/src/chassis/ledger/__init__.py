"""The ledger is the truth about events; Redis and Celery only carry it. Plain SQL on the schema `ledger`."""

from chassis.ledger.claim import claim_due, claim_timers, give_back, hold, next_due_in
from chassis.ledger.mark import (
    bury_lost,
    extend_leases,
    extend_timers,
    mark_all_handled,
    mark_failed,
    mark_handled,
    mark_rejected,
    mark_started,
    mark_timer_done,
)
from chassis.ledger.words import PRIORITIES, TIMER_LEASE_S, Delivery, Dispatch, TimerDispatch, queue_name
from chassis.ledger.write import declare_consumer, declare_timer, wake, write, write_all

__all__ = [
    "PRIORITIES",
    "TIMER_LEASE_S",
    "Delivery",
    "Dispatch",
    "TimerDispatch",
    "bury_lost",
    "claim_due",
    "claim_timers",
    "declare_consumer",
    "declare_timer",
    "extend_leases",
    "extend_timers",
    "give_back",
    "hold",
    "mark_all_handled",
    "mark_failed",
    "mark_handled",
    "mark_rejected",
    "mark_started",
    "mark_timer_done",
    "next_due_in",
    "queue_name",
    "wake",
    "write",
    "write_all",
]
