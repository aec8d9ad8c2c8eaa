"""Builds the real things once, from the settings."""

from functools import partial

from chassis.database import Database
from tagging import ner
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.propose import Tools, propose
from tagging.handlers import Tagger
from tagging.settings import Settings
from tagging.shipped import shipped


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "tagging", size=settings.pool_size)


def tagger(settings: Settings) -> tuple[Tagger, tuple[str, str]]:
    """The tagger, and the versions of its model and vocabulary."""
    vocabulary = shipped()
    tools = Tools(Gazetteer(vocabulary), ner.load(), settings.home_country)
    return partial(propose, tools=tools), (ner.MODEL_VERSION, vocabulary.version)
