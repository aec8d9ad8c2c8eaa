"""Crop geometry: the largest rectangle of a ratio that keeps the focal point, and as many faces as it can, in good place."""

from collections.abc import Sequence
from typing import NamedTuple


class Point(NamedTuple):
    """Fractions of width and height."""

    x: float
    y: float


class Box(NamedTuple):
    """Fractions of width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> Point:
        return Point(self.x + self.width / 2, self.y + self.height / 2)


class Pixels(NamedTuple):
    left: int
    top: int
    width: int
    height: int


UPPER_THIRD = Point(0.5, 1 / 3)


def focus_of(faces: Sequence[Box]) -> Point:
    """The middle of all faces, the larger weighing more; without faces the upper third."""
    weight = sum(face.width * face.height for face in faces)
    if not weight:
        return UPPER_THIRD
    return Point(
        sum(face.center.x * face.width * face.height for face in faces) / weight,
        sum(face.center.y * face.width * face.height for face in faces) / weight,
    )


def crop_box(width: int, height: int, ratio: float, focus: Point, faces: Sequence[Box] = ()) -> Box:
    """The largest box of `ratio` (width / height) in a photo of width x height px, moved towards `focus` and over the faces."""
    if width / height > ratio:
        share = height * ratio / width
        start = _slide(share, focus.x, [(face.x, face.x + face.width) for face in faces])
        return Box(start, 0.0, share, 1.0)
    share = width / ratio / height
    start = _slide(share, focus.y, [(face.y, face.y + face.height) for face in faces])
    return Box(0.0, start, 1.0, share)


def _slide(share: float, focus: float, spans: Sequence[tuple[float, float]]) -> float:
    """Where a window of length `share` starts on [0, 1]: the focus inside it, most spans whole, the focus near its middle."""
    centered = min(max(focus - share / 2, 0.0), 1.0 - share)
    candidates = [centered, *(min(max(edge, 0.0), 1.0 - share) for low, high in spans for edge in (low, high - share))]
    keeps_focus = [start for start in candidates if start - 1e-9 <= focus <= start + share + 1e-9]

    def worth(start: float) -> tuple[float, float]:
        whole = sum(1 for low, high in spans if start - 1e-9 <= low and high <= start + share + 1e-9)
        return whole, -abs(start - centered)

    return max(keeps_focus or [centered], key=worth)


def to_pixels(box: Box, width: int, height: int) -> Pixels:
    """Whole pixels inside a photo of width x height px; at least one."""
    left, top = min(round(box.x * width), width - 1), min(round(box.y * height), height - 1)
    return Pixels(
        left,
        top,
        max(1, min(round(box.width * width), width - left)),
        max(1, min(round(box.height * height), height - top)),
    )


def cuts_faces(box: Box, faces: Sequence[Box]) -> bool:
    """Whether a face lies partly or wholly outside the box."""
    return any(
        face.x < box.x - 1e-6
        or face.y < box.y - 1e-6
        or face.x + face.width > box.x + box.width + 1e-6
        or face.y + face.height > box.y + box.height + 1e-6
        for face in faces
    )
