"""The standard set of renditions: the one table that says what is made of each photo."""

from dataclasses import dataclass
from typing import Final, Literal

Format = Literal["avif", "jpeg"]

CONTENT_TYPES: Final[dict[Format, Literal["image/avif", "image/jpeg"]]] = {"avif": "image/avif", "jpeg": "image/jpeg"}
EXTENSIONS: Final[dict[Format, str]] = {"avif": "avif", "jpeg": "jpg"}
WORDS_FROM_WIDTH: Final = 640
"""Renditions this wide and wider carry caption and credit in the file."""


@dataclass(frozen=True)
class Rendition:
    """One size. `ratio` None: the whole photo at this width; else cut to width / height. Never upscaled."""

    name: str
    width: int
    height: int | None
    formats: tuple[Format, ...] = ("avif", "jpeg")

    @property
    def ratio(self) -> float | None:
        return self.width / self.height if self.height else None


STANDARD_SET: Final[tuple[Rendition, ...]] = (
    Rendition("w320", 320, None),
    Rendition("w640", 640, None),
    Rendition("w960", 960, None),
    Rendition("w1280", 1280, None),
    Rendition("w1920", 1920, None),
    Rendition("16x9", 1280, 720),
    Rendition("4x3", 1280, 960),
    Rendition("1x1", 1280, 1280),
    Rendition("card", 1200, 630, ("jpeg",)),
)

QUALITY: Final[dict[Format, dict[str, object]]] = {
    # Measured as good on photos; effort 4, the usual default, costs 25 times the CPU of 0.
    "avif": {"Q": 60, "effort": 0, "bitdepth": 10, "compression": "av1", "subsample_mode": "on"},
    "jpeg": {"Q": 78, "interlace": True, "optimize_coding": True, "subsample_mode": "on"},
}
