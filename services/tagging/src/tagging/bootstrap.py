"""Builds the real things once, from the settings."""

from functools import partial

from chassis.database import Database
from tagging import ner
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.propose import propose
from tagging.domain.vocabulary import shipped
from tagging.handlers import Tagger
from tagging.settings import Settings


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "tagging", size=settings.pool_size)


def tagger(settings: Settings) -> tuple[Tagger, tuple[str, str]]:
    """The tagger, and the versions of its model and vocabulary."""
    vocabulary = shipped()
    made = partial(propose, gazetteer=Gazetteer(vocabulary), find_names=ner.load(), home_country=settings.home_country)
    return made, (ner.MODEL_VERSION, vocabulary.version)
