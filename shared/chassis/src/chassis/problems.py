"""Errors as an HTTP caller sees them: RFC 9457 problem details."""

from typing import Any

from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from chassis.errors import Refusal


class Problem(JSONResponse):
    media_type = "application/problem+json"


def problem(status: int, title: str, detail: str, *, slug: str = "about:blank", **extra: Any) -> Problem:  # noqa: ANN401 - RFC 9457 extension members are free
    """RFC 9457 problem details. `extra`: whatever pydantic can write as JSON, such as ids and times."""
    kind = slug if slug == "about:blank" else f"urn:depesha:problem:{slug}"
    body = {"type": kind, "title": title, "status": status, "detail": detail, **extra}
    return Problem(jsonable_encoder(body), status_code=status)


def problem_of(error: Refusal) -> Problem:
    errors = [{"pointer": pointer, "detail": detail} for pointer, detail in error.fields]
    extra = {**error.extra, **({"errors": errors} if errors else {})}
    return problem(error.status, error.title, error.detail, slug=error.slug, **extra)
