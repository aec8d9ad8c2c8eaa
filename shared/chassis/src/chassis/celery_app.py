"""The one file that knows Celery and kombu: how a message looks, and every setting, each with its reason.

Celery on Redis loses messages on SIGKILL whatever its settings (celery#4354, kombu#305). Here that is harmless: the
ledger sends again what is not handled within its lease. So nothing below tries to make Redis reliable; it makes it quick.
"""

import base64
import json
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import worker_ready
from kombu.entity import Queue

from chassis import redis_address
from chassis.ledger import PRIORITIES, queue_name

Place: TypeAlias = tuple[float, int]
"""(when the relay claimed it, the first delivery's id): messages leave their queue in this order."""

TASK_LIMIT_S: Final = 600
"""No handler may run longer; long work is many events."""

TRANSPORT_OPTIONS: Final = {
    # A Redis that hangs must be noticed: without these a publish to a stopped one waits 25 s and more.
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "retry_on_timeout": True,
    # kombu's default pool of 10 runs dry with threads, and then acks are lost.
    "max_connections": 50,
    # Only one number is used by the transport for queue order: urgent before routine before bulk, as the worker lists them.
    "queue_order_strategy": "priority",
    # One Redis list a queue. Priorities are queues of our own (0 would be the highest on Redis, against AMQP's order).
    "priority_steps": [0],
    "sep": ":",
}


def make_celery(service: str, redis_url: str) -> Celery:
    """The Celery application of one service. It has one task, `<service>.handle`, and one queue an urgency."""
    broker, watched = redis_address.for_celery(redis_url)
    app = Celery(service, broker=broker, set_as_current=False)
    app.conf.update(
        broker_transport_options={
            **TRANSPORT_OPTIONS,
            **watched,
            # Own keys a role: the shortest visibility timeout of any role on one Redis would else rule them all.
            "unacked_key": f"{service}.unacked",
            "unacked_index_key": f"{service}.unacked_index",
            "unacked_mutex_key": f"{service}.unacked_mutex",
            "visibility_timeout": 3 * TASK_LIMIT_S,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a worker outlives any outage of Redis; 100 tries would end it
        broker_heartbeat=0,  # Redis has none
        # no_ack: kombu imitates acks with three Redis commands a message, two thirds of a worker's CPU.
        # The ledger knows better than Redis what is done.
        task_queues=[_queue(queue_name(service, priority)) for priority in PRIORITIES],
        task_create_missing_queues=False,
        task_acks_late=True,  # has no effect with no_ack, and must not be false should somebody turn that off
        task_reject_on_worker_lost=True,
        task_ignore_result=True,  # no result backend: the ledger is the result
        result_backend=None,
        worker_send_task_events=False,  # our metrics come from the ledger; events cost a publish a task
        task_send_sent_event=False,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,  # take a message only when a thread is free, so urgent ones never lie behind others in memory
        worker_hijack_root_logger=False,  # our JSON logs stay
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,  # pidbox queues and a fanout connection that nobody reads
        worker_cancel_long_running_tasks_on_connection_loss=False,  # a lost Redis must not stop work whose truth is in the ledger
        task_serializer="json",
        accept_content=["json"],
        enable_utc=True,
    )
    return app


def _queue(name: str) -> Queue:
    return Queue(name, routing_key=name, no_ack=True)  # type: ignore[no-untyped-call]


def run_worker(
    app: Celery,
    handle: Callable[[dict[str, Any]], None],
    tell_ready: Callable[[], None],
    *,
    pool: str,
    concurrency: int,
    name: str,
) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in hand. Never prefork: libvips hangs after a fork."""
    worker_ready.connect(lambda **_: tell_ready(), weak=False)
    # Inside a container root is the only user; what it may do is the container's business.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    app.task(name=f"{app.main}.handle", ignore_result=True)(handle)
    # Celery's command line would do the same, after loading a prompt, a shell and all other commands.
    app.Worker(
        hostname=name,
        pool=pool,
        concurrency=concurrency,
        quiet=True,  # no banner between the log lines
        without_gossip=True,  # workers do not talk to each other
        without_mingle=True,
        without_heartbeat=True,
        loglevel="WARNING",
    ).start()


class Message(NamedTuple):
    """For one queue: the task's only argument as JSON text, and its place among the others."""

    queue: str
    service: str
    message_id: str
    argument: str
    place: Place


class Sender:
    """Puts messages for workers into Redis, many in one round trip."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis_address.client(redis_url, socket_timeout=3, socket_connect_timeout=2, socket_keepalive=True)

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages in order.

        Raises:
            redis.RedisError: some or all were not sent.

        """
        by_queue: dict[str, list[str]] = {}
        for message in messages:
            by_queue.setdefault(message.queue, []).append(celery_message(message))
        pipeline = self._redis.pipeline(transaction=False)
        for queue, texts in by_queue.items():
            pipeline.lpush(queue, *texts)
        pipeline.execute()

    def next_in(self, queues: Sequence[str]) -> dict[str, Place | None]:
        """The place of the message that each queue would give next.

        Raises:
            redis.RedisError: Redis does not answer.

        """
        if not queues:
            return {}
        pipeline = self._redis.pipeline(transaction=False)
        for queue in queues:
            pipeline.lindex(queue, -1)
        return {queue: _place(text) if text else None for queue, text in zip(queues, pipeline.execute(), strict=True)}

    def close(self) -> None:
        self._redis.close()


def check(redis_url: str) -> None:
    """For /readyz.

    Raises:
        redis.RedisError: Redis does not answer.

    """
    with redis_address.opened(redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
        client.ping()


def celery_message(message: Message) -> str:
    """A task message as kombu's Redis transport stores it: Celery message protocol 2 in a base64 body.

    Source: docs.celeryq.dev, "Message Protocol", version 2; kombu.transport.virtual.Message.
    """
    queue, service, message_id, argument, place = message
    body = base64.b64encode(
        f'[[{argument}], {{}}, {{"callbacks": null, "errbacks": null, "chain": null, "chord": null}}]'.encode()
    ).decode()
    return (
        f'{{"body": "{body}", "content-encoding": "utf-8", "content-type": "application/json", '
        f'"headers": {{"lang": "py", "task": "{service}.handle", "id": "{message_id}", "root_id": "{message_id}", '
        f'"parent_id": null, "group": null, "argsrepr": "", "kwargsrepr": "{{}}", "ignore_result": true, "place": {json.dumps(place)}}}, '
        f'"properties": {{"correlation_id": "{message_id}", "delivery_mode": 2, "priority": 0, "body_encoding": "base64", '
        f'"delivery_tag": "{message_id}", "delivery_info": {{"exchange": "", "routing_key": {json.dumps(queue)}}}}}}}'
    )


def _place(text: bytes) -> Place:
    claimed_at, delivery_id = json.loads(text)["headers"].get("place", (0.0, 0))
    return claimed_at, delivery_id
