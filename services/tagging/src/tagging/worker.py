"""The table: event -> handler."""

from contextlib import suppress
from functools import partial

import psycopg

from chassis.worker import Timer, Worker
from contracts.events import RetagOrdered, StoryReceived, StoryRevised, TagsReviewed
from tagging import bootstrap
from tagging.handlers import retagging, stories
from tagging.settings import Settings

LEARN_EVERY_S = 30


def create_worker(settings: Settings) -> Worker:
    """One thread: the work is pure CPU, more processes are what scales it."""
    database = bootstrap.database(settings)
    open_tagger = bootstrap.tagger(settings, database)
    with suppress(psycopg.OperationalError):  # the worker waits for the database, as all do
        open_tagger()  # so that the first story does not wait for the net
    tag_story = partial(stories.tag_story, open_tagger=open_tagger)
    return Worker(
        "tagging",
        database,
        handlers={
            StoryReceived: tag_story,
            StoryRevised: tag_story,
            TagsReviewed: stories.take_review,
            RetagOrdered: partial(retagging.retag_stories, open_tagger=open_tagger),
        },
        timers=(Timer("learn", LEARN_EVERY_S, partial(stories.learn, database)),),
        pool="solo",
        concurrency=1,
    )
