"""The table: event -> handler."""

from functools import partial

from chassis.worker import Timer, Worker
from contracts.events import ImageProcessed, ReleaseOrdered
from publication import bootstrap, handlers
from publication.settings import Settings


def create_worker(settings: Settings) -> Worker:
    database, press = bootstrap.database(settings), bootstrap.press(settings)
    return Worker(
        "publication",
        database,
        handlers={
            ReleaseOrdered: partial(handlers.carry_out, press=press),
            ImageProcessed: handlers.take_better_renditions,
        },
        timers=(Timer("write_lists", every_s=60, run=partial(handlers.write_lists, database, press)),),
        concurrency=4,
    )
