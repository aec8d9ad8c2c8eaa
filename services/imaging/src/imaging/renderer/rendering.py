"""The whole set of one photo: opened once, decoded once, and every rendition made from that one picture."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

import pyvips

from imaging.domain.crops import Box, Pixels, Point, crop_box, cuts_faces, focus_of, to_pixels
from imaging.domain.faces import head_of
from imaging.domain.limits import BLURRED_BELOW, SMALL_SIDE
from imaging.domain.provenance import provenance_in, source_type_in
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
from imaging.renderer.credentials import Ask, Seal, read_claims
from imaging.renderer.encoding import encode, resize
from imaging.renderer.judging import smallest
from imaging.renderer.lettering import letter
from imaging.renderer.looks import Look, look_at
from imaging.renderer.opening import Photo, frames_of, make_master, open_photo

Say = Callable[[dict[str, Any], bytes], None]
THREADS: Final = 2
ABOVE_LETTERS: Final = 0.1


def render(job: Mapping[str, Any], body: bytes, say: Say, ask: Ask) -> None:
    """Make the renditions that the job names; each file is said as soon as it is encoded, the manifest last.

    A job that knows the photo's faces knows its manifest, too: none is made.

    Raises:
        ImageRefusedError: it is no photo, is damaged beyond showing, or breaks a limit.

    """
    photo = open_photo(body)
    claims = read_claims(body, photo.kind, job["trust_anchors"])
    photo = replace(photo, words=photo.words.or_else(Words(source_type=source_type_in(claims or {}))))
    sizes = [
        Rendition(name, width, height, tuple(formats), shows) for name, width, height, formats, shows in job["sizes"]
    ]
    drawn = {name: Box(*box) for name, box in job["crops"].items()}
    master = make_master(photo, _widest(photo, sizes, drawn))
    look = look_at(master) if job["faces"] is None else None
    faces = look.faces if look else tuple(Box(*face) for face in job["faces"])
    focus = Point(*job["focal_point"]) if job["focal_point"] else focus_of(faces)
    heads = [head_of(face) for face in faces]
    crops = {
        size.name: drawn.get(size.name) or crop_box(photo.width, photo.height, size.ratio, _aim(size, focus), heads)
        for size in sizes
        if size.ratio
    }
    words = Words(**job["words"]).or_else(photo.words)
    quality = {str(name): options for name, options in QUALITY.items()} | job["quality"]
    encoder = smallest if job["is_second_pass"] else encode
    seal = Seal(**job["credentials"], ask=ask, kind=photo.kind, words=words) if job["credentials"] else None
    _encode_all(_works(master, photo, sizes, crops, job["headline"]), words, quality, say, encoder, seal)
    if look is None:
        return
    provenance = provenance_in(photo.words, claims)
    manifest = {
        "width": photo.width,
        "height": photo.height,
        "frames": photo.frames,
        "focal_point": focus,
        "focal_point_by": "editor" if job["focal_point"] else "faces" if faces else "default",
        "crops": crops,
        "faces": faces,
        "words": vars(photo.words),
        "provenance": provenance.model_dump(mode="json") if provenance else None,
        "unsigned": seal.problem if seal else "",
        "warnings": list(_warnings(photo, look, crops)),
        **look.description,
    }
    say({"manifest": manifest}, b"")


def _aim(size: Rendition, focus: Point) -> Point:
    """Letters take the lower half: what matters is to stand above them."""
    return Point(focus.x, min(focus.y + ABOVE_LETTERS, 1.0)) if size.with_headline else focus


def _widest(photo: Photo, sizes: list[Rendition], drawn: Mapping[str, Box]) -> int:
    """Crops that nobody drew show the whole width or the whole height; how much of the width they do does not depend on the focus."""
    shares = []
    for size in sizes:
        if size.ratio:
            box = drawn.get(size.name) or crop_box(photo.width, photo.height, size.ratio, Point(0.5, 0.5))
            shares.append((size.width, box.width))
    return master_width(photo.width, sizes, shares)


class Work(NamedTuple):
    """Pixels that are made once, how many those are, what was done for them, and the files of them.

    `names`: the renditions that one file stands for, by its format.
    """

    pixels: Callable[[], pyvips.Image]
    size_px: int
    names: dict[Format, list[str]]
    actions: tuple[str, ...] = ()


def _works(
    master: pyvips.Image, photo: Photo, sizes: list[Rendition], crops: Mapping[str, Box], headline: str
) -> Iterable[Work]:
    is_animated = photo.frames > 1
    works: dict[tuple[Pixels, int, int, bool], Work] = {}
    for size in sizes:
        box = crops.get(size.name)
        cut = to_pixels(box, master.width, master.height) if box else Pixels(0, 0, master.width, master.height)
        width = min(size.width, cut.width)
        height = size.height if size.height and width == size.width else round(width * cut.height / cut.width)
        for file_format in formats_for(size, is_see_through=master.hasalpha() or is_animated):
            if is_animated and file_format != "jpeg":
                continue
            text = headline if size.with_headline else ""
            pixels = partial(_lettered, master, size, box, text)
            fresh = Work(pixels, width * height, {}, _actions(box, text))
            work = works.setdefault((cut, width, height, bool(text)), fresh)
            work.names.setdefault(file_format, []).append(size.name)
    return [*works.values(), *(_animations(photo, sizes) if is_animated else ())]


def _animations(photo: Photo, sizes: list[Rendition]) -> Iterator[Work]:
    for size in sizes:
        if size.width in ANIMATED_WIDTHS and not size.ratio:
            width = animated_width(size.width, photo.width, photo.height, photo.frames)
            yield Work(partial(frames_of, photo, width), width * width * photo.frames, {"webp": [size.name]})


def _lettered(master: pyvips.Image, size: Rendition, box: Box | None, text: str) -> pyvips.Image:
    image = resize(master, size, box)
    if not text:
        return image
    return letter(image.flatten(background=255) if image.hasalpha() else image, text)


def _actions(box: Box | None, text: str) -> tuple[str, ...]:
    """Source: C2PA Technical Specification 2.2, section 18.15.4."""
    is_cut = box is not None and (box.width < 1 or box.height < 1)
    return (*(("c2pa.cropped",) if is_cut else ()), *(("c2pa.addedText",) if text else ()))


def _encode_all(
    works: Iterable[Work],
    words: Words,
    quality: Mapping[str, Any],
    say: Say,
    encoder: Callable[..., bytes],
    seal: Seal | None,
) -> None:
    def make(work: Work) -> None:
        image = work.pixels().copy_memory()
        is_wide = image.width >= WORDS_FROM_WIDTH
        for file_format, names in work.names.items():
            data = encoder(image, file_format, words if is_wide else Words(), quality[file_format])
            if seal and is_wide:
                data = seal.sign(data, file_format, work.actions)
            size = {"width": image.width, "height": image.get_page_height()}
            for name in names:
                say({"rendition": name, "format": file_format, **size}, data)

    # the dear ones first, so that both cores end together
    in_order = sorted(works, key=lambda work: -work.size_px)
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(make, in_order))


def _warnings(photo: Photo, look: Look, crops: Mapping[str, Box]) -> Iterator[str]:
    if photo.is_cut_short:
        yield "damaged"
    if max(photo.width, photo.height) < SMALL_SIDE:
        yield "small"
    elif look.sharpness < BLURRED_BELOW:
        yield "blurred"
    if any(cuts_faces(box, look.faces) for box in crops.values()):
        yield "faces_cut"
