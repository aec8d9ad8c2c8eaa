"""The table: event -> handler."""

from functools import partial

from chassis.worker import Worker
from contracts.events import FocalPointMoved, ImageAttached, StoryReceived
from imaging import bootstrap, handlers
from imaging.settings import Settings


def create_worker(settings: Settings) -> Worker:
    """Two threads: while one photo is decoded in the child (on both cores), another is fetched or put away."""
    studio = bootstrap.studio(settings)
    return Worker(
        "imaging",
        bootstrap.database(settings),
        handlers={
            StoryReceived: partial(handlers.process_story, studio=studio),
            ImageAttached: partial(handlers.process_image, studio=studio),
            FocalPointMoved: partial(handlers.move_focus, studio=studio),
        },
        checks={"originals": studio.originals.check, "renditions": studio.renditions.check},
        concurrency=2,
        batch=1,
        in_flight=24,
    )
