"""A link that an editor pastes: ingestion fetches the article, and its draft opens here."""

import time
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from chassis.database import Database
from desk.domain.people import Actor
from desk.neighbours import Neighbours
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.store.stories import Stories

FETCH_S: Final = 45.0
OPENS_WITHIN_S: Final = 5.0
"""The draft comes by an event, half a second later as a rule."""


def make_router(database: Database, pages: Pages, guard: Guard, neighbours: Neighbours) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.post("/links")
    def take(request: Request, who: Who, url: Annotated[str, Form(max_length=2_000)]) -> Response:
        """The article's draft, or the reason why there is none beside the address that was pasted."""
        answer = neighbours.ask("ingestion", "POST", "/links", {"url": url.strip()}, wait_s=FETCH_S)
        if not answer.is_good:
            told = answer.body if isinstance(answer.body, dict) else {}
            values = {"answer": answer, "answer_status": told.get("answer_status")}
            return pages.page("link.html", request, who, url=url, status=422, **values)
        story_id = UUID(answer.body["story_id"])
        return RedirectResponse(f"/stories/{story_id}" if _is_here(story_id, database) else "/", 303)

    return router


def _is_here(story_id: UUID, database: Database) -> bool:
    ends_at = time.monotonic() + OPENS_WITHIN_S
    while time.monotonic() < ends_at:
        with database.connection() as connection:
            if Stories(connection).get(story_id) is not None:
                return True
        time.sleep(0.1)
    return False
