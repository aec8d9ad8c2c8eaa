"""What others may ask about photos."""

from typing import Any
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel

from chassis.doors import Policy
from chassis.errors import NotFound
from chassis.web import create_app as create_chassis_app
from contracts.content import Manifest
from imaging import bootstrap
from imaging.domain.renditions import STANDARD_SET
from imaging.settings import Settings
from imaging.store import Assets


class AssetAnswer(BaseModel):
    image_id: UUID
    story_id: UUID
    caption: str
    credit: str
    version: int
    manifest: Manifest | None


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    database = bootstrap.database(settings)
    studio = bootstrap.studio(settings)
    checks = {"originals": studio.originals.check, "renditions": studio.renditions.check}
    doors = Policy(settings, database, reads="media:read", writes="media:write")
    app = create_chassis_app(service="imaging", title="Depesha imaging", database=database, checks=checks, doors=doors)

    @app.get("/assets/{image_id}")
    def asset(image_id: UUID) -> AssetAnswer:
        """A photo and its manifest; null where it was refused or is not rendered yet."""
        with database.connection() as connection:
            found = Assets(connection).get(image_id)
        if found is None:
            raise NotFound(f"image {image_id}: not known here")
        return AssetAnswer.model_validate(vars(found), extra="ignore")

    @app.get("/renditions")
    def renditions() -> list[dict[str, Any]]:
        """The standard set that is made of each photo."""
        return [
            {"name": one.name, "width": one.width, "height": one.height, "formats": one.formats} for one in STANDARD_SET
        ]

    return app
