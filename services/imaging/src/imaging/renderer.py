"""The child process that decodes strangers' files: bytes in by pipe, renditions out by pipe, no credentials, no network.

`python -m imaging.renderer` reads jobs from standard input until it ends. It never forks: libvips hangs after a fork.
"""

import ctypes
import os
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ["VIPS_BLOCK_UNTRUSTED"] = "1"  # before libvips is loaded

import pyvips

from imaging.domain.crops import Box, Point, crop_box, cuts_faces, focus_of, to_pixels
from imaging.domain.limits import MAX_METADATA, SMALL_SIDE, ImageRefusedError, check_size, is_cut_short, sniff
from imaging.domain.renditions import QUALITY, STANDARD_SET, WORDS_FROM_WIDTH, Format, Rendition
from imaging.domain.words import Words, exif, iim, read_iim, read_xmp, xmp
from imaging.pipe import read_message, write_message

MEMORY_BYTES = 3 * 2**30
CPU_S_A_JOB = 20
ALLOWED_LOADERS = (
    "VipsForeignLoadJpeg",
    "VipsForeignLoadPng",
    "VipsForeignLoadWebp",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadHeif",
    "VipsForeignLoadTiff",
)
PERSONAL = ("exif", "xmp", "iptc", "gainmap", "jpeg-thumbnail", "icc", "heif", "png-comment", "gif-comment")
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000


def render(job: dict[str, Any], body: bytes, say: Callable[[dict[str, Any], bytes], None]) -> None:
    """Make the whole set of one photo; each file is said as soon as it is encoded, the manifest last."""
    kind = sniff(body)
    words = _words_inside(_open(body, kind))
    written = Words(job.get("caption") or words.caption, job.get("credit") or words.credit)
    upright_width, upright_height = _upright_size(_open(body, kind))
    faces = tuple(Box(*face) for face in job.get("faces", ()))
    focus = Point(*job["focal_point"]) if job.get("focal_point") else focus_of(faces)
    overrides = {name: Box(*box) for name, box in job.get("crops", {}).items()}
    crops = {
        size.name: overrides.get(size.name) or crop_box(upright_width, upright_height, size.ratio, focus, faces)
        for size in STANDARD_SET
        if size.ratio
    }
    warnings = ["damaged"] if is_cut_short(kind, body) else []
    master = _master(body, kind, _master_width(upright_width, upright_height, crops))

    def make(work: tuple[Rendition, Format]) -> None:
        size, file_format = work
        image = _resize(master, size, crops.get(size.name))
        data = _encode(image, file_format, written if image.width >= WORDS_FROM_WIDTH else Words())
        say({"rendition": size.name, "format": file_format, "width": image.width, "height": image.height}, data)

    jobs = [(size, file_format) for size in STANDARD_SET for file_format in size.formats]
    jobs.sort(
        key=lambda work: (work[1] != "avif", -work[0].width)
    )  # the dear ones first, so that both cores end together
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(make, jobs))

    if max(upright_width, upright_height) < SMALL_SIDE:
        warnings.append("small")
    if any(cuts_faces(box, faces) for box in crops.values()):
        warnings.append("faces_cut")
    manifest = {
        "width": upright_width,
        "height": upright_height,
        "focal_point": focus,
        "focal_point_by": "editor" if job.get("focal_point") else "faces" if faces else "default",
        "crops": crops,
        "faces": faces,
        "caption": words.caption,
        "credit": words.credit,
        "warnings": warnings,
        **_looks(master),
    }
    say({"manifest": manifest}, b"")


def _open(body: bytes, kind: str) -> pyvips.Image:
    try:
        image = pyvips.Image.new_from_buffer(body, "", access="sequential")
    except pyvips.Error as error:
        raise ImageRefusedError("damaged", f"Файл повреждён и не открывается ({_first_line(error)}).") from None
    pages = image.get("n-pages") if "n-pages" in image.get_fields() else 1
    check_size(kind, image.width, image.height, pages)
    for name, limit in MAX_METADATA.items():
        if name in image.get_fields() and len(image.get(name)) > limit:
            raise ImageRefusedError(
                "metadata_too_large", f"Метаданные {name.partition('-')[0].upper()} больше {limit // 1024} КБ."
            )
    return image


def _words_inside(image: pyvips.Image) -> Words:
    fields = image.get_fields()
    from_xmp = read_xmp(image.get("xmp-data")) if "xmp-data" in fields else Words()
    from_iim = read_iim(image.get("iptc-data")) if "iptc-data" in fields else Words()
    return from_xmp.or_else(from_iim)


def _upright_size(image: pyvips.Image) -> tuple[int, int]:
    turned = "orientation" in image.get_fields() and image.get("orientation") in (5, 6, 7, 8)
    return (image.height, image.width) if turned else (image.width, image.height)


def _master_width(width: int, height: int, crops: dict[str, Box]) -> int:
    """1920 px, or more where a tight crop needs it; never more than the photo has."""
    del height
    needed = [max(size.width for size in STANDARD_SET if not size.ratio)]
    needed += [round(size.width / crops[size.name].width) for size in STANDARD_SET if size.ratio]
    return min(width, max(needed))


def _master(body: bytes, kind: str, width: int) -> pyvips.Image:
    """The upright photo in sRGB, in memory, without anything personal. A damaged file is shown as far as it goes."""
    try:
        image = pyvips.Image.thumbnail_buffer(
            body, width, height=10_000_000, size="down", intent="perceptual", output_profile="srgb"
        )
        return _plain_srgb(image)
    except pyvips.Error as error:
        raise ImageRefusedError("damaged", f"Файл {kind.upper()} повреждён ({_first_line(error)}).") from None


def _plain_srgb(image: pyvips.Image) -> pyvips.Image:
    if image.hasalpha():
        image = image.flatten(background=255)
    if image.interpretation != "srgb":
        image = image.colourspace("srgb")
    if image.format != "uchar":
        image = image.cast("uchar")
    image = image.copy()
    for name in image.get_fields():
        if name.startswith(PERSONAL):
            image.remove(name)
    return image.copy_memory()


def _resize(master: pyvips.Image, size: Rendition, box: Box | None) -> pyvips.Image:
    image = master
    if box is not None:
        image = image.crop(*to_pixels(box, image.width, image.height))
    if image.width <= size.width:
        return image
    if size.height:
        return image.thumbnail_image(size.width, height=size.height, size="force")
    return image.thumbnail_image(size.width, height=10_000_000, size="down")


def _encode(image: pyvips.Image, file_format: Format, words: Words) -> bytes:
    keep = "none"
    if words.caption or words.credit:
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp(words))
        image.set_type(pyvips.GValue.blob_type, "exif-data", exif(words))
        if file_format == "jpeg":
            image.set_type(pyvips.GValue.blob_type, "iptc-data", iim(words))
        keep = "exif|xmp|iptc"
    saver = image.heifsave_buffer if file_format == "avif" else image.jpegsave_buffer
    data: bytes = saver(keep=keep, **QUALITY[file_format])
    return data


def _looks(master: pyvips.Image) -> dict[str, str]:
    """Average colour, and a 64-bit difference hash that tells of 8x8 places whether each is brighter than its right neighbour."""
    red, green, blue = (round(value) for value in master.thumbnail_image(1, height=1, size="force").getpoint(0, 0)[:3])
    small = master.colourspace("b-w").thumbnail_image(9, height=8, size="force")
    rows = [[small.getpoint(x, y)[0] for x in range(9)] for y in range(8)]
    bits = "".join("1" if row[x] > row[x + 1] else "0" for row in rows for x in range(8))
    return {"dominant_color": f"#{red:02x}{green:02x}{blue:02x}", "perceptual_hash": f"{int(bits, 2):016x}"}


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__


def confine() -> None:
    """No network where the system lets us cut it off, bounded memory, only the loaders of the allow-list."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pyvips.operation_block_set("VipsForeignLoad", True)  # noqa: FBT003 - pyvips takes it by position
    for loader in ALLOWED_LOADERS:
        pyvips.operation_block_set(loader, False)  # noqa: FBT003
    pyvips.cache_set_max(0)


def _allow_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + CPU_S_A_JOB + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main() -> None:
    confine()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while message := read_message(source):
        _allow_cpu()
        job, body = message
        try:
            render(job, body, lambda header, data: write_message(sink, header, data))
            write_message(sink, {"done": True, "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss})
        except ImageRefusedError as error:
            write_message(sink, {"refused": error.reason, "detail": error.detail})
        except (pyvips.Error, MemoryError) as error:
            write_message(sink, {"refused": "damaged", "detail": f"Файл не удалось обработать ({_first_line(error)})."})
        del message, body


if __name__ == "__main__":
    main()
