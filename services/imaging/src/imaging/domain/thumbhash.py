"""A photo in 25 bytes or so, for the moment before it has come: ThumbHash (Evan Wallace, 2023)."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

COLOUR_FACTORS: Final = 3


def thumbhash(pixels: NDArray[np.uint8]) -> bytes:
    """The hash of height x width x 3 or 4 sRGB samples, at most 100 px a side."""
    height, width, bands = pixels.shape
    colours = pixels[..., :3].astype(np.float64) / 255
    alpha = pixels[..., 3].astype(np.float64) / 255 if bands == 4 else np.ones((height, width))
    has_alpha = bool(alpha.min() < 1)
    opaque = alpha.sum()
    average = (colours * alpha[..., None]).sum((0, 1)) / opaque if opaque else np.zeros(3)
    mixed = average * (1 - alpha[..., None]) + colours * alpha[..., None]
    red, green, blue = mixed[..., 0], mixed[..., 1], mixed[..., 2]
    most = 5 if has_alpha else 7
    longer = max(width, height)
    count_x, count_y = max(1, round(most * width / longer)), max(1, round(most * height / longer))
    l_dc, l_ac, l_scale = _encode((red + green + blue) / 3, max(3, count_x), max(3, count_y))
    p_dc, p_ac, p_scale = _encode((red + green) / 2 - blue, COLOUR_FACTORS, COLOUR_FACTORS)
    q_dc, q_ac, q_scale = _encode(red - green, COLOUR_FACTORS, COLOUR_FACTORS)
    is_landscape = width > height
    head: int = round(63 * l_dc) | round(31.5 + 31.5 * p_dc) << 6 | round(31.5 + 31.5 * q_dc) << 12
    head |= round(31 * l_scale) << 18 | has_alpha << 23
    tail: int = (count_y if is_landscape else count_x) | round(63 * p_scale) << 3 | round(63 * q_scale) << 9
    tail |= is_landscape << 15
    data, nibbles = head.to_bytes(3, "little") + tail.to_bytes(2, "little"), [*l_ac, *p_ac, *q_ac]
    if has_alpha:
        a_dc, a_ac, a_scale = _encode(alpha, 5, 5)
        data += bytes([round(15 * a_dc) | round(15 * a_scale) << 4])
        nibbles += a_ac
    levels = [round(15 * value) for value in nibbles]
    levels += [0] * (len(levels) % 2)
    return data + bytes(low | high << 4 for low, high in zip(levels[::2], levels[1::2], strict=True))


def _encode(channel: NDArray[Any], count_x: int, count_y: int) -> tuple[float, list[float], float]:
    """Cosine factors of one channel: the mean, the others from 0 to 1, and their scale."""
    height, width = channel.shape
    across = np.cos(np.pi / width * np.arange(count_x)[:, None] * (np.arange(width) + 0.5))
    down = np.cos(np.pi / height * np.arange(count_y)[:, None] * (np.arange(height) + 0.5))
    factors = down @ channel @ across.T / (width * height)
    others = [
        float(factors[y, x])
        for y in range(count_y)
        for x in range(count_x)
        if (x or y) and x * count_y < count_x * (count_y - y)
    ]
    scale = max((abs(value) for value in others), default=0.0)
    return float(factors[0, 0]), [0.5 + 0.5 / scale * value if scale else 0.0 for value in others], scale
