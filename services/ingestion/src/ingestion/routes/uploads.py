"""The door for a folder of texts and photos: one ZIP, or its files one by one."""

import io
import zipfile
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from chassis.doors import needs
from chassis.errors import Refusal
from chassis.vault import Vault
from ingestion.domain.items import Raw
from ingestion.handlers import managing
from ingestion.handlers.intake import Intake, take_raw
from ingestion.handlers.opened import open_source

MOST_FILES = 1_000
UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}
            },
        },
    }
}


class NoUpload(Refusal):
    """The source takes no uploads, or the body is none."""

    title = "This is no upload"
    slug = "no-upload"


class UploadTaken(BaseModel):
    received: int = Field(description="stories that are on their way")
    unchanged: int = Field(description="stories that we have in these very words")
    troubles: int = Field(description="files that could not be read: GET /sources/{source_id}/troubles says why")


class Upload(BaseModel):
    body: bytes
    name: str


async def _upload(
    request: Request,
    name: Annotated[
        str, Query(max_length=200, description="what its stories are known by; again with changes: revisions")
    ],
) -> Upload:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/zip":
        return Upload(body=await request.body(), name=name)
    if kind != "multipart/form-data":
        raise NoUpload(f"content-type {kind or 'is missing'!r}: an upload is application/zip or multipart/form-data")
    packed = io.BytesIO()
    async with request.form(max_files=MOST_FILES, max_fields=0) as parts:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for field, part in parts.multi_items():
                if isinstance(part, UploadFile):
                    archive.writestr(zipfile.ZipInfo(part.filename or field), await part.read())
    return Upload(body=packed.getvalue(), name=name)


def upload_routes(intake: Intake, vault: Vault) -> APIRouter:
    routes = APIRouter(tags=["uploads"])

    @routes.post("/sources/{source_id}/uploads", openapi_extra=UPLOAD_BODY)
    @needs("ingest:write")
    def upload(source_id: str, given: Annotated[Upload, Depends(_upload)]) -> UploadTaken:
        """A ZIP, or the files of a folder with their paths as file names. Each text is a story, with the photos beside it."""
        source = open_source(managing.get(source_id, intake.database), vault)
        if source.plugin.kind != "folder":
            raise NoUpload(f"source {source_id!r}: is of kind {source.plugin.kind}; uploads go to one of kind folder")
        if not given.body:
            raise NoUpload("the body has 0 bytes")
        taken = take_raw(Raw(given.body, "application/zip", note={"name": given.name}), source, intake)
        return UploadTaken(received=taken.received, unchanged=taken.unchanged, troubles=taken.troubles)

    return routes
