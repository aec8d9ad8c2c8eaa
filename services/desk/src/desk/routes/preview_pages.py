"""A story as it would be published: the page, and the cards that others show of it."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from chassis.database import Database
from desk.domain.cards import card_of
from desk.domain.people import Actor
from desk.domain.release import build_snapshot
from desk.neighbours import NeighbourDown, Neighbours
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.routes.story_panel import find_story
from desk.store.facts import Facts

PREVIEW_POLICY: Final = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline' *; font-src * data:; frame-ancestors 'self'"
)
"""A preview is somebody's words: it may show itself, and nothing of it may run. It stands in a sandboxed frame besides."""


def make_router(database: Database, pages: Pages, guard: Guard, neighbours: Neighbours) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.get("/stories/{story_id}/preview")
    def preview(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            story = find_story(story_id, connection)
        return pages.page("_preview.html", request, who, story=story)

    def page_of(story_id: UUID) -> str:
        with database.connection() as connection:
            story = find_story(story_id, connection)
            facts = Facts(connection).images(story_id)
        manifests = {image_id: fact.manifest for image_id, fact in facts.items() if fact.manifest}
        snapshot = build_snapshot(story.draft, manifests, story.source)
        return neighbours.preview(story_id, snapshot, datetime.now(UTC).isoformat())

    @router.get("/stories/{story_id}/preview/page")
    def preview_page(story_id: UUID, _who: Who) -> Response:
        """The page exactly as publication would make it now."""
        headers = {"content-security-policy": PREVIEW_POLICY, "cache-control": "no-store"}
        return HTMLResponse(page_of(story_id), headers=headers)

    @router.get("/stories/{story_id}/preview/cards")
    def preview_cards(request: Request, story_id: UUID, who: Who) -> Response:
        """How Telegram, VK, Dzen and Google would show the page, by what its head says."""
        try:
            card = card_of(page_of(story_id))
        except NeighbourDown:
            card = None
        return pages.page("_cards.html", request, who, card=card)

    return router
