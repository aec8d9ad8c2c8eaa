"""The table: event -> handler, and the timer that sends."""

from functools import partial

from chassis.worker import Timer, Worker
from contracts.events import StoryCorrected, StoryKilled, StoryPublished, StoryUnpublished
from delivery import bootstrap, handlers
from delivery.settings import Settings


def create_worker(settings: Settings) -> Worker:
    database = bootstrap.database(settings)
    drain = partial(handlers.drain, database, bootstrap.sender(settings), settings.batch_size)
    return Worker(
        "delivery",
        database,
        handlers=dict.fromkeys((StoryPublished, StoryCorrected, StoryUnpublished, StoryKilled), handlers.announce),
        timers=(Timer("drain", every_s=1, run=drain),),
        concurrency=4,
    )
