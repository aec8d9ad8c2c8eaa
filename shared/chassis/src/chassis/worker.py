"""A worker: the table event -> handler of one service, and how one message is handled."""

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias

import psycopg
import structlog
from pydantic import ValidationError

import contracts.events
from chassis import handover, ledger, logs, metrics, tracing
from chassis.celery_app import make_celery, run_worker
from chassis.database import Database
from chassis.errors import Refusal
from chassis.ledger import Delivery, watch
from chassis.unit_of_work import AlreadyHandledError, UnitOfWork
from contracts.event import Envelope, Event, UnknownEventError

assert contracts.events  # noqa: S101 - importing it fills the registry of events

Handler: TypeAlias = Callable[[Any, UnitOfWork], None]
Outcome: TypeAlias = Literal["handled", "rejected", "repeated", "failed", "lost"]
"""How a handler ended. `repeated`: another worker was quicker. `lost`: the database went away."""

BEAT_S = 10.0
MARK_WITHIN_S = 0.05
"""Events of one message whose handlers opened no transaction are marked together, after this at the latest."""
MOST_LOST_STARTS = 10
"""A message whose worker vanished this often kills workers; it is set aside."""

log = logs.get()


@dataclass(frozen=True)
class Timer:
    """`run()` every so often, by one worker of all; it may also be woken (`chassis.ledger.wake`)."""

    name: str
    every_s: float
    run: Callable[[], None]


@dataclass
class Worker:
    """What one service does with events.

    `in_flight` bounds what is sent and not yet handled, over all its workers. `batch`: how many of a backlog travel in one
    message, handled one after the other by one thread; 1 where a handler takes long. `lease_s` is how long an event stays with
    a worker that is heard of no more: the heartbeat extends what is in hand, and the relay what still lies in its queue.
    """

    service: str
    database: Database
    handlers: Mapping[type[Event], Handler]
    timers: tuple[Timer, ...] = ()
    pool: Literal["threads", "solo"] = "threads"
    concurrency: int = 2
    in_flight: int = 64
    batch: int = 16
    lease_s: float = 5.0
    checks: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")
    _in_hand: dict[int | str, float] = field(default_factory=dict, repr=False)
    """Since when, by delivery id or a timer's name."""

    def run(self, redis_url: str) -> None:
        """Declare the consumer and its timers, then work until SIGTERM."""
        self.database.relax()
        self.declare()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        log.info(
            "worker started",
            events=sorted(event.event_type for event in self.handlers),
            pool=self.pool,
            concurrency=self.concurrency,
        )
        run_worker(
            make_celery(self.service, redis_url),
            self.handle,
            handover.tell_ready,
            pool=self.pool,
            concurrency=self.concurrency,
            name=f"{self.service}@{self.name}",
        )
        self._say_goodbye()
        self.database.close()

    def declare(self) -> None:
        while True:
            try:
                with self.database.connection() as connection:
                    ledger.declare_consumer(connection, self.service, self.in_flight, self.lease_s, self.batch)
                    for timer in self.timers:
                        ledger.declare_timer(connection, self.service, timer.name, timer.every_s)
            except psycopg.OperationalError as error:
                log.warning("the worker waits for the database", reason=str(error).strip())
                time.sleep(1)
            else:
                return

    def wake(self, timer: str) -> None:
        with self.database.connection() as connection:
            ledger.wake(connection, self.service, timer)

    def handle(self, message: dict[str, Any]) -> None:
        """Handle one message of the relay. Never raises: what went wrong is in the ledger and in the log."""
        works = {work.get("timer") or work["delivery_id"]: work for work in message.get("deliveries", [message])}
        began = time.monotonic()
        self._in_hand.update(dict.fromkeys(works, began))
        unmarked: dict[int, float] = {}
        try:
            for key, work in works.items():
                structlog.contextvars.clear_contextvars()
                structlog.contextvars.bind_contextvars(service=self.service)
                if "timer" in work:
                    self._insist(partial(self._run_timer, work))
                else:
                    self._insist(partial(self._handle_event, work, unmarked))
                if work.get("is_resend") or time.monotonic() > began + MARK_WITHIN_S:
                    self._mark(unmarked)
                if key not in unmarked:
                    self._in_hand.pop(key, None)
            self._mark(unmarked)
        finally:
            for key in works:
                self._in_hand.pop(key, None)

    def _mark(self, unmarked: dict[int, float]) -> None:
        """Mark what handlers did outside any transaction, all of it in one, as done.

        What was sent before waits for no other's mark: it may be what kills its workers, and must not take others with it.
        """
        if not unmarked:
            return
        self._insist(partial(self._mark_handled, dict(unmarked)))
        for delivery_id in unmarked:
            self._in_hand.pop(delivery_id, None)
        unmarked.clear()

    def _mark_handled(self, durations_ms: dict[int, float]) -> None:
        with self.database.connection() as connection:
            ledger.mark_all_handled(connection, durations_ms, self.name)

    def _insist(self, work: Callable[[], None]) -> None:
        """Again where the database went away under it: each try may use up a dead connection, then waits for a live one."""
        for tries_left in reversed(range(self.database.size + 1)):
            try:
                work()
            except psycopg.OperationalError as error:
                # After the last try the delivery's lease ends, and it is sent again.
                log.warning("the database went away while handling", reason=str(error).strip(), tries_left=tries_left)
            else:
                return

    def _run_timer(self, message: dict[str, Any]) -> None:
        name = message["timer"]
        timer = next((timer for timer in self.timers if timer.name == name), None)
        if timer is None:
            log.warning("unknown timer", timer=name)
            return
        started, outcome = time.perf_counter(), "failed"
        try:
            timer.run()
            outcome = "done"
        except psycopg.OperationalError:
            raise
        except Exception:
            log.exception("a timer failed", timer=name)
        finally:
            metrics.timer.observe(time.perf_counter() - started, self.service, name, outcome)
        with self.database.connection() as connection:
            ledger.mark_timer_done(connection, self.service, name)

    def _handle_event(self, message: dict[str, Any], unmarked: dict[int, float]) -> None:
        """Handle one event. What its handler did outside any transaction is only noted in `unmarked`, with its milliseconds."""
        envelope, event = self._open(message)
        priority = envelope.priority if envelope is not None else "routine"
        delivery = Delivery(message["delivery_id"], priority, self.name)
        if event is None or envelope is None or (message["is_resend"] and not self._may_start(delivery)):
            return
        structlog.contextvars.bind_contextvars(event_id=envelope.id, story_id=envelope.subject)
        outcome: Outcome = "lost"
        try:
            with tracing.span(f"{self.service} {envelope.type}", "consumer", envelope.traceparent, _traced(envelope)):
                outcome = self._run_handler(self.handlers[type(event)], event, delivery, unmarked)
        finally:
            metrics.handled.observe(delivery.elapsed_ms / 1000, self.service, event.event_type, outcome)
        if outcome in ("handled", "rejected"):
            metrics.leg.observe(time.time() - envelope.time.timestamp(), self.service, event.event_type)

    def _open(self, message: dict[str, Any]) -> tuple[Envelope, Event] | tuple[None, None]:
        """The event inside, or nothing: one that cannot be read is set aside with the reason."""
        try:
            envelope = Envelope.model_validate(message["envelope"])
            event = envelope.open()
            self.handlers[type(event)]
        except (ValidationError, UnknownEventError, KeyError) as error:
            log.warning("an event cannot be read", delivery_id=message["delivery_id"], reason=str(error))
            self._bury(Delivery(message["delivery_id"], "routine", self.name), f"{type(error).__name__}: {error}")
            return None, None
        return envelope, event

    def _may_start(self, delivery: Delivery) -> bool:
        with self.database.connection() as connection:
            starts = ledger.mark_started(connection, delivery)
        if starts is not None and starts > MOST_LOST_STARTS:
            log.warning("an event kills its workers", delivery_id=delivery.delivery_id, starts=starts)
            self._bury(delivery, f"its worker vanished {starts - 1} times while handling it")
            return False
        return starts is not None

    def _bury(self, delivery: Delivery, reason: str) -> None:
        with self.database.connection() as connection:
            ledger.bury_lost(connection, delivery, reason)

    def _run_handler(self, handler: Handler, event: Event, delivery: Delivery, unmarked: dict[int, float]) -> Outcome:
        uow = UnitOfWork(self.database, delivery)
        try:
            handler(event, uow)
            if not uow.is_marked:
                unmarked[delivery.delivery_id] = delivery.elapsed_ms
        except AlreadyHandledError:
            return "repeated"
        except psycopg.OperationalError:
            raise
        except Refusal as refusal:
            log.info("event refused", event_type=event.event_type, reason=refusal.detail)
            with self.database.connection() as connection:
                ledger.mark_rejected(connection, delivery, refusal.detail)
            return "rejected"
        except Exception as error:  # noqa: BLE001 - it goes to the ledger with its traceback, and is tried again
            self._fail(delivery, event, error)
            return "failed"
        return "handled"

    def _fail(self, delivery: Delivery, event: Event, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        with self.database.connection() as connection:
            result = ledger.mark_failed(connection, delivery, reason, traceback.format_exc())
        if result is not None:
            state, attempts = result
            log.warning(
                "handler failed",
                event_type=event.event_type,
                reason=reason,
                state=state,
                attempts=attempts,
                exc_info=state == "dead",
            )

    def _beat(self) -> None:
        """Say that we live, and extend the leases of work that takes long; quick handlers cost nothing."""
        every_s = min(self.lease_s, ledger.TIMER_LEASE_S) / 3
        report_at = 0.0
        while True:
            if time.monotonic() >= report_at:
                self._report()
                report_at = time.monotonic() + BEAT_S
            time.sleep(every_s)
            self._extend_older_than(every_s / 4)

    def _report(self) -> None:
        try:
            with self.database.connection() as connection:
                watch.report_worker(
                    connection,
                    self.name,
                    self.service,
                    concurrency=self.concurrency,
                    in_hand=len(self._in_hand),
                    resident_bytes=metrics.resident_bytes(),
                )
        except psycopg.Error as error:
            log.warning("the heartbeat missed the database", reason=str(error).strip())

    def _say_goodbye(self) -> None:
        try:
            with self.database.connection() as connection:
                watch.forget_worker(connection, self.name)
        except psycopg.Error as error:
            log.info("nobody heard that this worker ends", reason=str(error).strip())

    def _extend_older_than(self, age_s: float) -> None:
        before = time.monotonic() - age_s
        old = [key for key, since in list(self._in_hand.items()) if since < before]
        deliveries, timers = [key for key in old if isinstance(key, int)], [key for key in old if isinstance(key, str)]
        if not old:
            return
        try:
            with self.database.connection() as connection:
                if deliveries:
                    ledger.extend_leases(connection, deliveries)
                if timers:
                    ledger.extend_timers(connection, self.service, timers)
        except psycopg.Error as error:
            log.warning("the heartbeat missed the database", reason=str(error).strip())


def _traced(envelope: Envelope) -> dict[str, str | int]:
    return {"messaging.system": "celery", "messaging.message.id": envelope.id, "depesha.story_id": envelope.subject}
