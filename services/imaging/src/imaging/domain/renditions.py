"""The standard set of renditions: the one table that says what is made of each photo. Ops may change it (`PUT /renditions`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Format = Literal["avif", "jpeg", "webp"]
ContentType = Literal["image/avif", "image/jpeg", "image/webp"]

CONTENT_TYPES: Final[dict[Format, ContentType]] = {"avif": "image/avif", "jpeg": "image/jpeg", "webp": "image/webp"}
EXTENSIONS: Final[dict[Format, str]] = {"avif": "avif", "jpeg": "jpg", "webp": "webp"}
WORDS_FROM_WIDTH: Final = 640
"""Renditions this wide and wider carry caption and credit in the file."""
ANIMATED_WIDTHS: Final = (320, 640, 960)
ANIMATED_PIXELS: Final = 40_000_000
"""All frames of one animated rendition together; a longer animation is shown smaller."""


@dataclass(frozen=True)
class Rendition:
    """One size. `height` None: the whole photo at this width; else cut to width / height. Never upscaled.

    `with_headline`: the story's headline stands on the photo, as on a card for social networks.
    """

    name: str
    width: int
    height: int | None = None
    formats: tuple[Format, ...] = ("avif", "jpeg")
    with_headline: bool = False

    @property
    def ratio(self) -> float | None:
        return self.width / self.height if self.height else None


STANDARD_SET: Final[tuple[Rendition, ...]] = (
    Rendition("w320", 320),
    Rendition("w640", 640),
    Rendition("w960", 960),
    Rendition("w1280", 1280),
    Rendition("w1920", 1920),
    Rendition("16x9", 1280, 720),
    Rendition("4x3", 1280, 960),
    Rendition("1x1", 1280, 1280),
    Rendition("card", 1200, 630, ("jpeg",)),
)

QUALITY: Final[dict[Format, dict[str, Any]]] = {
    # Effort 4, the usual default, costs 20 times the CPU of 0, and 10 bits 1.6 times that of 8: decision 19.
    "avif": {
        "Q": 60,
        "effort": 0,
        "bitdepth": 8,
        "compression": "av1",
        "encoder": "aom",
        "subsample_mode": "on",
        "tune": "iq",
    },
    "jpeg": {"Q": 78, "interlace": True, "optimize_coding": True, "subsample_mode": "on"},
    "webp": {"Q": 78, "effort": 2, "alpha_q": 90},
}


SMALLER: Final[dict[Format, tuple[dict[str, Any], ...]]] = {
    # Tried in turn in quiet hours until one is further from the photo than the quick file.
    "avif": tuple({"effort": 2, "bitdepth": 10, "Q": quality} for quality in (60, 57, 54, 51, 48)),
    "jpeg": tuple(
        {"trellis_quant": True, "overshoot_deringing": True, "optimize_scans": True, "Q": quality}
        for quality in (82, 81, 80, 79, 78)
    ),
}
WORTH_REPLACING: Final = 0.97


def formats_for(size: Rendition, *, is_see_through: bool) -> tuple[Format, ...]:
    """WebP stands for AVIF where something shines through."""
    return tuple("webp" if is_see_through and one == "avif" else one for one in size.formats)


def master_width(width: int, sizes: Sequence[Rendition], crop_shares: Sequence[tuple[int, float]]) -> int:
    """How wide the picture must be that all renditions are made from: the widest one, or more where a tight crop needs it.

    `width` is the photo's own; `crop_shares` (rendition's width, share of the photo's width that it shows).
    """
    needed = [size.width for size in sizes if not size.ratio] + [
        round(width_px / share) for width_px, share in crop_shares
    ]
    return min(width, max(needed, default=width))


def animated_width(wanted: int, width: int, height: int, frames: int) -> int:
    """The width of an animation that is asked for `wanted` px: not more than it has, nor than ANIMATED_PIXELS allow."""
    share = (ANIMATED_PIXELS / (frames * width * height)) ** 0.5
    return max(min(wanted, width, int(width * share)), 1)
