"""The relay carries due deliveries from the ledger to Redis. Any number may run; a dead Redis slows nobody but the relay."""

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from types import FrameType

import psycopg
import redis

from chassis import handover, ledger, logs, metrics
from chassis.celery_app import Message, Place, Sender
from chassis.ledger import Dispatch, TimerDispatch, queue_name
from chassis.pool import RELAY_LINGER_S, connection_options

BATCH = 500
LOOK_AGAIN_S = 0.002
"""Between two looks while there is work; a NOTIFY is not needed then."""
LONGEST_PAUSE_S = 0.016
"""Pauses double up to this while looks find nothing; a NOTIFY ends them. Otherwise looking takes more CPU than what is looked for."""
LONGEST_SLEEP_S = 0.5
"""Polling is the fallback should a NOTIFY be missed."""
SPREAD = 8
"""A backlog is cut into at least this many messages before they are filled up."""
AFTER_A_FAILURE_S = 0.2
KEEP_HOUSE_EVERY_S = 600

log = logs.get()


class Relay:
    def __init__(self, database_url: str, redis_url: str) -> None:
        self._database_url = database_url
        self._sender = Sender(redis_url)
        self._stopping = False

    def stop(self, *_: int | FrameType | None) -> None:
        self._stopping = True

    def run(self) -> None:
        """Work until `stop`; survives restarts of PostgreSQL and Redis."""
        while not self._stopping:
            try:
                with psycopg.connect(
                    self._database_url, **connection_options("ledger", is_durable=False)
                ) as connection:
                    connection.execute("LISTEN ledger")
                    handover.tell_ready()
                    self._work(connection)
            except psycopg.OperationalError as error:
                log.warning("the relay lost the database", reason=str(error).strip())
                time.sleep(random.uniform(0.2, 0.6))  # noqa: S311 - spreads reconnects, guards nothing

    def _work(self, connection: psycopg.Connection) -> None:
        busy_until = keep_house_at = 0.0
        pause_s = LOOK_AGAIN_S
        while not self._stopping:
            has_sent = bool(self.turn(connection))
            if has_sent:
                busy_until, pause_s = time.monotonic() + RELAY_LINGER_S, LOOK_AGAIN_S
            if time.monotonic() >= keep_house_at:
                connection.execute("SELECT ledger.make_days(7)")
                keep_house_at = time.monotonic() + KEEP_HOUSE_EVERY_S
            if has_sent:
                time.sleep(LOOK_AGAIN_S)
            elif time.monotonic() < busy_until:
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                _listen(connection, pause_s)
            else:
                self._sleep(connection)

    def turn(self, connection: psycopg.Connection) -> int:
        """Send all that is due now, at most `BATCH`. Returns how many messages went out."""
        timers = ledger.claim_timers(connection)
        dispatches = ledger.claim_due(connection, BATCH)
        if not timers and not dispatches:
            return 0
        try:
            dispatches = self._without_those_still_queued(connection, dispatches)
            self._sender.send([_timer_message(timer) for timer in timers] + pack(dispatches))
        except redis.RedisError as error:
            metrics.UNSENT.inc()
            log.warning("the relay could not reach Redis", reason=str(error), kept=len(dispatches))
            ledger.give_back(connection, dispatches, wait_s=1.0)
            for timer in timers:
                ledger.mark_timer_done(connection, timer.consumer, timer.name)
            time.sleep(AFTER_A_FAILURE_S)
            return 0
        _count(dispatches)
        return len(timers) + len(dispatches)

    def _without_those_still_queued(self, connection: psycopg.Connection, dispatches: list[Dispatch]) -> list[Dispatch]:
        """A queue gives first what was sent first: what was sent after its next message is still in it, and needs no copy.

        What was sent before that is in a worker's hands, whose heartbeat would have kept the lease, or it is lost.
        """
        queues = {_queue(one) for one in dispatches if one.is_resend}
        following = self._sender.next_in(sorted(queues))
        held = [one for one in dispatches if _is_still_queued(one, following.get(_queue(one)))]
        if not held:
            return dispatches
        ledger.hold(connection, held)
        held_ids = {one.delivery_id for one in held}
        return [one for one in dispatches if one.delivery_id not in held_ids]

    def _sleep(self, connection: psycopg.Connection) -> None:
        due_in = ledger.next_due_in(connection)
        if due_in is not None and due_in < 0:  # there is no room for it yet
            wait_s = LONGEST_PAUSE_S
        else:
            wait_s = LONGEST_SLEEP_S if due_in is None else min(max(due_in, LOOK_AGAIN_S), LONGEST_SLEEP_S)
        _listen(connection, wait_s)


def _listen(connection: psycopg.Connection, wait_s: float) -> None:
    """Until a NOTIFY, or so long."""
    for _ in connection.notifies(timeout=wait_s, stop_after=1):
        pass


def _queue(dispatch: Dispatch) -> str:
    return queue_name(dispatch.consumer, dispatch.priority)


def _is_still_queued(dispatch: Dispatch, following: Place | None) -> bool:
    if dispatch.sent_before is None or following is None:
        return False
    return (dispatch.sent_before, dispatch.delivery_id) >= following


def _count(dispatches: Sequence[Dispatch]) -> None:
    for (consumer, is_resend), count in Counter((one.consumer, one.is_resend) for one in dispatches).items():
        metrics.SENT.labels(consumer, "again" if is_resend else "first").inc(count)


def pack(dispatches: Sequence[Dispatch]) -> list[Message]:
    """Messages for the dispatches, in order.

    Few deliveries go one a message, so that every idle worker gets one; a backlog goes in batches, since what a message
    costs in Celery and Redis is several times what a quick handler costs.
    """
    by_queue: dict[str, list[Dispatch]] = {}
    for dispatch in dispatches:
        by_queue.setdefault(_queue(dispatch), []).append(dispatch)
    messages = []
    for queue, group in by_queue.items():
        size = min(group[0].batch, max(1, len(group) // SPREAD))
        messages += [_message(queue, group[start : start + size]) for start in range(0, len(group), size)]
    return messages


def _message(queue: str, dispatches: Sequence[Dispatch]) -> Message:
    deliveries = ", ".join(
        f'{{"delivery_id": {one.delivery_id}, "is_resend": {json.dumps(one.is_resend)}, "envelope": {one.envelope}}}'
        for one in dispatches
    )
    first = dispatches[0]
    place = (first.claimed_at, first.delivery_id)
    return Message(queue, first.consumer, str(first.delivery_id), f'{{"deliveries": [{deliveries}]}}', place)


def _timer_message(timer: TimerDispatch) -> Message:
    argument, place = json.dumps({"timer": timer.name}), (timer.claimed_at, 0)
    return Message(queue_name(timer.consumer, "urgent"), timer.consumer, f"timer.{timer.name}", argument, place)


def run(database_url: str, redis_url: str) -> None:
    relay = Relay(database_url, redis_url)
    signal.signal(signal.SIGTERM, relay.stop)
    signal.signal(signal.SIGINT, relay.stop)
    log.info("relay started")
    relay.run()
