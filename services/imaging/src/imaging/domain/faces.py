"""Which of the detector's many boxes are faces, one each."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from imaging.domain.crops import Box

SAME: Final = 0.35
"""Two boxes that share this much of the smaller one show the same face."""
MOST_FACES: Final = 60


class Found(NamedTuple):
    box: Box
    score: float


def choose_faces(found: Iterable[Found]) -> tuple[Box, ...]:
    """The surest box of each face, cut to the photo, largest first."""
    chosen: list[Box] = []
    for one in sorted(found, key=lambda face: -face.score):
        box = _inside(one.box)
        if box.width > 0 and box.height > 0 and all(_shared(box, other) < SAME for other in chosen):
            chosen.append(box)
    return tuple(sorted(chosen, key=lambda box: -box.width * box.height)[:MOST_FACES])


def _inside(box: Box) -> Box:
    left, top = min(max(box.x, 0.0), 1.0), min(max(box.y, 0.0), 1.0)
    right, bottom = min(max(box.x + box.width, 0.0), 1.0), min(max(box.y + box.height, 0.0), 1.0)
    return Box(left, top, right - left, bottom - top)


def _shared(one: Box, other: Box) -> float:
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    smaller = min(one.width * one.height, other.width * other.height)
    return width * height / smaller if width > 0 and height > 0 else 0.0


def head_of(face: Box) -> Box:
    """Hair and chin, too: the detector's box ends at the brows. What a crop should keep whole."""
    top = max(face.y - 0.35 * face.height, 0.0)
    left = max(face.x - 0.05 * face.width, 0.0)
    bottom = min(face.y + 1.1 * face.height, 1.0)
    right = min(face.x + 1.05 * face.width, 1.0)
    return Box(left, top, right - left, bottom - top)
