"""A photo's placeholder: the ThumbHash from the manifest as a small PNG that can stand in a style attribute.

Source: the ThumbHash format (Evan Wallace, 2023): 5 bytes of averages and sizes, then 4-bit cosine factors of luminance and two colours.
"""

import base64
import binascii
import struct
import zlib
from functools import lru_cache
from math import cos, pi

SIDE = 16


@lru_cache(maxsize=2_000)
def placeholder(thumbhash: str) -> str:
    """A data: URL of at most 16 × 16 px; "" where the hash cannot be read."""
    try:
        width, height, rows = _decode(base64.b64decode(thumbhash + "=" * (-len(thumbhash) % 4), validate=True))
    except (binascii.Error, ValueError, IndexError):
        return ""
    return f"data:image/png;base64,{base64.b64encode(_png(width, height, rows)).decode()}"


def _decode(data: bytes) -> tuple[int, int, list[bytes]]:
    head = data[0] | data[1] << 8 | data[2] << 16
    tail = data[3] | data[4] << 8
    average_l, average_p, average_q = (head & 63) / 63, (head >> 6 & 63) / 31.5 - 1, (head >> 12 & 63) / 31.5 - 1
    has_alpha, is_landscape = bool(head >> 23), bool(tail >> 15)
    long_side = 5 if has_alpha else 7
    count_x = max(3, long_side if is_landscape else tail & 7)
    count_y = max(3, tail & 7 if is_landscape else long_side)
    nibbles = [nibble for byte in data[6 if has_alpha else 5 :] for nibble in (byte & 15, byte >> 4)]
    l_factors, rest = _factors(nibbles, count_x, count_y, (head >> 18 & 31) / 31)
    p_factors, rest = _factors(rest, 3, 3, (tail >> 3 & 63) / 63 * 1.25)
    q_factors, _ = _factors(rest, 3, 3, (tail >> 9 & 63) / 63 * 1.25)
    ratio = count_x / count_y
    width, height = (SIDE, max(round(SIDE / ratio), 1)) if ratio > 1 else (max(round(SIDE * ratio), 1), SIDE)
    rows = []
    for y in range(height):
        row = bytearray()
        for x in range(width):
            at = ((x + 0.5) / width, (y + 0.5) / height)
            luminance, p, q = (
                average_l + _sum(l_factors, *at),
                average_p + _sum(p_factors, *at),
                average_q + _sum(q_factors, *at),
            )
            blue = luminance - 2 / 3 * p
            red = (3 * luminance - blue + q) / 2
            row += bytes(max(0, min(255, round(255 * part))) for part in (red, red - q, blue))
        rows.append(bytes(row))
    return width, height, rows


def _factors(
    nibbles: list[int], count_x: int, count_y: int, scale: float
) -> tuple[list[tuple[int, int, float]], list[int]]:
    """The factors as (x frequency, y frequency, weight), and the nibbles left over."""
    places = [
        (x, y) for y in range(count_y) for x in range(0 if y else 1, count_x) if x * count_y < count_x * (count_y - y)
    ]
    if len(nibbles) < len(places):
        raise ValueError("the hash is too short")
    found = [(x, y, (nibbles[place] / 7.5 - 1) * scale) for place, (x, y) in enumerate(places)]
    return found, nibbles[len(places) :]


def _sum(factors: list[tuple[int, int, float]], x: float, y: float) -> float:
    return sum(weight * cos(pi * fx * x) * cos(pi * fy * y) * 2 for fx, fy, weight in factors)


def _png(width: int, height: int, rows: list[bytes]) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = b"".join(b"\0" + row for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b"")
    )
