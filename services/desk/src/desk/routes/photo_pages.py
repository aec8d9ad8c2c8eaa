"""A story's photos: their dialog, words, order, files from the editor's machine."""
# ruff: noqa: PLR0913, PLR0917 - a route's arguments are the form's fields

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from fastapi.responses import Response

from chassis.bucket import Bucket
from chassis.database import Database
from contracts.content import Manifest
from desk.domain.people import Actor
from desk.domain.photos import rendition_url
from desk.handlers import labels
from desk.handlers.refusals import StoryUnknown
from desk.neighbours import Neighbours
from desk.pages import Pages
from desk.routes.sign_in import Guard
from desk.routes.story_panel import StoryPanel, find_story
from desk.store.facts import Facts

RATIOS: Final = {"16x9": 16 / 9, "4x3": 4 / 3, "1x1": 1.0, "card": 1200 / 630}


def geometry_of(manifest: Manifest) -> dict[str, object]:
    """What the page's script computes crops from."""
    return {
        "width": manifest.width,
        "height": manifest.height,
        "focus": [manifest.focal_point.x, manifest.focal_point.y],
        "faces": [[face.x, face.y, face.width, face.height] for face in manifest.faces],
    }


def make_router(
    database: Database, pages: Pages, guard: Guard, panel: StoryPanel, originals: Bucket, neighbours: Neighbours
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.get("/stories/{story_id}/images/{image_id}")
    def image(request: Request, story_id: UUID, image_id: UUID, who: Who) -> Response:
        """The photo's own dialog: words, focus, crops."""
        with database.connection() as connection:
            story = find_story(story_id, connection)
            found = next((one for one in story.draft.images if one.image_id == image_id), None)
            if found is None:
                raise StoryUnknown(story_id)
            facts = Facts(connection)
            fact = facts.images(story_id).get(image_id)
            by_hand = facts.hand_crops(image_id)
        manifest = fact.manifest if fact else None
        return pages.page(
            "_image.html",
            request,
            who,
            story=story,
            image=found,
            fact=fact,
            ratios=RATIOS,
            by_hand=by_hand,
            geometry=geometry_of(manifest) if manifest else None,
            whole=rendition_url(manifest, "w960") or rendition_url(manifest, "w640"),
        )

    @router.get("/stories/{story_id}/images/{image_id}/similar")
    def similar(request: Request, story_id: UUID, image_id: UUID, who: Who) -> Response:
        """Where photos that look like this one were used before."""
        near = neighbours.similar(image_id)
        with database.connection() as connection:
            find_story(story_id, connection)
            known = Facts(connection).used_before(dict(near or ()), story_id)
        return pages.page("_similar.html", request, who, similar=None if near is None else known)

    @router.post("/stories/{story_id}/images")
    def add_image(
        request: Request, story_id: UUID, who: Who, file: UploadFile, replaces: UUID | None = None
    ) -> Response:
        """A photo from the editor's machine, at the end or in another one's place with that one's words."""
        upload = labels.Upload(file.file.read(), file.content_type or "")
        labels.attach(story_id, upload, replaces, originals, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/images/{image_id}")
    def image_words(
        request: Request,
        story_id: UUID,
        image_id: UUID,
        who: Who,
        caption: Annotated[str, Form(max_length=4000)] = "",
        credit: Annotated[str, Form(max_length=2000)] = "",
        credit_url: Annotated[str, Form(max_length=2000)] = "",
        alt_text: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        words = {
            "caption": caption.strip(),
            "credit": credit.strip(),
            "credit_url": credit_url.strip(),
            "alt_text": alt_text.strip(),
        }
        labels.set_words(story_id, image_id, words, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/images/{image_id}/arrange")
    def arrange(
        request: Request,
        story_id: UUID,
        image_id: UUID,
        who: Who,
        how: Annotated[Literal["lead", "earlier", "later", "remove"], Form()],
    ) -> Response:
        labels.arrange(story_id, image_id, how, who, database.unit_of_work())
        return panel(request, story_id, who)

    return router
