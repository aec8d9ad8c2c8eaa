"""Errors as an HTTP caller sees them: RFC 9457 problem details."""

from typing import Any

from fastapi.responses import JSONResponse

from chassis.errors import Refusal


class Problem(JSONResponse):
    media_type = "application/problem+json"


def problem(status: int, title: str, detail: str, *, slug: str = "about:blank", **extra: Any) -> Problem:  # noqa: ANN401 - RFC 9457 extension members are free
    """RFC 9457 problem details."""
    kind = slug if slug == "about:blank" else f"urn:depesha:problem:{slug}"
    return Problem({"type": kind, "title": title, "status": status, "detail": detail, **extra}, status_code=status)


def problem_of(error: Refusal) -> Problem:
    errors = [{"pointer": pointer, "detail": detail} for pointer, detail in error.fields]
    extra = {**error.extra, **({"errors": errors} if errors else {})}
    return problem(error.status, error.title, error.detail, slug=error.slug, **extra)
