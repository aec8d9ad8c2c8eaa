"""Renditions that partners ask for in sizes of their own: made once for each version of a photo, then kept in the public bucket."""

from collections import OrderedDict
from threading import Lock
from typing import Final

from chassis.bucket import ObjectMissing
from chassis.errors import NotFound, Refusal
from imaging.decoder import Order, RenderedFile
from imaging.domain.limits import ImageRefusedError
from imaging.domain.renditions import CONTENT_TYPES, EXTENSIONS, Rendition
from imaging.handlers import CUSTOM_PREFIX, Studio, words_of
from imaging.store import Asset

MOST_KEPT_BYTES: Final = 64 * 1024 * 1024


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
        key = f"{CUSTOM_PREFIX}{asset.image_id}/{asset.version}/{spec}"
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
        if asset.manifest is None:
            raise NotFound(f"image {asset.image_id}: is not rendered")
        wanted = asset.wanted
        drawn = wanted.crops.get(_shape_of(size))
        crops = {size.name: drawn} if drawn else {}
        order = Order(words_of(asset), wanted.focal_point or asset.manifest.focal_point, crops, (size,))
        files: list[RenderedFile] = []
        try:
            self._studio.decoder.render(self._studio.originals.get(asset.original_key), order, files.append)
        except ImageRefusedError as error:
            raise Refusal(error.detail) from None
        fitting = [file for file in files if EXTENSIONS[file.format] == EXTENSIONS[size.formats[0]]]
        if not fitting:
            raise Refusal(f"format: a photo that is see-through or moves is not had as {size.formats[0]}; ask for webp")
        return fitting[0].body


def _shape_of(size: Rendition) -> str:
    """16x9 for 1280x720: the name of the crop that an editor may have drawn."""
    for name, ratio in (("16x9", 16 / 9), ("4x3", 4 / 3), ("1x1", 1.0)):
        if size.ratio and abs(size.ratio - ratio) < 0.01:
            return name
    return ""
