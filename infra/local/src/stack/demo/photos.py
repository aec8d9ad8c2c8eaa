"""Photograph-like pictures made by code: steppe, river, town, hall. 12 megapixels, with the metadata that cameras and agencies write."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyvips
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""Height x width x 3, linear steps of 0 to 255."""

WIDTH, HEIGHT = 4000, 3000
WORK_WIDTH, WORK_HEIGHT = 1000, 750
QUALITY = 88


def make_photo(path: Path, scene: str, seed: int, caption: str, credit: str, orientation: int = 1) -> Path:
    """Write a JPEG of WIDTH x HEIGHT px unless it is there already. `orientation` is Exif's: 6 is a camera held upright."""
    if path.exists():
        return path
    random = np.random.default_rng(seed)
    image = _to_vips(SCENES[scene](random)).resize(WIDTH / WORK_WIDTH, kernel="lanczos3")
    grain = pyvips.Image.gaussnoise(WIDTH, HEIGHT, sigma=5.5, mean=0, seed=seed).gaussblur(0.6)
    image = (image + grain).cast("uchar").copy(interpretation="srgb")
    if orientation == 6:
        image = image.rot270()
    image = image.copy()
    _write_metadata(image, caption, credit, orientation)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new.jpg")
    image.jpegsave(str(fresh), Q=QUALITY, keep="all")
    fresh.replace(path)
    return path


def _write_metadata(image: pyvips.Image, caption: str, credit: str, orientation: int) -> None:
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Make", "Depesha")
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Model", "Demo camera")
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd3-GPSLatitude", "51/1 46/1 6/1")
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd3-GPSLatitudeRef", "N")
    image.set_type(pyvips.GValue.blob_type, "xmp-data", _xmp(caption, credit))
    image.set_type(pyvips.GValue.blob_type, "iptc-data", _iim(caption, credit))


def _xmp(caption: str, credit: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">'
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{caption}</rdf:li></rdf:Alt></dc:description>'
        f"<photoshop:Credit>{credit}</photoshop:Credit></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def _iim(caption: str, credit: str) -> bytes:
    def record(number: int, dataset: int, value: bytes) -> bytes:
        return bytes([0x1C, number, dataset]) + len(value).to_bytes(2, "big") + value

    records = record(1, 90, b"\x1b%G") + record(2, 110, credit.encode()[:128]) + record(2, 120, caption.encode()[:2000])
    return (
        b"Photoshop 3.0\x008BIM\x04\x04\x00\x00"
        + len(records).to_bytes(4, "big")
        + records
        + b"\x00" * (len(records) % 2)
    )


def _to_vips(picture: Picture) -> pyvips.Image:
    return pyvips.Image.new_from_array(np.ascontiguousarray(picture.clip(0, 255)).astype(np.float32))


def _noise(
    random: np.random.Generator, height: int, width: int, roughness: float = 0.55, first: int = 3, stretch: float = 1.0
) -> Picture:
    """Fractal noise in 0..1; `stretch` above 1 draws it out sideways."""
    total = np.zeros((height, width), dtype=np.float32)
    weight = 1.0
    size = first
    while size < height:
        small = random.random((size + 2, max(3, round(size * width / height / stretch) + 2)), dtype=np.float32)
        layer = (
            pyvips.Image.new_from_array(small)
            .resize(width / small.shape[1], vscale=height / small.shape[0], kernel="cubic")
            .numpy()
        )
        total += weight * layer[:height, :width]
        weight *= roughness
        size *= 2
    low, high = np.percentile(total, (1, 99))
    return ((total - low) / (high - low)).clip(0, 1)


def _mix(below: Picture, above: Picture, share: NDArray[np.float32]) -> Picture:
    share = share[..., None]
    return below * (1 - share) + above * share


def _colour(red: float, green: float, blue: float) -> Picture:
    return np.array([red, green, blue], dtype=np.float32)


def _sky(random: np.random.Generator, top: Picture, bottom: Picture, clouds: float, light: Picture) -> Picture:
    down = np.linspace(0, 1, WORK_HEIGHT, dtype=np.float32)[:, None]
    sky = top * (1 - down[..., None] ** 0.8) + bottom * down[..., None] ** 0.8
    sky = np.broadcast_to(sky, (WORK_HEIGHT, WORK_WIDTH, 3)).copy()
    noise = _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.58, 3, stretch=2.4)
    shade = _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.5, 4, stretch=2.0)[..., None]
    share = ((noise - (1 - clouds)) * 3).clip(0, 0.92) * (1 - 0.55 * down)
    return _mix(sky, light * (0.82 + 0.18 * shade), share)


def _ridge(random: np.random.Generator, level: float, height: float, smooth: int) -> NDArray[np.float32]:
    """Where a range of hills ends against the sky: 1 below its line, 0 above, soft by a pixel."""
    steps = random.normal(0, 1, WORK_WIDTH + smooth * 4).cumsum()
    kernel = np.hanning(smooth * 2 + 1)
    line = np.convolve(steps, kernel / kernel.sum(), "same")[smooth * 2 : smooth * 2 + WORK_WIDTH]
    line = (line - line.mean()) / (abs(line - line.mean()).max() + 1e-6)
    rows = np.arange(WORK_HEIGHT, dtype=np.float32)[:, None]
    edge = (level - height * line[None, :]) * WORK_HEIGHT
    return (rows - edge).clip(0, 1).astype(np.float32)


def _ground(random: np.random.Generator, near: Picture, far: Picture, horizon: float) -> Picture:
    rows = ((np.linspace(0, 1, WORK_HEIGHT, dtype=np.float32) - horizon) / (1 - horizon)).clip(0, 1)[:, None, None]
    base = far * (1 - rows) + near * rows
    patches = _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.6, 4, stretch=5)[..., None]
    blades = random.normal(0, 1, (WORK_HEIGHT, WORK_WIDTH, 1)).astype(np.float32)
    return base * (0.78 + 0.44 * patches) + blades * (3 + 13 * rows)


def _vignette(picture: Picture) -> Picture:
    y, x = np.mgrid[-1 : 1 : WORK_HEIGHT * 1j, -1 : 1 : WORK_WIDTH * 1j].astype(np.float32)
    return picture * (1 - 0.16 * (x**2 + y**2))[..., None]


def _blur(picture: Picture, sigma: float) -> Picture:
    blurred: Picture = _to_vips(picture).gaussblur(sigma).numpy()
    return blurred


def steppe(random: np.random.Generator) -> Picture:
    picture = _sky(random, _colour(88, 132, 186), _colour(226, 226, 216), 0.52, _colour(250, 248, 243))
    for level, height, tone in (
        (0.55, 0.05, (146, 160, 172)),
        (0.6, 0.045, (128, 142, 132)),
        (0.65, 0.04, (140, 142, 96)),
    ):
        picture = _mix(
            picture,
            _colour(*tone) * (0.9 + 0.2 * _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.6, 6, 3)[..., None]),
            _ridge(random, level, height, 70),
        )
    return _vignette(
        _mix(
            picture,
            _ground(random, _colour(176, 150, 84), _colour(168, 160, 108), 0.68),
            _ridge(random, 0.7, 0.015, 120),
        )
    )


def river(random: np.random.Generator) -> Picture:
    picture = _sky(random, _colour(120, 128, 158), _colour(246, 196, 142), 0.46, _colour(255, 214, 176))
    for level, height, tone in ((0.5, 0.06, (122, 110, 122)), (0.55, 0.05, (84, 80, 84))):
        picture = _mix(picture, np.broadcast_to(_colour(*tone), picture.shape), _ridge(random, level, height, 45))
    line = round(0.6 * WORK_HEIGHT)
    water = picture[line - 1 :: -1][: WORK_HEIGHT - line]
    if water.shape[0] < WORK_HEIGHT - line:
        water = np.concatenate([water, np.repeat(water[-1:], WORK_HEIGHT - line - water.shape[0], axis=0)])
    ripple = _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.75, 8, stretch=9)[line:]
    rows = np.arange(WORK_HEIGHT - line)[:, None]
    columns = (
        (np.arange(WORK_WIDTH)[None, :] + ((ripple - 0.5) * 26 * (0.3 + rows / 200)))
        .astype(int)
        .clip(0, WORK_WIDTH - 1)
    )
    lower = water[rows.clip(0, water.shape[0] - 1), columns] * (0.72 + 0.2 * ripple[..., None])
    picture = np.concatenate([picture[:line], lower])
    bank = _mix(
        picture, _ground(random, _colour(66, 62, 42), _colour(70, 72, 52), 0.85), _ridge(random, 0.93, 0.05, 60)
    )
    return _vignette(bank)


def town(random: np.random.Generator) -> Picture:
    picture = _sky(random, _colour(70, 96, 138), _colour(236, 208, 182), 0.4, _colour(240, 222, 208))
    for depth, (floor, tone, haze) in enumerate(
        ((0.66, (150, 140, 140), 0.55), (0.74, (122, 112, 108), 0.28), (0.84, (96, 88, 82), 0.08))
    ):
        left = -40
        while left < WORK_WIDTH:
            width, height = int(random.integers(46, 120)), int(random.integers(70, 230) * (0.7 + 0.3 * depth))
            place = _Place(left, round(floor * WORK_HEIGHT), width, height)
            _house(picture, random, place, _colour(*tone) * random.uniform(0.85, 1.2), haze)
            left += width + int(random.integers(-8, 34))
        picture = _blur(picture, (1.5, 0.9, 0.4)[depth])
    street = _mix(
        picture, _ground(random, _colour(74, 72, 72), _colour(110, 106, 102), 0.8), _ridge(random, 0.83, 0.004, 200)
    )
    return _vignette(street)


class _Place(NamedTuple):
    left: int
    floor: int
    width: int
    height: int


def _house(picture: Picture, random: np.random.Generator, place: _Place, tone: Picture, haze: float) -> None:
    left, floor, width, height = place
    top = max(floor - height, 20)
    x0, x1 = max(left, 0), min(left + width, WORK_WIDTH)
    if x0 >= x1:
        return
    shade = np.linspace(1.12, 0.84, x1 - x0, dtype=np.float32)[None, :, None]
    wall = np.broadcast_to(tone * shade, (WORK_HEIGHT - top, x1 - x0, 3)).copy()
    for y in range(10, WORK_HEIGHT - top - 12, 17):
        for x in range(7, x1 - x0 - 8, 13):
            is_lit = random.random() < 0.3
            wall[y : y + 9, x : x + 6] = _colour(250, 218, 150) * random.uniform(0.8, 1) if is_lit else tone * 0.5
    air = _colour(222, 204, 190)
    picture[top:, x0:x1] = wall * (1 - haze) + air * haze


def hall(random: np.random.Generator) -> Picture:
    """Two men at a table before flags, other people out of focus."""
    picture = np.broadcast_to(_colour(150, 118, 88), (WORK_HEIGHT, WORK_WIDTH, 3)).copy()
    panels = (np.arange(WORK_WIDTH) // 125 % 2)[None, :, None] * 14.0
    picture += panels + 16 * _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.6, 5, 0.3)[..., None]
    for x, tones in (
        (330, ((236, 236, 236), (44, 82, 158), (188, 48, 52))),
        (610, ((0, 158, 180), (0, 158, 180), (0, 150, 172))),
    ):
        _flag(picture, random, x, tones)
    for _ in range(5):
        _person(picture, random, int(random.integers(40, 960)), 300, 0.62, blurred=True)
    picture = _blur(picture, 4.5)
    _person(picture, random, 320, 250, 1.0)
    _person(picture, random, 690, 262, 0.98)
    rows = np.arange(WORK_HEIGHT, dtype=np.float32)[:, None]
    table = ((rows - 585) / 2).clip(0, 1) * np.ones((1, WORK_WIDTH), dtype=np.float32)
    wood = _colour(104, 62, 36) * (0.8 + 0.35 * _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.6, 4, 12)[..., None])
    picture = _mix(picture, wood, table)
    for x in (300, 700):
        sheet = _quad(x - 70, 618, 140, 34)
        picture = _mix(picture, np.broadcast_to(_colour(242, 240, 232), picture.shape), sheet)
    return _vignette(_blur(picture, 0.7) * 1.04)


def _quad(left: int, top: int, width: int, height: int) -> NDArray[np.float32]:
    y, x = np.mgrid[0:WORK_HEIGHT, 0:WORK_WIDTH].astype(np.float32)
    slant = (y - top) * 0.35
    return ((x > left - slant) & (x < left + width + slant) & (y > top) & (y < top + height)).astype(np.float32) * 0.95


def _flag(picture: Picture, random: np.random.Generator, x: int, tones: tuple[tuple[int, int, int], ...]) -> None:
    height, width = 330, 96
    folds = 1 + 0.2 * np.sin(np.linspace(0, random.uniform(14, 20), width))[None, :, None]
    for row, tone in enumerate(tones):
        band = slice(80 + row * height // 3, 80 + (row + 1) * height // 3)
        picture[band, x : x + width] = _colour(*tone) * folds
    picture[60:560, x - 5 : x] = _colour(196, 164, 86)


def _person(
    picture: Picture, random: np.random.Generator, x: int, head_y: int, size: float, *, blurred: bool = False
) -> None:
    y, columns = np.mgrid[0:WORK_HEIGHT, 0:WORK_WIDTH].astype(np.float32)
    suit = _colour(*random.choice(((38, 42, 54), (58, 56, 58), (30, 34, 46), (84, 84, 92))))
    skin = _colour(214, 170, 142) * random.uniform(0.88, 1.05)

    def ellipse(cx: float, cy: float, rx: float, ry: float, soft: float = 0.08) -> NDArray[np.float32]:
        distance = ((columns - cx) / rx) ** 2 + ((y - cy) / ry) ** 2
        return ((1 + soft - distance) / (2 * soft)).clip(0, 1).astype(np.float32)

    side = 1 - 0.26 * ((columns - x) / (60 * size)).clip(-1, 1)[..., None]
    fold = 0.86 + 0.28 * _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.5, 12, 0.5)[..., None]
    picture[:] = _mix(picture, suit * fold * side, ellipse(x, head_y + 265 * size, 138 * size, 190 * size))
    picture[:] = _mix(
        picture,
        np.broadcast_to(_colour(238, 238, 240), picture.shape),
        ellipse(x, head_y + 112 * size, 22 * size, 48 * size),
    )
    picture[:] = _mix(
        picture,
        np.broadcast_to(_colour(120, 30, 40), picture.shape),
        ellipse(x, head_y + 134 * size, 7 * size, 42 * size),
    )
    picture[:] = _mix(picture, skin * 0.86 * side, ellipse(x, head_y + 58 * size, 24 * size, 34 * size))
    picture[:] = _mix(picture, skin * side, ellipse(x, head_y, 44 * size, 58 * size))
    hair = _colour(*random.choice(((52, 42, 36), (92, 88, 86), (36, 30, 28))))
    crown = ellipse(x, head_y - 26 * size, 46 * size, 40 * size) * (
        1 - ellipse(x + 3 * size, head_y + 12 * size, 38 * size, 50 * size)
    )
    picture[:] = _mix(picture, hair * fold, crown)
    if blurred:
        return
    for eye in (-17, 17):
        picture[:] = _mix(
            picture,
            np.broadcast_to(_colour(60, 44, 38), picture.shape),
            ellipse(x + eye * size, head_y - 4 * size, 7 * size, 4 * size, 0.5),
        )
        picture[:] = _mix(
            picture,
            np.broadcast_to(hair * 0.8, picture.shape),
            ellipse(x + eye * size, head_y - 15 * size, 11 * size, 2.6 * size, 0.6),
        )
    picture[:] = _mix(
        picture,
        np.broadcast_to(skin * 0.8, picture.shape),
        ellipse(x + 3 * size, head_y + 10 * size, 6 * size, 13 * size, 0.8) * 0.6,
    )
    picture[:] = _mix(
        picture,
        np.broadcast_to(_colour(160, 92, 84), picture.shape),
        ellipse(x, head_y + 30 * size, 15 * size, 4 * size, 0.5),
    )


SCENES: dict[str, Callable[[np.random.Generator], Picture]] = {
    "steppe": steppe,
    "river": river,
    "town": town,
    "hall": hall,
}
