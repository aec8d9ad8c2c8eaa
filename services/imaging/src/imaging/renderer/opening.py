"""A stranger's file becomes an upright photo in sRGB, in memory, without anything personal."""

from dataclasses import dataclass

import pi_heif
import pyvips

from imaging.domain.limits import MAX_METADATA, ImageRefusedError, check_size, is_cut_short, sniff
from imaging.domain.words import Words, read_exif, read_iim, read_xmp

MOTION = ("n-pages", "page-height", "delay", "loop")
"""What an animation needs beside its pixels."""
PLAIN_SRGB = (b"sRGB IEC61966-2.1", "sRGB IEC61966-2.1".encode("utf-16-be"), b"sRGB built-in")
"""Names of profiles that say what a photo without one says, too; converting would cost as much as decoding."""
ANY_HEIGHT = 10_000_000


@dataclass(frozen=True)
class Photo:
    """What the header promises. Width and height are those of the upright photo, px; `heif` holds what pi-heif decodes."""

    kind: str
    body: bytes
    width: int
    height: int
    frames: int
    is_cut_short: bool
    words: Words
    is_cmyk: bool = False
    heif: pyvips.Image | None = None


def open_photo(body: bytes) -> Photo:
    """Look at the header, decode nothing yet.

    Raises:
        ImageRefusedError: it is no photo, is damaged, or breaks a limit.

    """
    kind = sniff(body)
    if kind == "heic":
        return _open_heic(body)
    image = _header(body)
    frames = image.get("n-pages") if image.get_typeof("n-pages") and kind in ("gif", "webp") else 1
    check_size(kind, image.width, image.height, frames)
    found = {name: image.get(name) if image.get_typeof(name) else b"" for name in MAX_METADATA}
    _check_metadata({name: len(value) for name, value in found.items()})
    is_turned = image.get_typeof("orientation") and image.get("orientation") in (5, 6, 7, 8)
    width, height = (image.height, image.width) if is_turned else (image.width, image.height)
    is_cmyk = image.interpretation == "cmyk"
    return Photo(kind, body, width, height, frames, is_cut_short(kind, body), _words(found), is_cmyk)


def _header(body: bytes) -> pyvips.Image:
    try:
        return pyvips.Image.new_from_buffer(body, "", access="sequential")
    except pyvips.Error as error:
        raise ImageRefusedError("damaged", f"the file cannot be opened: {first_line(error)}") from None


def _open_heic(body: bytes) -> Photo:
    try:
        header = pi_heif.open_heif(body)
        width, height = header.size
        check_size("heic", width, height, 1)
        found = {"exif-data": header.info.get("exif"), "xmp-data": header.info.get("xmp")}
        found["icc-profile-data"] = header.info.get("icc_profile")
        _check_metadata({name: len(value) for name, value in found.items() if value})
        bands = len(header.mode)
        image = pyvips.Image.new_from_memory(header.data, width, height, bands, "uchar").copy(interpretation="srgb")
    except (ValueError, EOFError, RuntimeError, OSError, SyntaxError) as error:
        raise ImageRefusedError("damaged", f"the HEIC is broken: {first_line(error)}") from None
    if found["icc-profile-data"]:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", found["icc-profile-data"])
    words = _words({name: value or b"" for name, value in found.items()})
    return Photo("heic", body, image.width, image.height, 1, is_cut_short=False, words=words, heif=image)


def _check_metadata(sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        if size > MAX_METADATA[name]:
            what = name.partition("-")[0].upper()
            raise ImageRefusedError(
                "metadata_too_large", f"{size} bytes of {what}, and at most {MAX_METADATA[name]} are taken"
            )


def _words(found: dict[str, bytes]) -> Words:
    """XMP before IIM before EXIF: what was written last with most care, first."""
    words = read_xmp(found.get("xmp-data", b"")).or_else(read_iim(found.get("iptc-data", b"")))
    return words.or_else(read_exif(found.get("exif-data", b"")))


def make_master(photo: Photo, width: int) -> pyvips.Image:
    """At most `width` px wide, upright, sRGB; alpha stays only where something shines through.

    A damaged file is shown as far as it goes.

    Raises:
        ImageRefusedError: nothing of it can be decoded.

    """
    try:
        return _plain(_to_srgb(_shrunk(photo, width)))
    except pyvips.Error as error:
        raise ImageRefusedError("damaged", f"the {photo.kind.upper()} is broken: {first_line(error)}") from None


def _shrunk(photo: Photo, width: int) -> pyvips.Image:
    if photo.heif is not None:
        image = photo.heif
        return image.resize(width / image.width) if width < image.width else image
    if photo.is_cmyk:  # libvips' own way to RGB knows no black-point compensation
        scale = min(1.0, width / photo.width)
        return pyvips.Image.new_from_buffer(photo.body, "").autorot().resize(scale)
    shrink = _shrink_on_load(photo, width)
    if shrink > 1:  # libvips would leave a factor of two to the resize, and decode four times the pixels
        half = pyvips.Image.new_from_buffer(photo.body, "", shrink=shrink, access="sequential")
        return half.thumbnail_image(width, height=ANY_HEIGHT, size="down", intent="perceptual")
    return pyvips.Image.thumbnail_buffer(photo.body, width, height=ANY_HEIGHT, size="down", intent="perceptual")


def _shrink_on_load(photo: Photo, width: int) -> int:
    """The part of a JPEG's sides (1/2, 1/4, 1/8) that libjpeg decodes without the rest, and still not below `width`."""
    if photo.kind != "jpeg":
        return 1
    return max(part for part in (1, 2, 4, 8) if part == 1 or photo.width >= part * width)


def _to_srgb(image: pyvips.Image) -> pyvips.Image:
    has_profile = bool(image.get_typeof("icc-profile-data"))
    is_plain = has_profile and any(name in image.get("icc-profile-data")[:4096] for name in PLAIN_SRGB)
    if image.interpretation == "cmyk" or (has_profile and not is_plain):
        image = image.icc_transform(
            "srgb",
            embedded=has_profile,
            input_profile="cmyk" if image.interpretation == "cmyk" else "srgb",
            intent="perceptual",
            black_point_compensation=True,
        )
    if image.interpretation != "srgb":
        image = image.colourspace("srgb")
    return image.cast("uchar") if image.format != "uchar" else image


def _plain(image: pyvips.Image) -> pyvips.Image:
    image = _pixels(image)
    if image.hasalpha() and image[image.bands - 1].min() == 255:
        image = image.extract_band(0, n=image.bands - 1).copy_memory()
    return image


def frames_of(photo: Photo, width: int) -> pyvips.Image:
    """All frames of an animation at this width, one below the other as libvips wants them."""
    image = pyvips.Image.thumbnail_buffer(photo.body, width, height=ANY_HEIGHT, size="down", option_string="n=-1")
    plain = _pixels(image)
    for name in MOTION:
        if kind := image.get_typeof(name):
            plain.set_type(kind, name, image.get(name))
    return plain


def _pixels(image: pyvips.Image) -> pyvips.Image:
    """The photo in memory with nothing that its file said: a saver would write some of it into our file."""
    pixels = pyvips.Image.new_from_memory(image.write_to_memory(), image.width, image.height, image.bands, image.format)
    return pixels.copy(interpretation=image.interpretation)


def first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
