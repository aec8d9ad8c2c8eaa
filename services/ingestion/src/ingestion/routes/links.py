"""The door for a link that an editor pastes."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from chassis.safe_http import SafeClient
from ingestion.handlers import linking
from ingestion.handlers.intake import Intake
from ingestion.routes.source_forms import Form, StoryShown
from ingestion.routes.stories import ReceivedAnswer


class Link(Form):
    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://", examples=["https://orsk.example/news/1"])]


def link_routes(intake: Intake, client: SafeClient) -> APIRouter:
    routes = APIRouter(tags=["links"])

    @routes.post("/links", status_code=202, responses={200: {"model": ReceivedAnswer, "description": "nothing new"}})
    def take(link: Link, response: Response) -> ReceivedAnswer:
        """Take in the article on a page, with its photos. 202: on its way to the desk; 200: it is there, in these words."""
        received = linking.take_link(link.url, intake, client)
        if received.status == "unchanged":
            response.status_code = 200
        return ReceivedAnswer(story_id=received.story_id, revision=received.revision, status=received.status)

    @routes.post("/links/try")
    def try_it(link: Link) -> StoryShown:
        """What would come in from a page. Nothing is kept."""
        return StoryShown(**vars(linking.try_link(link.url, intake, client)))

    return routes
