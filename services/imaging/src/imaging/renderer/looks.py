"""What a photo looks like, in a few bytes: faces, average colour, hashes, sharpness."""

import base64
import math
from itertools import pairwise
from typing import Final, NamedTuple

import pyvips

from imaging.domain.crops import Box
from imaging.domain.thumbhash import thumbhash
from imaging.renderer.faces import TILED_SHORT_SIDE, find_faces
from imaging.renderer.opening import ANY_HEIGHT

SMALL: Final = 640
SHARP_GRID: Final = 8
LAPLACE: Final = ((0, 1, 0), (1, -4, 1), (0, 1, 0))
HASHED_SIDE: Final = 64


class Look(NamedTuple):
    """`description`: the fields of the manifest that `describe` makes."""

    faces: tuple[Box, ...]
    sharpness: float
    description: dict[str, str]


def look_at(master: pyvips.Image) -> Look:
    """All that is seen in an sRGB photo."""
    small = _overview(master)
    opaque = small.flatten(background=255).copy_memory() if small.hasalpha() else small
    return Look(find_faces(opaque), sharpness(opaque), describe(small))


def _overview(master: pyvips.Image) -> pyvips.Image:
    """The smallest picture that all looks can be made from, so that the master is read once."""
    scale = max(SMALL / max(master.width, master.height), TILED_SHORT_SIDE / min(master.width, master.height))
    small = master.thumbnail_image(math.ceil(master.width * scale), height=ANY_HEIGHT, size="down")
    return small.copy_memory()


def describe(photo: pyvips.Image) -> dict[str, str]:
    """`dominant_color`, `perceptual_hash` (64 bits: of 8x8 places, whether each is brighter than its right neighbour) and `thumbhash`."""
    small = photo.thumbnail_image(HASHED_SIDE, height=HASHED_SIDE, size="down").copy_memory()
    opaque = small.flatten(background=255) if small.hasalpha() else small
    red, green, blue = (round(value) for value in opaque.thumbnail_image(1, height=1, size="force").getpoint(0, 0)[:3])
    grey = opaque.colourspace("b-w").thumbnail_image(9, height=8, size="force").numpy()
    bits = "".join("1" if left > right else "0" for row in grey for left, right in pairwise(row))
    return {
        "dominant_color": f"#{red:02x}{green:02x}{blue:02x}",
        "perceptual_hash": f"{int(bits, 2):016x}",
        "thumbhash": base64.b64encode(thumbhash(small.numpy())).decode(),
    }


def sharpness(opaque: pyvips.Image) -> float:
    """How sharp the sharpest of 8x8 places is at 640 px: a portrait's background may be soft, its eyes may not.

    Grey levels; the standard deviation of the Laplacian.
    """
    small = opaque.thumbnail_image(SMALL, height=SMALL, size="down")
    edges = (
        small.colourspace("b-w")
        .cast("short")
        .conv(pyvips.Image.new_from_array([list(row) for row in LAPLACE]), precision="integer")
        .numpy()
    )
    rows, columns = max(edges.shape[0] // SHARP_GRID, 1), max(edges.shape[1] // SHARP_GRID, 1)
    places = [
        edges[top : top + rows, left : left + columns].std()
        for top in range(0, edges.shape[0] - rows + 1, rows)
        for left in range(0, edges.shape[1] - columns + 1, columns)
    ]
    return float(max(places, default=0.0))
