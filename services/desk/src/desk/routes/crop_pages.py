"""How a photo is cut: by what matters in it, or by hand."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.database import Database
from contracts.content import Box, Point
from desk.domain.people import Actor
from desk.handlers import editing
from desk.routes.sign_in import Guard

CropName = Literal["16x9", "4x3", "1x1", "card"]


class CropForm(BaseModel):
    """A crop of one ratio, as fractions of the photo."""

    model_config = ConfigDict(extra="forbid")

    name: CropName
    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)

    @property
    def box(self) -> Box:
        return Box(x=self.x, y=self.y, width=min(self.width, 1 - self.x), height=min(self.height, 1 - self.y))


def make_router(database: Database, guard: Guard) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.post("/stories/{story_id}/images/{image_id}/focus")
    def focus(
        story_id: UUID,
        image_id: UUID,
        who: Who,
        x: Annotated[float, Form(ge=0, le=1)],
        y: Annotated[float, Form(ge=0, le=1)],
    ) -> Response:
        editing.move_focus(story_id, image_id, Point(x=x, y=y), {}, who, database.unit_of_work())
        return Response(status_code=204)

    @router.post("/stories/{story_id}/images/{image_id}/crop")
    def draw_crop(story_id: UUID, image_id: UUID, who: Who, crop: Annotated[CropForm, Form()]) -> Response:
        """A crop drawn by hand stands above the focus for this one ratio."""
        editing.move_focus(story_id, image_id, None, {crop.name: crop.box}, who, database.unit_of_work())
        return Response(status_code=204)

    @router.post("/stories/{story_id}/images/{image_id}/crop/automatic")
    def undo_crop(story_id: UUID, image_id: UUID, who: Who, name: Annotated[CropName, Form()]) -> Response:
        """The crop of this ratio follows the focus again."""
        editing.move_focus(story_id, image_id, None, {name: None}, who, database.unit_of_work())
        return Response(status_code=204)

    return router
