"""The processes of bench section `events`, each started by name: ours (relay, worker) and bare Celery at its usual reliable settings."""

import os
import sys

from celery import Celery

from chassis import logs, relay
from chassis.database import Database
from chassis.worker import Worker
from contracts.event import Event

DATABASE, REDIS = os.environ.get("BENCH_DATABASE", ""), os.environ.get("BENCH_REDIS", "")


class BenchTicked(Event, type="bench.ticked.v1", producer="desk", consumers=("tagging",)):
    """Nothing happened, many times."""

    number: int


def nothing(_number: int) -> None:
    """A task as quick as ours."""


def bare_celery() -> Celery:
    app = Celery("bare", broker=REDIS.replace("/0", "/1"))
    app.conf.update(
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
    )
    app.task(name="bare.tick", ignore_result=True)(nothing)
    return app


def main() -> None:
    logs.configure("bench", "error")
    if sys.argv[1] == "relay":
        relay.run(DATABASE, REDIS)
    elif sys.argv[1] == "worker":
        Worker(
            "tagging",
            Database(DATABASE, "tagging"),
            {BenchTicked: lambda _event, _uow: None},
            concurrency=2,
            in_flight=512,
        ).run(REDIS)
    else:
        bare_celery().worker_main(
            [
                "--quiet",
                "worker",
                "--pool=threads",
                "--concurrency=2",
                "--without-gossip",
                "--without-mingle",
                "--without-heartbeat",
                "--loglevel=ERROR",
            ]
        )


if __name__ == "__main__":
    main()
