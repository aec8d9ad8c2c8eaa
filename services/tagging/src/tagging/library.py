"""What the tagger works with now: made from the database, and made again, in the background, when somebody changed it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from chassis import logs
from chassis.database import Database
from tagging import ner
from tagging.domain.classifier import Classifier
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.propose import Tools, knows_no_rubric
from tagging.domain.ranking import SHIPPED
from tagging.domain.reading import FindNames
from tagging.domain.rubrics import SHIPPED_RULES, Rule
from tagging.domain.vocabulary import Vocabulary
from tagging.store.models import Models
from tagging.store.vocabulary import Concepts

log = logs.get()


@dataclass(frozen=True)
class Versions:
    """Of all that a proposal depends on. The shipped rules, weights and the missing rubrics' model are version 0."""

    vocabulary: int = 0
    models: Mapping[str, int] = field(default_factory=dict)

    @property
    def model(self) -> str:
        names = ("ranking", "rubrics", "rules")
        return f"{ner.MODEL_VERSION} " + " ".join(f"{name}={self.models.get(name, 0)}" for name in names)


class Library:
    """One a process. `current` is quick; a new gazetteer is built beside the old one, which serves until the new one is whole."""

    def __init__(self, database: Database, find_names: FindNames, home_country: str) -> None:
        self._database = database
        self._find_names = find_names
        self._home_country = home_country
        self._lock = threading.Lock()
        self._shelf: tuple[Versions, Tools] | None = None
        self._builder: threading.Thread | None = None

    def current(self) -> tuple[Tools, Versions]:
        """The newest that is whole; only the first call waits for it."""
        with self._database.connection() as connection:
            wanted = _versions(connection)
        with self._lock:
            shelf = self._shelf
            if shelf is None:
                shelf = self._shelf = self._build(None)
            elif shelf[0] != wanted and (self._builder is None or not self._builder.is_alive()):
                self._builder = threading.Thread(target=self._renew, args=(shelf,), name="library", daemon=True)
                self._builder.start()
        return shelf[1], shelf[0]

    def wait(self) -> None:
        """Until a renewal that has begun is done."""
        if self._builder is not None:
            self._builder.join()

    def _renew(self, shelf: tuple[Versions, Tools]) -> None:
        try:
            self._shelf = self._build(shelf)
        except psycopg.Error as error:
            log.warning("the vocabulary cannot be read; the one before it goes on", reason=str(error).strip())
        else:
            log.info("vocabulary renewed", vocabulary=self._shelf[0].vocabulary, **self._shelf[0].models)

    def _build(self, shelf: tuple[Versions, Tools] | None) -> tuple[Versions, Tools]:
        """Everything as it was at one moment."""
        with self._database.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            versions = _versions(connection)
            kept = {name: _body(connection, name) for name in ("ranking", "rules", "rubrics")}
            is_same = shelf is not None and shelf[0].vocabulary == versions.vocabulary
            concepts = {} if is_same else Concepts(connection).all()
        if shelf is not None and is_same:
            gazetteer = shelf[1].gazetteer
        else:
            gazetteer = Gazetteer(Vocabulary(concepts.values(), str(versions.vocabulary)))
        return versions, Tools(
            gazetteer,
            self._find_names,
            self._home_country,
            weights=kept["ranking"] or SHIPPED,
            rules=rules_of(kept["rules"]),
            classify=Classifier.from_json(kept["rubrics"]).classify if kept["rubrics"] else knows_no_rubric,
        )


def _versions(connection: psycopg.Connection) -> Versions:
    return Versions(Concepts(connection).version(), Models(connection).versions())


def rules_of(body: Any) -> tuple[Rule, ...]:  # noqa: ANN401 - JSON
    return tuple(map(Rule.model_validate, body)) if body else SHIPPED_RULES


def _body(connection: psycopg.Connection, name: str) -> Any:  # noqa: ANN401 - JSON
    kept = Models(connection).get(name)
    return kept.body if kept else None
