"""The doors through which stories come in."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema
from starlette.datastructures import UploadFile

from chassis.doors import needs
from chassis.errors import Refusal
from ingestion.domain.items import File
from ingestion.domain.story_form import MAX_IMAGES, StoryForm
from ingestion.handlers import receiving
from ingestion.handlers.intake import Intake

MAX_STORY_BYTES = 4 * 1024 * 1024


class ReceivedAnswer(BaseModel):
    story_id: UUID
    revision: int
    status: Literal["received", "unchanged"]


class UnsupportedMedia(Refusal):
    """A body of a kind that this door does not take."""

    status = 415
    title = "Unsupported media type"
    slug = "unsupported-media-type"


@dataclass(frozen=True)
class Push:
    """One request, taken apart: the story's JSON, its files by name."""

    raw: bytes
    files: dict[str, File]


async def _take_apart(request: Request) -> Push:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        raw, files = await request.body(), dict[str, File]()
    elif kind == "multipart/form-data":
        raw, files = await _multipart(request)
    else:
        raise UnsupportedMedia(
            f"content-type {kind or 'is missing'!r}: a story comes as application/json or multipart/form-data"
        )
    if len(raw) > MAX_STORY_BYTES:
        raise RequestValidationError(
            [
                {
                    "loc": ("body",),
                    "msg": f"the story has {len(raw)} bytes; the most is {MAX_STORY_BYTES}",
                    "type": "too_long",
                    "input": None,
                }
            ]
        )
    return Push(raw, files)


async def _multipart(request: Request) -> tuple[bytes, dict[str, File]]:
    async with request.form(max_files=MAX_IMAGES + 1, max_fields=10, max_part_size=MAX_STORY_BYTES) as parts:
        files: dict[str, File] = {}
        story: bytes | None = None
        for name, part in parts.multi_items():
            body = await part.read() if isinstance(part, UploadFile) else part.encode()
            if name == "story":
                story = body
            elif isinstance(part, UploadFile):
                files[name] = File(body, part.content_type or "application/octet-stream")
            else:
                raise _wrong_part(name, "is text; only `story` and files are taken")
    if story is None:
        raise _wrong_part("story", "is missing: the JSON of the story goes there")
    return story, files


class WrongPart(Refusal):
    """A part of the multipart body is missing, or is not what its name says."""

    title = "A part of the request is wrong"
    slug = "wrong-part"


def _wrong_part(name: str, message: str) -> WrongPart:
    return WrongPart(f"the part {name!r} {message}", fields=((f"/body/{name}", message),))


def _read(raw: bytes) -> StoryForm:
    try:
        return StoryForm.model_validate_json(raw)
    except ValidationError as error:
        raise RequestValidationError(
            [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        ) from None


DEFINITIONS = models_json_schema([(StoryForm, "validation")], ref_template="#/components/schemas/{model}")[1]["$defs"]
STORY_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/StoryForm", "$defs": DEFINITIONS}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["story"],
                    "properties": {"story": {"$ref": "#/components/schemas/StoryForm"}},
                    "additionalProperties": {"type": "string", "format": "binary"},
                },
                "encoding": {"story": {"contentType": "application/json"}},
            },
        },
    }
}


def story_routes(intake: Intake) -> APIRouter:
    routes = APIRouter(tags=["stories"])

    @routes.post(
        "/stories",
        status_code=202,
        response_model=ReceivedAnswer,
        openapi_extra=STORY_BODY,
        responses={200: {"model": ReceivedAnswer, "description": "nothing new"}},
    )
    @needs("ingest:write")
    def receive(
        push: Annotated[Push, Depends(_take_apart)],
        idempotency_key: Annotated[
            str | None, Header(max_length=200, description="the same key is answered the same for 7 days")
        ] = None,
    ) -> JSONResponse:
        """Take a story in, with its photos by address or as files of the same request. 202: on its way; 200: nothing new."""
        received = receiving.receive_story(_read(push.raw), push.raw, push.files, idempotency_key, intake)
        answer = {"story_id": str(received.story_id), "revision": received.revision, "status": received.status}
        return JSONResponse(answer, 200 if received.status == "unchanged" else 202)

    return routes
