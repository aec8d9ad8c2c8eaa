"""The table: event -> handler."""

from dataclasses import replace
from functools import partial

from chassis.worker import Timer, Worker
from contracts.events import ImageProcessed, ReleaseOrdered
from publication import bootstrap
from publication.handlers import channels, lists, releases
from publication.settings import Settings


def create_worker(settings: Settings) -> Worker:
    database, press = bootstrap.database(settings), bootstrap.press(settings)
    writer = lists.ListWriter(database, press)
    press = replace(press, wake=lists.Scribe(writer).wake)
    bootstrap.calm_collector()
    return Worker(
        "publication",
        database,
        handlers={
            ReleaseOrdered: partial(releases.carry_out, press=press),
            ImageProcessed: partial(releases.take_better_renditions, press=press),
        },
        checks={"site": press.bucket.check},
        timers=(
            Timer("write_lists", every_s=1, run=partial(press.wake, None)),
            Timer("tell_channels", every_s=5, run=partial(channels.tell_channels, database, press)),
        ),
        concurrency=4,
        batch=1,
    )
