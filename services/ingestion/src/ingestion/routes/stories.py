"""The doors through which stories come in."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema
from starlette.concurrency import run_in_threadpool
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


class Push(BaseModel):
    """One request, taken apart: the story, the bytes it was parsed from, its files by name."""

    model_config = {"arbitrary_types_allowed": True}

    form: StoryForm
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
    try:
        form = await run_in_threadpool(StoryForm.model_validate_json, raw)
    except ValidationError as error:
        raise RequestValidationError(
            [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        ) from None
    return Push(form=form, raw=raw, files=files)


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
        openapi_extra=STORY_BODY,
        responses={200: {"model": ReceivedAnswer, "description": "nothing new"}},
    )
    @needs("ingest:write")
    def receive(
        push: Annotated[Push, Depends(_take_apart)],
        response: Response,
        idempotency_key: Annotated[
            str | None, Header(max_length=200, description="the same key is answered the same for 7 days")
        ] = None,
    ) -> ReceivedAnswer:
        """Take a story in, with its photos by address or as files of the same request. 202: on its way; 200: nothing new."""
        received = receiving.receive_story(push.form, push.raw, push.files, idempotency_key, intake)
        if received.status == "unchanged":
            response.status_code = 200
        return ReceivedAnswer(story_id=received.story_id, revision=received.revision, status=received.status)

    return routes
