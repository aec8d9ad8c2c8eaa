"""Renditions that partners ask for in sizes of their own: made once for each version of a photo, then kept in the public bucket."""

from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from typing import Final

from chassis.bucket import ObjectMissing
from chassis.errors import NotFound, Refusal
from contracts.content import Box, Manifest, Point
from imaging.decoder import Order, RenderedFile
from imaging.domain import crops
from imaging.domain.faces import head_of
from imaging.domain.limits import ImageRefusedError
from imaging.domain.renditions import CONTENT_TYPES, EXTENSIONS, Rendition
from imaging.handlers import Studio, words_of
from imaging.store import Asset

PREFIX: Final = "media/r/"
"""Where they lie, by photo; publication removes them with a killed story."""
MOST_KEPT_BYTES: Final = 64 * 1024 * 1024
ROOM: Final = 3.0
"""How many times as wide as what is asked for a rendition is that stands for the original: at 3.7 SSIMULACRA2 saw 0.3 to 0.9 points less, at 2.5 up to 1.8."""


class Customs:
    """Safe to share between threads. The newest stay in memory, up to MOST_KEPT_BYTES."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size_bytes = 0
        self._lock = Lock()

    def get(self, asset: Asset, size: Rendition, spec: str) -> tuple[bytes, str]:
        """(bytes, content type).

        Raises:
            NotFound: the photo was refused, or its original is gone.
            Refusal: it cannot be decoded.

        """
        key = f"{PREFIX}{asset.image_id}/{asset.version}/{spec}"
        content_type = CONTENT_TYPES[size.formats[0]]
        with self._lock:
            body = self._kept.get(key)
            if body is not None:
                self._kept.move_to_end(key)
                return body, content_type
        try:
            body = self._studio.renditions.get(key)
        except ObjectMissing:
            body = self._make(asset, size)
            self._studio.renditions.put(key, body, content_type=content_type)
        self._keep(key, body)
        return body, content_type

    def _keep(self, key: str, body: bytes) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = body
                self._size_bytes += len(body)
            while self._size_bytes > MOST_KEPT_BYTES:
                self._size_bytes -= len(self._kept.popitem(last=False)[1])

    def _make(self, asset: Asset, size: Rendition) -> bytes:
        manifest = asset.manifest
        if manifest is None:
            raise NotFound(f"image {asset.image_id}: is not rendered")
        focus = asset.wanted.focal_point or manifest.focal_point
        box = asset.wanted.crops.get(_shape_of(size)) or _cropped(manifest, size, focus)
        order = Order(words_of(asset), focus, {size.name: box} if box else {}, (size,))
        files: list[RenderedFile] = []
        body = self._source(asset, manifest, size.width / (box.width if box else 1.0))
        try:
            self._studio.decoder.resize(body, order, manifest.faces, files.append)
        except ImageRefusedError as error:
            raise Refusal(error.detail) from None
        fitting = [file for file in files if EXTENSIONS[file.format] == EXTENSIONS[size.formats[0]]]
        if not fitting:
            raise Refusal(f"format: a photo that is see-through or moves is not had as {size.formats[0]}; ask for webp")
        return fitting[0].body

    def _source(self, asset: Asset, manifest: Manifest, width: float) -> bytes:
        """The smallest JPEG of the whole photo that is wide enough for no loss to be seen; else the original."""
        place = self._studio.renditions.url("")
        wide_enough = [
            one
            for one in manifest.renditions
            if one.name not in manifest.crops and one.width >= ROOM * width and one.url.startswith(place)
        ]
        jpegs = [one for one in wide_enough if one.content_type == CONTENT_TYPES["jpeg"]]
        is_opaque = not any(one.content_type == CONTENT_TYPES["webp"] for one in manifest.renditions)
        if jpegs and is_opaque:
            smallest = min(jpegs, key=lambda one: one.width)
            with suppress(ObjectMissing):
                return self._studio.renditions.get(smallest.url.removeprefix(place))
        return self._studio.originals.get(asset.original_key)


def _cropped(manifest: Manifest, size: Rendition, focus: Point) -> Box | None:
    """What a size with a shape of its own shows."""
    if size.ratio is None:
        return None
    heads = [head_of(crops.Box(face.x, face.y, face.width, face.height)) for face in manifest.faces]
    box = crops.crop_box(manifest.width, manifest.height, size.ratio, crops.Point(focus.x, focus.y), heads)
    return Box(x=box.x, y=box.y, width=box.width, height=box.height)


def _shape_of(size: Rendition) -> str:
    """16x9 for 1280x720: the name of the crop that an editor may have drawn."""
    for name, ratio in (("16x9", 16 / 9), ("4x3", 4 / 3), ("1x1", 1.0)):
        if size.ratio and abs(size.ratio - ratio) < 0.01:
            return name
    return ""
