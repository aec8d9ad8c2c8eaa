"""What is taken as a photo, and the error for each limit. Types are told by content, never by name."""

from typing import Final

MAX_BYTES: Final = 40 * 1024 * 1024
MAX_SIDE: Final = 20_000
MAX_PIXELS: Final = {"jpeg": 100_000_000, "gif": 25_000_000}
MAX_PIXELS_OTHERWISE: Final = 50_000_000
MAX_FRAMES: Final = 300
MAX_METADATA: Final = {
    "exif-data": 128 * 1024,
    "iptc-data": 256 * 1024,
    "xmp-data": 1024 * 1024,
    "icc-profile-data": 4 * 1024 * 1024,
}
SLOW_PROGRESSIVE_PIXELS: Final = 25_000_000
"""A progressive JPEG beyond this is kept in memory whole while it is decoded: it waits for a quiet moment."""
SMALL_SIDE: Final = 640
"""A photo whose longer side is shorter than this gets a warning."""
BLURRED_BELOW: Final = 4.0
"""A photo nowhere sharper than this (renderer.looks.sharpness) gets a warning."""


class ImageRefusedError(Exception):
    """A photo that cannot be used: `reason` for programs, which the desk puts into words; the message names the number and the limit."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


SIGNATURES: Final = (
    (b"\xff\xd8\xff", 0, "jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "png"),
    (b"GIF87a", 0, "gif"),
    (b"GIF89a", 0, "gif"),
    (b"II*\x00", 0, "tiff"),
    (b"MM\x00*", 0, "tiff"),
    (b"WEBP", 8, "webp"),
    (b"ftypavif", 4, "avif"),
    (b"ftypavis", 4, "avif"),
)
HEIF_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")


def sniff(body: bytes) -> str:
    """jpeg, png, gif, tiff, webp, avif or heic.

    Raises:
        ImageRefusedError: it is none of them, is empty, or has more than MAX_BYTES.

    """
    if not body:
        raise ImageRefusedError("empty", "0 bytes: the file is empty")
    if len(body) > MAX_BYTES:
        raise ImageRefusedError("too_large", f"{len(body)} bytes, and at most {MAX_BYTES} are taken")
    for signature, offset, kind in SIGNATURES:
        if body[offset : offset + len(signature)] == signature:
            return kind
    if body[4:8] == b"ftyp" and (brand := _heif_kind(body)):
        return brand
    raise ImageRefusedError(
        "not_an_image", f"begins with {body[:8]!r}; JPEG, PNG, WebP, GIF, AVIF, HEIC and TIFF are taken"
    )


def _heif_kind(body: bytes) -> str | None:
    """The kind, heic or avif, by the brands that the file lists (ISO/IEC 23008-12, 10.2); None for films and others."""
    brands = body[8 : min(int.from_bytes(body[:4], "big"), 256)]
    listed = [brands[at : at + 4] for at in range(0, len(brands), 4)]
    if b"avif" in listed:
        return "avif"
    return "heic" if any(brand in HEIF_BRANDS for brand in listed) else None


def is_cut_short(kind: str, body: bytes) -> bool:
    """Whether the file's end is missing: half a photo, whose lower part would be grey."""
    tail = body[-65_536:]
    match kind:
        case "jpeg":
            return b"\xff\xd9" not in tail
        case "png":
            return b"IEND" not in tail
        case "gif":
            return not tail.rstrip(b"\x00").endswith(b";")
        case "webp":
            return int.from_bytes(body[4:8], "little") + 8 > len(body) + 1
    return False


def check_size(kind: str, width: int, height: int, frames: int) -> None:
    """Refuse what the header promises beyond the limits, before a pixel is decoded.

    Raises:
        ImageRefusedError: a side, the area or the frames are too many.

    """
    if max(width, height) > MAX_SIDE:
        raise ImageRefusedError("side_too_long", f"a side of {max(width, height)} px, and at most {MAX_SIDE} are taken")
    limit = MAX_PIXELS.get(kind, MAX_PIXELS_OTHERWISE)
    if width * height > limit:
        raise ImageRefusedError(
            "too_many_pixels", f"{width} x {height} px, and at most {limit} px are taken of {kind.upper()}"
        )
    if frames > MAX_FRAMES:
        raise ImageRefusedError("too_many_frames", f"{frames} frames, and at most {MAX_FRAMES} are taken")


FRAME_STARTS: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})


def is_slow(kind: str, body: bytes) -> bool:
    """Whether it is a progressive JPEG beyond SLOW_PROGRESSIVE_PIXELS, by its markers alone."""
    position = 2
    while kind == "jpeg" and position + 9 < len(body) and body[position] == 0xFF:
        marker, size = body[position + 1], int.from_bytes(body[position + 2 : position + 4], "big")
        if marker in FRAME_STARTS:
            height, width = (int.from_bytes(body[position + at : position + at + 2], "big") for at in (5, 7))
            return marker in PROGRESSIVE and width * height > SLOW_PROGRESSIVE_PIXELS
        position += 1 if marker == 0xFF else 2 + size
    return False
