"""Files that strangers send: each is refused with a reason or shown as far as it goes, and the worker lives on."""

import struct
import time
import zlib

import numpy as np
import pytest
import pyvips

from imaging.decoder import Decoder, Order
from imaging.domain.limits import MAX_BYTES, ImageRefusedError

from .conftest import picture


@pytest.fixture(scope="module")
def decoder():
    """One of our own: the others' photos would make it time for a new child."""
    decoder = Decoder()
    yield decoder
    decoder.close()


def png(width, height, data=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def jpeg_that_says(width, height):
    body = bytearray(picture(64, 64).jpegsave_buffer())
    place = body.index(b"\xff\xc0")
    body[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(body)


def svg():
    return b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><image href="file:///etc/passwd"/></svg>'


BAD = {
    "zero bytes": (b"", "empty"),
    "text": (b"hello, world", "not_an_image"),
    "svg": (svg(), "not_an_image"),
    "pdf": (b"%PDF-1.7\n1 0 obj\n", "not_an_image"),
    "psd": (b"8BPS\x00\x01" + b"\x00" * 100, "not_an_image"),
    "html behind a jpeg's name": (b"<html><script>alert(1)</script>", "not_an_image"),
    "a jpeg's first bytes only": (b"\xff\xd8\xff", "damaged"),
    "a png's signature only": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "random after a jpeg's start": (b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20, "damaged"),
    "a png of 1 x 10,000,000": (png(1, 10_000_000), "side_too_long"),
    "a png bomb of 19,000 x 19,000": (png(19_000, 19_000, b"\x00" * 1000), "too_many_pixels"),
    "a jpeg of 60,000 x 60,000": (jpeg_that_says(60_000, 60_000), "side_too_long"),
    "a gif that says 20,000 x 20,000": (b"GIF89a" + struct.pack("<HH", 20_000, 20_000) + b"\x00\x00\x00;", "damaged"),
    "too many bytes": (b"\xff\xd8\xff" + b"\x00" * MAX_BYTES, "too_large"),
    "webp cut in its head": (picture(64, 64).webpsave_buffer()[:24], "damaged"),
    "avif cut in half": (picture(300, 300).heifsave_buffer(compression="av1", effort=0)[:400], "damaged"),
    "tiff with a lying directory": (b"II*\x00\xff\xff\xff\x7f", "damaged"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_reason(render, name):
    body, reason = BAD[name]

    with pytest.raises(ImageRefusedError) as refused:
        render(body)

    assert refused.value.reason == reason
    assert refused.value.detail


def test_a_photo_cut_short_is_shown_as_far_as_it_goes_and_marked(render):
    body = picture(1600, 1200).jpegsave_buffer(Q=90)

    look, files = render(body[: len(body) * 2 // 3])

    assert look.warnings == ("damaged",)
    assert len(files) == 17


def with_exif(size):
    """A PNG with an EXIF block of so many bytes; a JPEG has room for 64 KiB only."""
    body = picture(200, 200).pngsave_buffer()
    block = b"II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00".ljust(size, b"\x00")
    chunk = len(block).to_bytes(4, "big") + b"eXIf" + block + zlib.crc32(b"eXIf" + block).to_bytes(4, "big")
    end_of_header = 8 + 25
    return body[:end_of_header] + chunk + body[end_of_header:]


def with_xmp(size):
    image = picture(200, 200).copy()
    image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x/>".ljust(size, b" "))
    return image.webpsave_buffer(keep="xmp")


@pytest.mark.parametrize(
    ("photo", "kind", "limit"), [(with_exif, "EXIF", 128 * 1024), (with_xmp, "XMP", 1024 * 1024)], ids=["exif", "xmp"]
)
def test_metadata_up_to_its_limit_is_taken_and_one_byte_more_is_refused(render, photo, kind, limit):
    assert render(photo(limit))[0].width == 200

    with pytest.raises(ImageRefusedError) as refused:
        render(photo(limit + 1))

    detail = f"{limit + 1} bytes of {kind}, and at most {limit} are taken"
    assert (refused.value.reason, refused.value.detail) == ("metadata_too_large", detail)


@pytest.mark.parametrize("packet", [b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", b"<x", b"\xff\xfe\x00", b""])
def test_hostile_xmp_is_ignored(render, packet):
    image = picture(700, 500).copy()
    image.set_type(pyvips.GValue.blob_type, "xmp-data", packet or b" ")

    look, _ = render(image.jpegsave_buffer(keep="xmp"))

    assert (look.words.caption, look.words.credit) == ("", "")


def many_scans(count):
    """A progressive JPEG whose last scan stands in it `count` times more."""
    body = picture(600, 400).jpegsave_buffer(interlace=True)
    last = body.rindex(b"\xff\xda")
    return body[:-2] + body[last:-2] * count + b"\xff\xd9"


def test_a_jpeg_of_2000_scans_costs_no_more_than_the_limits(decoder):
    before = time.perf_counter()

    try:
        decoder.render(many_scans(2_000), Order(), lambda _: None)
    except ImageRefusedError as refused:
        assert refused.reason in ("damaged", "undecodable")  # noqa: PT017 - either is fine, a hang is not

    assert time.perf_counter() - before < 60


@pytest.mark.parametrize(
    "tail", [b"<script>alert(1)</script>", b"PK\x03\x04" + bytes(200), b"%PDF-1.7", b"GIF89a" + bytes(100)]
)
def test_what_a_polyglot_hides_does_not_come_out(render, tail):
    _, files = render(picture(300, 200).jpegsave_buffer() + tail)

    assert len(files) == 17
    assert all(tail not in file.body for file in files.values())


SAVERS = {
    "jpeg": lambda image: image.jpegsave_buffer(Q=80),
    "progressive": lambda image: image.jpegsave_buffer(interlace=True),
    "png": lambda image: image.pngsave_buffer(),
    "webp": lambda image: image.webpsave_buffer(effort=0),
    "gif": lambda image: image.gifsave_buffer(effort=1),
    "tiff": lambda image: image.tiffsave_buffer(),
    "avif": lambda image: image.heifsave_buffer(compression="av1", effort=0),
}


@pytest.mark.parametrize("kind", SAVERS)
def test_whatever_bytes_are_broken_the_child_answers_and_lives(render, decoder, kind):
    whole = SAVERS[kind](picture(200, 150))
    random = np.random.default_rng(3)
    render(picture(64, 64).jpegsave_buffer())
    child = decoder._child.pid

    for trial in range(12):
        body = bytearray(whole)
        for place in random.integers(4, len(body), 1 + 3 * trial):
            body[place] = random.integers(0, 256)
        body = body[: random.integers(len(body) // 2, len(body) + 1)]
        try:
            render(bytes(body))
        except ImageRefusedError as refused:
            assert refused.detail  # noqa: PT017 - refusing is fine, dying is not

    assert decoder._child.pid == child


def test_a_png_whose_keyword_is_in_latin_1_is_a_good_photo(render):
    """As its specification has it. pyvips reads names as UTF-8 and fails."""
    body = picture(640, 480).pngsave_buffer()
    text = b"tEXt" + "Créateur".encode("latin-1") + b"\0somebody"
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    end = body.index(b"IEND") - 4

    look, files = render(body[:end] + chunk + body[end:])

    assert (look.width, look.height, look.warnings) == (640, 480, ("blurred",))
    assert all(b"somebody" not in file.body for file in files.values())


def test_good_photos_come_through_between_bad_ones(render):
    for body, _ in list(BAD.values())[:8]:
        with pytest.raises(ImageRefusedError):
            render(body)
        assert len(render(picture(300, 200).jpegsave_buffer())[1]) == 17


def test_a_child_that_dies_is_replaced_and_its_photo_refused():
    decoder = Decoder(("/bin/sh", "-c", "exit 1"))

    with pytest.raises(ImageRefusedError) as refused:
        decoder.render(picture(300, 200).jpegsave_buffer(), Order(), lambda _: None)

    assert refused.value.reason == "undecodable"
    decoder._command = Decoder()._command
    assert decoder.render(picture(300, 200).jpegsave_buffer(), Order(), lambda _: None).width == 300
    decoder.close()
