"""The table: event -> handler."""

from functools import partial

from chassis.worker import Timer, Worker
from contracts.events import FocalPointMoved, ImageAttached, StoryKilled, StoryReceived, StoryRevised
from imaging import bootstrap, handlers
from imaging.handlers import BACKGROUND
from imaging.settings import Settings


def create_worker(settings: Settings) -> Worker:
    """Four threads: while one photo is decoded in the child (on both cores), another is fetched or put away; two for background work."""
    studio, database = bootstrap.studio(settings), bootstrap.database(settings)
    return Worker(
        "imaging",
        database,
        handlers={
            StoryReceived: partial(handlers.process_story, studio=studio),
            ImageAttached: partial(handlers.process_image, studio=studio),
            FocalPointMoved: partial(handlers.move_focus, studio=studio),
            StoryRevised: handlers.revise_headline,
            StoryKilled: handlers.drop_killed,
        },
        checks={"originals": studio.originals.check, "renditions": studio.renditions.check},
        timers=(
            Timer(BACKGROUND, every_s=5, run=partial(handlers.work_off, database, studio)),
            Timer("make_smaller", every_s=5, run=partial(handlers.make_smaller, database, studio)),
        ),
        concurrency=4,
        batch=1,
        in_flight=24,
    )
