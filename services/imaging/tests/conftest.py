"""Photographs made for tests, and the child that decodes them."""

import numpy as np
import pytest
import pyvips

from imaging.decoder import Decoder, Order
from imaging.handlers import Studio

CYRILLIC = "Подпись «с кавычками» & <знаками>"


@pytest.fixture(scope="session")
def decoder():
    decoder = Decoder()
    yield decoder
    decoder.close()


@pytest.fixture
def database(database_for):
    return database_for("imaging")


@pytest.fixture
def studio(private_bucket, public_bucket, decoder):
    return Studio(private_bucket, public_bucket, decoder, decoder)


def picture(width=1600, height=1200, bands=3, seed=1):
    """Soft blobs of colour, upright: red at the top, blue at the bottom."""
    random = np.random.default_rng(seed)
    small = random.integers(40, 216, (12, 16, bands)).astype(np.uint8)
    small[:3, :, 0], small[-3:, :, min(2, bands - 1)] = 250, 250
    image = pyvips.Image.new_from_array(small).resize(width / 16, vscale=height / 12, kernel="cubic").cast("uchar")
    return image.copy(interpretation="srgb" if bands >= 3 else "b-w")


@pytest.fixture
def render(decoder):
    """`render(body, Order())` -> (look, files by (name, format))."""

    def run(body, order=None):
        files = {}
        look = decoder.render(body, order or Order(), lambda one: files.__setitem__((one.rendition, one.format), one))
        return look, files

    return run
