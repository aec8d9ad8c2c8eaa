"""The doors for what a source hands in whole: a folder of texts and photos, or an agency's items in its own format."""

import io
import zipfile
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, Field
from starlette.datastructures import UploadFile

from chassis.doors import needs
from chassis.errors import Refusal, TooLarge
from chassis.vault import Vault
from chassis.web import MIB
from ingestion.domain.items import Raw
from ingestion.handlers import managing, receiving
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


MOST_ORIGINAL_BYTES = 16 * MIB
AGENCY_TYPES = {"ninjs": "application/json", "newsml": "application/vnd.iptc.g2.newsitem+xml"}
ORIGINAL_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"description": "ninjs: an item, or a list of them"}},
            "application/xml": {"schema": {"type": "string", "description": "NewsML-G2: newsItem or newsMessage"}},
        },
    }
}


class NoUpload(Refusal):
    """The source takes no uploads, or the body is none."""

    title = "This is no upload"
    slug = "no-upload"


class UploadTaken(BaseModel):
    received: int = Field(description="stories that are on their way, those taken back included")
    unchanged: int = Field(description="stories that we have in these very words")
    troubles: int = Field(description="files that could not be read: GET /sources/{source_id}/troubles says why")


class UploadWish(BaseModel):
    model_config = {"extra": "forbid"}

    content_type: Annotated[str, Field(pattern=r"^image/[a-z0-9.+-]{2,40}$", examples=["image/jpeg"])]
    size_bytes: Annotated[int, Field(ge=1)]


class UploadTicket(BaseModel):
    upload_id: str
    url: str
    headers: dict[str, str] = Field(description="to send with the file, exactly so: they are signed")
    expires_at: AwareDatetime


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
    async with request.form(max_files=MOST_FILES, max_fields=MOST_FILES) as parts:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for field, part in parts.multi_items():
                if not isinstance(part, UploadFile):
                    raise NoUpload(f"the part {field!r} is text; only files are taken")
                archive.writestr(zipfile.ZipInfo(part.filename or field), await part.read())
    return Upload(body=packed.getvalue(), name=name)


def upload_routes(intake: Intake, vault: Vault) -> APIRouter:
    routes = APIRouter(tags=["uploads"])

    @routes.post("/uploads", status_code=201)
    @needs("ingest:write")
    def create(wish: UploadWish) -> UploadTicket:
        """A place for one photo: PUT the file to `url` with `headers`, then name `upload_id` in an image of POST /stories."""
        ticket = receiving.create_upload(wish.content_type, wish.size_bytes, intake)
        headers = {"content-type": wish.content_type, "content-length": str(wish.size_bytes)}
        return UploadTicket(upload_id=ticket.upload_id, url=ticket.url, headers=headers, expires_at=ticket.expires_at)

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

    @routes.post("/sources/{source_id}/originals", openapi_extra=ORIGINAL_BODY)
    @needs("ingest:write")
    def deliver(source_id: str, body: Annotated[bytes, Depends(_original)]) -> UploadTaken:
        """Items of an agency: ninjs as JSON, NewsML-G2 as XML. What cannot be read is told of at the source; the rest comes in."""
        source = open_source(managing.get(source_id, intake.database), vault)
        if source.plugin.kind not in AGENCY_TYPES:
            raise NoUpload(
                f"source {source_id!r}: is of kind {source.plugin.kind}; items go to one of {', '.join(AGENCY_TYPES)}"
            )
        raw = Raw(body, AGENCY_TYPES[source.plugin.kind], note={"came_at": datetime.now(UTC).isoformat()})
        taken = take_raw(raw, source, intake)
        return UploadTaken(
            received=taken.received + taken.withdrawn, unchanged=taken.unchanged, troubles=taken.troubles
        )

    return routes


async def _original(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_ORIGINAL_BYTES:
            raise TooLarge(f"the body has more than {MOST_ORIGINAL_BYTES} bytes, the most that is taken here")
    if not body:
        raise NoUpload("the body has 0 bytes")
    return bytes(body)
