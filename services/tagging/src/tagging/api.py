"""Proposals for any text, e.g. while an editor types."""

from functools import cache
from html import escape

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from chassis.doors import Policy, needs
from chassis.web import create_app as create_chassis_app
from contracts.content import Paragraph, RubricProposal, StoryContent, TagProposal
from tagging import bootstrap
from tagging.settings import Settings


class Text(BaseModel):
    model_config = ConfigDict(extra="forbid")

    headline: str = Field(min_length=1, max_length=500)
    lede: str = Field(default="", max_length=4_000)
    body: str = Field(default="", max_length=100_000, description="plain text; blank lines part paragraphs")


class Suggested(BaseModel):
    tags: tuple[TagProposal, ...]
    rubrics: tuple[RubricProposal, ...]


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    tagger = cache(lambda: bootstrap.tagger(settings)[0])  # the net takes 100 MB; loaded when first asked
    database = bootstrap.database(settings)
    doors = Policy(settings, database, reads="tags:read", writes="tags:admin")
    app = create_chassis_app(service="tagging", title="Depesha tagging", database=database, doors=doors)

    @app.post("/suggestions")
    @needs("tags:read")
    def suggest(text: Text) -> Suggested:
        """Tags and rubrics for a text that is not saved anywhere."""
        paragraphs = tuple(Paragraph(html=escape(part)) for part in text.body.split("\n\n") if part.strip())
        proposals = tagger()(StoryContent(headline=text.headline, lede=text.lede, blocks=paragraphs))
        return Suggested(tags=proposals.tags, rubrics=proposals.rubrics)

    return app
