"""Builds the real things once, from the settings."""

import threading
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import TypeAlias

from chassis.database import Database
from contracts.content import StoryContent
from tagging import ner
from tagging.domain.propose import Acceptance, Proposals, Tools, nobody_knows, propose
from tagging.handlers.vocabulary import seed
from tagging.library import Library, Versions
from tagging.settings import Settings
from tagging.shipped import shipped_concepts, version_of


class LoadedTagger:
    """The tagger with what lay in the library at one moment."""

    def __init__(self, tools: Tools, versions: Versions) -> None:
        self.tools = tools
        self._versions = versions

    def __call__(
        self, content: StoryContent, accepted: Acceptance = nobody_knows, day: date | None = None
    ) -> Proposals:
        return propose(content, self.tools, accepted, day)

    def versions(self) -> tuple[str, str]:
        return self._versions.model, str(self._versions.vocabulary)


OpenTagger: TypeAlias = Callable[[], LoadedTagger]


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "tagging", size=settings.pool_size)


def seeded(database: Database) -> Callable[[], None]:
    """A function that brings what is shipped into the database, where it is not there yet; asks once a process."""
    is_done = threading.Event()

    def ensure() -> None:
        if not is_done.is_set():
            concepts = shipped_concepts()
            seed(concepts, version_of(concepts), database.unit_of_work())
            is_done.set()

    return ensure


def tagger(settings: Settings, database: Database) -> OpenTagger:
    """A function that gives the tagger with the newest vocabulary; it loads 100 MB when first called."""
    ensure_seeded = seeded(database)
    library = cache(lambda: Library(database, ner.load(), settings.home_country))

    def open_tagger() -> LoadedTagger:
        ensure_seeded()
        return LoadedTagger(*library().current())

    return open_tagger
