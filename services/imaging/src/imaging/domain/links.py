"""Signed addresses of renditions that are made when somebody asks: /r/<signature>/<width>x<height>.<extension>/<image id>."""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from imaging.domain.renditions import EXTENSIONS, Format, Rendition

SPEC: Final = re.compile(r"(\d{2,4})x(\d{1,4})\.(avif|jpg|webp)")
LONGEST_SIDE: Final = 4_000
FORMATS: Final[dict[str, Format]] = {extension: name for name, extension in EXTENSIONS.items()}


def spec_of(width: int, height: int | None, file_format: Format) -> str:
    """`512x0.avif`: 0 is the height that the photo's own shape gives."""
    return f"{width}x{height or 0}.{EXTENSIONS[file_format]}"


def read_spec(spec: str) -> Rendition:
    """What a spec asks for.

    Raises:
        ValueError: it is none, or a side is longer than LONGEST_SIDE.

    """
    found = SPEC.fullmatch(spec)
    if found is None or max(int(found[1]), int(found[2])) > LONGEST_SIDE or int(found[1]) < 16:
        raise ValueError(f"{spec[:40]!r}: asks for WIDTHxHEIGHT.avif, .jpg or .webp with sides up to {LONGEST_SIDE}")
    return Rendition("custom", int(found[1]), int(found[2]) or None, (FORMATS[found[3]],))


def sign(key: str, spec: str, image_id: UUID) -> str:
    """128 bits of HMAC-SHA256 in URL-safe base64."""
    return (
        urlsafe_b64encode(hmac.digest(key.encode(), f"{spec}/{image_id}".encode(), "sha256")[:16]).decode().rstrip("=")
    )


def is_signed(keys: Sequence[str], signature: str, spec: str, image_id: UUID) -> bool:
    return any(hmac.compare_digest(sign(key, spec, image_id).encode(), signature.encode()) for key in keys)
