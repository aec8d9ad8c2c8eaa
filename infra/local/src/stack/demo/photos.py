"""Photograph-like pictures made by code: steppe, river, town, hall. 12 megapixels, with the metadata that cameras and agencies write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyvips
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""Height x width x 3, linear steps of 0 to 255."""

WIDTH, HEIGHT = 4000, 3000
WORK_WIDTH, WORK_HEIGHT = 1000, 750
QUALITY = 88
GRAIN_TILE = 1000


def make_photo(path: Path, scene: str, seed: int, caption: str, credit: str, orientation: int = 1) -> Path:
    """Write a JPEG of WIDTH x HEIGHT px unless it is there already. `orientation` is Exif's: 6 is a camera held upright."""
    if path.exists():
        return path
    picture = SCENES[scene](np.random.default_rng(seed)).clip(0, 255).astype(np.uint8)
    image = pyvips.Image.new_from_array(picture, interpretation="srgb").resize(WIDTH / WORK_WIDTH, kernel="cubic")
    image = (image + _grain(seed)).cast("uchar").copy(interpretation="srgb")
    if orientation == 6:
        image = image.rot270()
    image = image.copy()
    _write_metadata(image, caption, credit, orientation)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new.jpg")
    image.jpegsave(str(fresh), Q=QUALITY, keep="all")
    fresh.replace(path)
    return path


def shrink_for_telegram(path: Path) -> Path:
    """The photo as Telegram's apps send it: 2560 px at most, without its metadata."""
    small = path.with_suffix(".telegram.jpg")
    if not small.exists():
        pyvips.Image.thumbnail(str(path), 2560, size="down").jpegsave(str(small), Q=QUALITY, keep="none")
    return small


def _grain(seed: int) -> pyvips.Image:
    """Noise of a sensor, in tiles: nobody sees the seams of noise, and 12 million normal numbers take a second."""
    tile = pyvips.Image.gaussnoise(GRAIN_TILE, GRAIN_TILE, sigma=5.5, mean=0, seed=seed).gaussblur(0.6).cast("char")
    return tile.copy_memory().replicate(WIDTH // GRAIN_TILE, HEIGHT // GRAIN_TILE)


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


def _mix(below: NDArray[Any], above: NDArray[Any], share: NDArray[Any]) -> Picture:
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


def _ridge(
    random: np.random.Generator, level: float, height: float, smooth: int, rough: float = 0.0
) -> NDArray[np.float32]:
    """Where a range of hills ends against the sky: 1 below its line, 0 above, soft by a pixel. `rough` is how high trees stand on it."""
    steps = random.normal(0, 1, WORK_WIDTH + smooth * 4).cumsum()
    kernel = np.hanning(smooth * 2 + 1)
    line = np.convolve(steps, kernel / kernel.sum(), "same")[smooth * 2 : smooth * 2 + WORK_WIDTH]
    line = (line - line.mean()) / (abs(line - line.mean()).max() + 1e-6)
    rows = np.arange(WORK_HEIGHT, dtype=np.float32)[:, None]
    crowns = np.convolve(abs(random.normal(0, 1, WORK_WIDTH)), np.hanning(9) / np.hanning(9).sum(), "same") ** 2
    edge = (level - height * line[None, :] - rough * crowns[None, :]) * WORK_HEIGHT
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
    grass = _ground(random, _colour(176, 150, 84), _colour(168, 160, 108), 0.68)
    picture = _mix(picture, grass, _ridge(random, 0.7, 0.015, 120))
    picture = _mix(picture, *_road(random))
    return _vignette(picture)


def _road(random: np.random.Generator) -> tuple[Picture, Picture]:
    """A country road that bends towards the horizon, and where it lies."""
    rows = np.arange(WORK_HEIGHT, dtype=np.float32)[:, None]
    near = ((rows - 0.705 * WORK_HEIGHT) / (0.295 * WORK_HEIGHT)).clip(0, 1)
    middle = 640 - 210 * near**0.6 + 26 * np.sin(near * 4.5)
    half = 2 + 118 * near**1.25
    aside = (np.arange(WORK_WIDTH, dtype=np.float32)[None, :] - middle) / half
    dust = _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.65, 5, stretch=3)
    ruts = 1 - 0.2 * (np.exp(-(((aside - 0.5) / 0.16) ** 2)) + np.exp(-(((aside + 0.5) / 0.16) ** 2)))
    verge = 1 - 0.16 * np.exp(-((aside / 0.14) ** 2)) * near
    tone = _colour(196, 180, 150) * (0.8 + 0.3 * dust * ruts * verge)[..., None] * ruts[..., None]
    edge = abs(aside) - 1 + 0.35 * (dust - 0.5)
    return tone.astype(np.float32), (_soft(edge, 0.22) * (near > 0)).astype(np.float32)


def river(random: np.random.Generator) -> Picture:
    picture = _sky(random, _colour(120, 128, 158), _colour(246, 196, 142), 0.46, _colour(255, 214, 176))
    for level, height, tone in ((0.5, 0.06, (122, 110, 122)), (0.55, 0.05, (84, 80, 84))):
        woods = _colour(*tone) * (0.72 + 0.5 * _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.75, 14, 2)[..., None])
        picture = _mix(picture, woods, _ridge(random, level, height, 60, rough=0.007))
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
        picture,
        _ground(random, _colour(66, 62, 42), _colour(70, 72, 52), 0.85),
        _ridge(random, 0.93, 0.04, 60, rough=0.02),
    )
    return _vignette(bank)


def town(random: np.random.Generator) -> Picture:
    picture = _sky(random, _colour(58, 84, 134), _colour(255, 206, 160), 0.45, _colour(255, 214, 190))
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
    street = _ground(random, _colour(58, 56, 60), _colour(110, 100, 96), 0.8)
    picture = _mix(picture, street, _ridge(random, 0.87, 0.004, 200))
    leaves = _colour(72, 78, 48) * (0.35 + 1.0 * _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.8, 24)[..., None])
    trees = _ridge(random, 0.83, 0.02, 30, rough=0.07) * (1 - _ridge(random, 0.91, 0.004, 200))
    return _vignette(_lamps(random, _mix(picture, leaves, trees)))


def _lamps(random: np.random.Generator, picture: Picture) -> Picture:
    """Street lamps and windows near by, out of focus, and their light on the asphalt."""
    y, x = np.mgrid[0:WORK_HEIGHT, 0:WORK_WIDTH].astype(np.float32)
    glow = np.zeros_like(x)
    for at in np.linspace(30, WORK_WIDTH - 30, 9) + random.uniform(-26, 26, 9):
        height, radius = 0.8 * WORK_HEIGHT + random.uniform(-16, 16), random.uniform(5, 10)
        glow += _soft(np.hypot(x - at, y - height) / radius - 1, 0.3) * 0.8
        glow += 0.35 * np.exp(-(np.hypot(x - at, y - height) / 34))
        glow += (
            0.3
            * np.exp(-(((x - at) / 16) ** 2))
            * ((y / WORK_HEIGHT - 0.9) / 0.02).clip(0, 1)
            * np.exp(-(y - 0.9 * WORK_HEIGHT) / 70)
        )
    return picture + glow[..., None] * _colour(255, 206, 132)


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
    """Two men at a table before flags; the backs of those who listen, out of focus, in front."""
    across = np.linspace(0, 1, WORK_WIDTH, dtype=np.float32)[None, :, None]
    down = np.linspace(0, 1, WORK_HEIGHT, dtype=np.float32)[:, None, None]
    grain_of_wood = _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.6, 5, 0.12)[..., None]
    lamps = sum(np.exp(-(((across - at) / 0.16) ** 2) - ((down - 0.02) / 0.5) ** 2) for at in (0.14, 0.5, 0.86))
    seams = 1 - 0.35 * np.exp(-((((across * 9) % 1) - 0.5) ** 2) / 0.0004)
    picture = _colour(128, 92, 62) * (0.62 + 0.22 * grain_of_wood + 0.75 * lamps) * seams * (1.05 - 0.35 * down)
    for x, tones in (
        (300, ((232, 232, 230), (40, 74, 150), (178, 44, 48))),
        (380, ((0, 150, 176), (0, 156, 180), (0, 144, 168))),
        (590, ((232, 232, 230), (40, 74, 150), (178, 44, 48))),
        (670, ((0, 150, 176), (0, 156, 180), (0, 144, 168))),
    ):
        _flag(picture, random, x, tones)
    picture = _blur(picture, 3.2)
    for x in (392, 610):
        _person(picture, random, x + int(random.integers(-8, 8)), 330, 0.5)
    _table(picture, random, 440, 505)
    for x in (398, 600):
        picture[452:456, x - 20 : x + 24] = _colour(240, 238, 230)
        picture[424:448, x + 34 : x + 38] = _colour(214, 226, 232)
    picture = _blur(picture, 1.0)
    crowd = picture.copy()
    for x in (80, 300, 520, 760, 950):
        _back(crowd, random, x + int(random.integers(-40, 40)), 600 + int(random.integers(-30, 40)), 1.25)
    picture[470:] = _blur(crowd, 6.5)[470:]
    return _vignette(picture * _colour(1.06, 1.0, 0.92))


def _table(picture: Picture, random: np.random.Generator, top: int, bottom: int) -> None:
    wood = _colour(96, 58, 34) * (0.75 + 0.35 * _noise(random, WORK_HEIGHT, WORK_WIDTH, 0.6, 4, 12)[..., None])
    picture[top : top + 26, 230:780] = wood[top : top + 26, 230:780] * 1.5
    picture[top + 26 : bottom + 120, 240:770] = wood[top + 26 : bottom + 120, 240:770] * 0.7
    picture[bottom + 120 :] = wood[bottom + 120 :] * 0.45


def _flag(picture: Picture, random: np.random.Generator, x: int, tones: tuple[tuple[int, int, int], ...]) -> None:
    """One that hangs from its staff: narrow, in folds, its stripes drawn down towards the free edge."""
    height, width = 250, 58
    columns = np.arange(width)
    folds = 1 + 0.28 * np.sin(np.linspace(0, random.uniform(12, 17), width) + random.uniform(0, 6))
    sag = (columns / width) ** 1.6 * 46
    rows = np.arange(height + 46)[:, None] - sag[None, :]
    stripes = (rows * len(tones) / height).astype(int).clip(0, len(tones) - 1)
    is_cloth = ((rows >= 0) & (rows < height))[..., None]
    cloth = np.array(tones, dtype=np.float32)[stripes] * folds[None, :, None]
    place = picture[110 : 110 + height + 46, x : x + width]
    picture[110 : 110 + height + 46, x : x + width] = np.where(is_cloth, cloth, place)
    picture[96:440, x - 4 : x] = _colour(188, 156, 84)


class _Window(NamedTuple):
    """The part of the picture that a figure stands in; `x` and `y` in head sizes from the middle of the head."""

    rows: slice
    columns: slice
    x: Picture
    y: Picture


def _window(x: int, head_y: int, size: float) -> _Window:
    head = 46 * size
    top, left = max(round(head_y - 2 * head), 0), max(round(x - 4 * head), 0)
    rows, columns = (
        slice(top, min(round(head_y + 12 * head), WORK_HEIGHT)),
        slice(left, min(round(x + 4 * head), WORK_WIDTH)),
    )
    y, across = np.mgrid[rows, columns].astype(np.float32)
    return _Window(rows, columns, (across - x) / head, (y - head_y) / head)


def _soft(distance: NDArray[Any], edge: float = 0.06) -> NDArray[Any]:
    """1 where the distance is below 0, 0 above it, with a soft border."""
    return (0.5 - distance / (2 * edge)).clip(0, 1)


def _torso(window: _Window) -> Picture:
    """Neck, sloping shoulders, arms."""
    fall = ((window.y - 1.15) / 1.0).clip(0, 1)
    half = 0.48 + 1.75 * np.sqrt(fall) + 0.05 * (window.y - 2).clip(0, 9)
    return _soft(abs(window.x) - half) * _soft(0.7 - window.y)


def _oval(window: _Window, x: float, y: float, width: float, height: float, edge: float = 0.12) -> Picture:
    return _soft(np.hypot((window.x - x) / width, (window.y - y) / height) - 1, edge)


def _person(picture: Picture, random: np.random.Generator, x: int, head_y: int, size: float) -> None:
    """Somebody in a suit, seen from the front and from far enough."""
    window = _window(x, head_y, size)
    place = picture[window.rows, window.columns]
    suit = _colour(*random.choice(((44, 48, 62), (62, 60, 64), (40, 42, 50))))
    skin = _colour(206, 160, 132) * random.uniform(0.92, 1.04)
    hair = _colour(*random.choice(((66, 56, 50), (112, 108, 106), (44, 38, 36))))
    light = (1.05 - 0.22 * window.x.clip(-1.6, 1.6))[..., None]
    place = _mix(place, suit * light, _torso(window))
    opening = _soft(abs(window.x) - 0.46 * ((3.3 - window.y) / 2.2).clip(0, 1)) * _soft(0.95 - window.y)
    place = _mix(place, _colour(226, 226, 228) * light, opening)
    place = _mix(place, _colour(96, 34, 44) * light, opening * _soft(abs(window.x) - 0.13))
    place = _mix(place, skin * 0.72 * light, _oval(window, 0, 0.95, 0.44, 0.55))
    place = _mix(place, skin * light, _oval(window, 0, 0, 0.8, 1.1))
    face = place
    for eye in (-0.32, 0.32):
        face = _mix(face, skin * 0.42, _oval(window, eye, -0.08, 0.2, 0.12, 0.5) * 0.8)
    face = _mix(face, skin * 0.72, _oval(window, 0.1, 0.3, 0.16, 0.22, 0.6) * 0.7)
    face = _mix(face, skin * _colour(0.7, 0.5, 0.5), _oval(window, 0, 0.6, 0.3, 0.08, 0.6) * 0.8)
    crown = _oval(window, 0, -0.2, 0.86, 1.05) * _soft(window.y + 0.42 + 0.5 * window.x**2, 0.2)
    picture[window.rows, window.columns] = _mix(face, hair * light, crown)


def _back(picture: Picture, random: np.random.Generator, x: int, head_y: int, size: float) -> None:
    """Somebody who sits before the camera, against the light."""
    window = _window(x, head_y, size)
    place = picture[window.rows, window.columns]
    clothes = _colour(*random.choice(((34, 32, 36), (48, 40, 36), (30, 36, 44), (58, 50, 48)))) * 0.8
    hair = _colour(*random.choice(((38, 30, 26), (60, 48, 38), (74, 70, 68), (28, 24, 24)))) * 0.9
    rim = 1 + 0.9 * np.exp(-(((window.y + 1.0) / 0.4) ** 2))[..., None]
    place = _mix(place, np.broadcast_to(clothes, place.shape), _torso(window))
    place = _mix(place, np.broadcast_to(_colour(112, 80, 62), place.shape), _oval(window, 0, 0.85, 0.45, 0.6))
    picture[window.rows, window.columns] = _mix(place, hair * rim, _oval(window, 0, -0.05, 0.84, 1.12))


SCENES: dict[str, Callable[[np.random.Generator], Picture]] = {
    "steppe": steppe,
    "river": river,
    "town": town,
    "hall": hall,
}
