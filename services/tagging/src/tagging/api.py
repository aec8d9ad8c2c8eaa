"""Proposals for any text, e.g. while an editor types; the vocabulary; what was learned; archives that are tagged again."""

from datetime import UTC, datetime
from html import escape

from fastapi import FastAPI

from chassis.doors import Policy, needs
from chassis.web import MIB
from chassis.web import create_app as create_chassis_app
from contracts.content import Paragraph, StoryContent
from tagging import bootstrap
from tagging.forms import ModelAnswer, Suggested, Text
from tagging.handlers.stories import look
from tagging.routes import concepts, learning, retags, vocabulary
from tagging.settings import Settings
from tagging.store.models import Models

MOST_IMPORTED_MIB = 16


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    database = bootstrap.database(settings)
    open_tagger = bootstrap.tagger(settings, database)
    doors = Policy(settings, database, reads="tags:read", writes="tags:admin")
    app = create_chassis_app(
        service="tagging",
        title="Depesha tagging",
        database=database,
        doors=doors,
        max_body_bytes=MOST_IMPORTED_MIB * MIB,
    )

    @app.post("/suggestions")
    @needs("tags:read")
    def suggest(text: Text) -> Suggested:
        """Tags and rubrics for a text that is not saved anywhere."""
        paragraphs = tuple(Paragraph(html=escape(part)) for part in text.body.split("\n\n") if part.strip())
        content = StoryContent(headline=text.headline, lede=text.lede, blocks=paragraphs)
        tagger = open_tagger()
        model_version, vocabulary_version = tagger.versions()
        proposals = look(content, datetime.now(UTC).date(), tagger, database)
        return Suggested(
            tags=proposals.tags,
            rubrics=proposals.rubrics,
            language=proposals.language,
            model_version=model_version,
            vocabulary_version=vocabulary_version,
        )

    @app.get("/model")
    def model() -> ModelAnswer:
        """With what texts are looked at now, and how good it was when last measured."""
        tagger = open_tagger()
        model_version, vocabulary_version = tagger.versions()
        with database.connection() as connection:
            ranking, rubrics = Models(connection).get("ranking"), Models(connection).get("rubrics")
        return ModelAnswer(
            model_version=model_version,
            vocabulary_version=vocabulary_version,
            concepts=len(tagger.tools.vocabulary.by_id),
            weights=dict(tagger.tools.weights),
            learned_from=ranking.metrics if ranking else {},
            rubrics=rubrics.metrics if rubrics and rubrics.body else {},
        )

    ensure_seeded = bootstrap.seeded(database)
    app.include_router(concepts.router(database, ensure_seeded))
    app.include_router(vocabulary.router(database, ensure_seeded))
    app.include_router(learning.router(database))
    app.include_router(retags.router(database))
    return app
