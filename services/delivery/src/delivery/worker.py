"""The table: event -> handler, and the timers that send, recover and keep house."""

from functools import partial

from chassis.worker import Timer, Worker
from contracts.events import StoryCorrected, StoryKilled, StoryPublished, StoryUnpublished
from delivery import bootstrap, handlers
from delivery.settings import Settings


def create_worker(settings: Settings) -> Worker:
    database = bootstrap.database(settings)
    drain = handlers.Drain(database, bootstrap.sender(settings), settings.batch_size)
    announce = partial(handlers.announce, data_url=bootstrap.links(settings))
    return Worker(
        "delivery",
        database,
        handlers=dict.fromkeys((StoryPublished, StoryCorrected, StoryUnpublished, StoryKilled), announce),
        timers=(
            Timer("drain", every_s=1, run=drain.run),
            Timer("recover", every_s=2, run=partial(handlers.recover, database)),
            Timer("keep_house", every_s=3600, run=partial(handlers.keep_house, database)),
        ),
        concurrency=4,
    )
