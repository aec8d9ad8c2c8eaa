"""The table: event -> handler."""

from functools import partial

from chassis.worker import Worker
from contracts.events import StoryReceived, StoryRevised, TagsReviewed
from tagging import bootstrap, handlers
from tagging.settings import Settings


def create_worker(settings: Settings) -> Worker:
    """One thread: the work is pure CPU, more processes are what scales it."""
    tagger, versions = bootstrap.tagger(settings)
    tag_story = partial(handlers.tag_story, tagger=tagger, versions=versions)
    return Worker(
        "tagging",
        bootstrap.database(settings),
        handlers={StoryReceived: tag_story, StoryRevised: tag_story, TagsReviewed: handlers.learn},
        pool="solo",
        concurrency=1,
    )
