"""A rendition's pixels become a file, with its words inside, in one pass."""

from collections.abc import Mapping
from typing import Any

import pyvips

from imaging.domain.crops import Box, to_pixels
from imaging.domain.labels import exif, iim, xmp
from imaging.domain.renditions import Format, Rendition
from imaging.domain.words import Words
from imaging.renderer.opening import ANY_HEIGHT


def resize(master: pyvips.Image, size: Rendition, box: Box | None) -> pyvips.Image:
    """Cut and scale down, never up."""
    image = master
    if box is not None:
        image = image.crop(*to_pixels(box, image.width, image.height))
    if image.width <= size.width:
        return image
    if size.height:
        return image.thumbnail_image(size.width, height=size.height, size="force")
    return image.thumbnail_image(size.width, height=ANY_HEIGHT, size="down")


def encode(image: pyvips.Image, file_format: Format, words: Words, quality: Mapping[str, Any]) -> bytes:
    """The file. JPEG and AVIF of a photo with alpha stand on white."""
    if image.hasalpha() and file_format != "webp":
        image = image.flatten(background=255)
    keep = "none"
    if words:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp(words))
        image.set_type(pyvips.GValue.blob_type, "exif-data", exif(words))
        if file_format == "jpeg":
            image.set_type(pyvips.GValue.blob_type, "iptc-data", iim(words))
        keep = "exif|xmp|iptc"
    savers = {"avif": image.heifsave_buffer, "jpeg": image.jpegsave_buffer, "webp": image.webpsave_buffer}
    data: bytes = savers[file_format](keep=keep, **quality)
    return data
