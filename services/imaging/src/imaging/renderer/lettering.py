"""The story's headline on a photo: white letters at the bottom, on a shade that lets the photo through."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
import pyvips

FAMILY: Final = "Open Sans ExtraBold"
SIZES: Final = (0.082, 0.074, 0.067, 0.061, 0.056, 0.050, 0.045)
"""Of the width, largest first: the smallest is read on a telephone, where the card is a finger wide."""
MARGIN: Final = 0.045
TALL: Final = 0.42
TALLEST: Final = 0.52
"""How much of the height the letters may take; more than TALL only where the smallest ones need it."""
LONGEST: Final = 160
"""Characters; what is longer ends in an ellipsis."""
DARKEST: Final = 0.86
SHADE_ABOVE: Final = 0.20
"""How far above the letters the shade begins, of the height."""


def letter(image: pyvips.Image, headline: str) -> pyvips.Image:
    """The photo, sRGB without alpha, with the headline; as it is where there is none."""
    headline = " ".join("".join(sign if sign.isprintable() else " " for sign in headline).split())
    if not headline:
        return image
    margin = round(image.width * MARGIN)
    letters = _fitting(headline, image.width - 2 * margin, image.width, image.height)
    top = image.height - margin - letters.height
    mask = letters.embed(margin, top, image.width, image.height)
    shaded = (image * _shade(image.width, image.height, top)).cast("uchar")
    return mask.ifthenelse(255, shaded, blend=True).copy(interpretation="srgb").copy_memory()


def _fitting(headline: str, width: int, card_width: int, card_height: int) -> pyvips.Image:
    """The largest size that fits; at the smallest one words are left out until it does."""
    words = headline.split()
    text = _shortened(words, LONGEST)
    for size in SIZES:
        letters = _letters(text, width, round(card_width * size))
        if letters.height <= card_height * TALL and letters.width <= width:
            return letters
    height = round(card_height * TALLEST)
    for longest in range(len(text), 0, -10):
        letters = _letters(_shortened(words, longest), width, round(card_width * SIZES[-1]))
        if letters.height <= height:
            break
    return letters.crop(0, 0, min(letters.width, width), min(letters.height, height))


def _shortened(words: list[str], longest: int) -> str:
    """At most so many characters of whole words, no preposition last; an ellipsis where some are left out."""
    text = " ".join(words)
    if len(text) <= longest:
        return text
    whole = (text[:longest].rpartition(" ")[0] or text[:longest]).rstrip(" ,;:–—-.")
    return re.sub(r"( \w{1,2})+$", "", whole) + "…"


def _letters(text: str, width: int, size_px: int) -> pyvips.Image:
    """A mask of the letters. Pango reads markup, so what looks like it is escaped."""
    return pyvips.Image.text(
        escape(text), font=f"{FAMILY} {size_px}", fontfile=_font(), width=width, dpi=72, wrap="word-char"
    )


@cache
def _font() -> str:
    spec = find_spec("fontpkg_open_sans")
    assert spec is not None  # noqa: S101 - our lock names it
    assert spec.origin is not None  # noqa: S101
    return str(Path(spec.origin).with_name("files") / "OpenSans[wdth,wght].ttf")


def _shade(width: int, height: int, letters_top: int) -> pyvips.Image:
    """What the photo is multiplied with, row by row: 1 above, darkest behind the letters, with soft ends."""
    start = letters_top - height * SHADE_ABOVE
    way = np.clip((np.arange(height) - start) / max(letters_top + height * 0.1 - start, 1), 0, 1)
    factors = 1 - DARKEST * way * way * (3 - 2 * way)
    return pyvips.Image.new_from_array(factors.astype(np.float32).reshape(-1, 1)).replicate(width, 1)
