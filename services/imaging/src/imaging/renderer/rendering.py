"""The whole set of one photo: opened once, decoded once, and every rendition made from that one picture."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import pyvips

from imaging.domain.crops import Box, Pixels, Point, crop_box, cuts_faces, focus_of, to_pixels
from imaging.domain.faces import head_of
from imaging.domain.limits import BLURRED_BELOW, SMALL_SIDE
from imaging.domain.renditions import (
    ANIMATED_WIDTHS,
    QUALITY,
    WORDS_FROM_WIDTH,
    Format,
    Rendition,
    animated_width,
    formats_for,
    master_width,
)
from imaging.domain.words import Words
from imaging.renderer.encoding import encode, resize
from imaging.renderer.faces import find_faces
from imaging.renderer.judging import smallest
from imaging.renderer.looks import describe, sharpness
from imaging.renderer.opening import Photo, frames_of, make_master, open_photo

Say = Callable[[dict[str, Any], bytes], None]
THREADS: Final = 2


def render(job: Mapping[str, Any], body: bytes, say: Say) -> None:
    """Make the renditions that the job names; each file is said as soon as it is encoded, the manifest last.

    Raises:
        ImageRefusedError: it is no photo, is damaged beyond showing, or breaks a limit.

    """
    photo = open_photo(body)
    sizes = [Rendition(name, width, height, tuple(formats)) for name, width, height, formats in job["sizes"]]
    drawn = {name: Box(*box) for name, box in job["crops"].items()}
    master = make_master(photo, _widest(photo, sizes, drawn))
    opaque = master.flatten(background=255).copy_memory() if master.hasalpha() else master
    faces = find_faces(opaque)
    focus = Point(*job["focal_point"]) if job["focal_point"] else focus_of(faces)
    heads = [head_of(face) for face in faces]
    crops = {
        size.name: drawn.get(size.name) or crop_box(photo.width, photo.height, size.ratio, focus, heads)
        for size in sizes
        if size.ratio
    }
    words = Words(**job["words"]).or_else(photo.words)
    quality = {str(name): options for name, options in QUALITY.items()} | job["quality"]
    encoder = smallest if job["is_second_pass"] else encode
    _encode_all(_works(master, photo, sizes, crops), words, quality, say, encoder)
    manifest = {
        "width": photo.width,
        "height": photo.height,
        "frames": photo.frames,
        "focal_point": focus,
        "focal_point_by": "editor" if job["focal_point"] else "faces" if faces else "default",
        "crops": crops,
        "faces": faces,
        "words": vars(photo.words),
        "warnings": list(_warnings(photo, opaque, crops, faces)),
        **describe(master),
    }
    say({"manifest": manifest}, b"")


def _widest(photo: Photo, sizes: list[Rendition], drawn: Mapping[str, Box]) -> int:
    """Crops that nobody drew show the whole width or the whole height; how much of the width they do does not depend on the focus."""
    shares = []
    for size in sizes:
        if size.ratio:
            box = drawn.get(size.name) or crop_box(photo.width, photo.height, size.ratio, Point(0.5, 0.5))
            shares.append((size.width, box.width))
    return master_width(photo.width, sizes, shares)


Work = tuple[list[str], Format, Callable[[], pyvips.Image], int]
"""Names of renditions that are the same file, its format, what makes its pixels, how many those are."""


def _works(master: pyvips.Image, photo: Photo, sizes: list[Rendition], crops: Mapping[str, Box]) -> Iterator[Work]:
    is_animated = photo.frames > 1
    same: dict[tuple[Pixels, int, int, Format], list[str]] = {}
    for size in sizes:
        box = crops.get(size.name)
        cut = to_pixels(box, master.width, master.height) if box else Pixels(0, 0, master.width, master.height)
        width = min(size.width, cut.width)
        height = size.height if size.height and width == size.width else round(width * cut.height / cut.width)
        for file_format in formats_for(size, is_see_through=master.hasalpha() or is_animated):
            if is_animated and file_format != "jpeg":
                continue
            names = same.setdefault((cut, width, height, file_format), [])
            names.append(size.name)
            if len(names) == 1:
                yield names, file_format, partial(resize, master, size, box), width * height
    if is_animated:
        yield from _animations(photo, sizes)


def _animations(photo: Photo, sizes: list[Rendition]) -> Iterator[Work]:
    for size in sizes:
        if size.width in ANIMATED_WIDTHS and not size.ratio:
            width = animated_width(size.width, photo.width, photo.height, photo.frames)
            yield [size.name], "webp", partial(frames_of, photo, width), width * width * photo.frames


def _encode_all(
    works: Iterator[Work], words: Words, quality: Mapping[str, Any], say: Say, encoder: Callable[..., bytes]
) -> None:
    def make(work: Work) -> None:
        names, file_format, pixels, _ = work
        image = pixels()
        data = encoder(image, file_format, words if image.width >= WORDS_FROM_WIDTH else Words(), quality[file_format])
        for name in names:
            header = {"rendition": name, "format": file_format, "width": image.width, "height": image.get_page_height()}
            say(header, data)

    # the dear ones first, so that both cores end together
    in_order = sorted(works, key=lambda work: (work[1] == "jpeg", -work[3]))
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(make, in_order))


def _warnings(photo: Photo, opaque: pyvips.Image, crops: Mapping[str, Box], faces: tuple[Box, ...]) -> Iterator[str]:
    if photo.is_cut_short:
        yield "damaged"
    if max(photo.width, photo.height) < SMALL_SIDE:
        yield "small"
    elif sharpness(opaque) < BLURRED_BELOW:
        yield "blurred"
    if any(cuts_faces(box, faces) for box in crops.values()):
        yield "faces_cut"
