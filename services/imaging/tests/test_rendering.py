"""What comes out of the child for what goes in: sizes, colours, words, and nothing personal."""

import gc
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
from structlog.testing import capture_logs

from contracts.content import Box, Point
from imaging.decoder import Decoder, Order
from imaging.domain.renditions import Rendition
from imaging.domain.words import Words

from .conftest import CYRILLIC, picture


def decode(file):
    return pyvips.Image.new_from_buffer(file.body, "")


def test_the_standard_set_of_a_photo(render):
    look, files = render(picture(4000, 3000).jpegsave_buffer(Q=90))

    sizes = {
        name: (files[name, "jpeg"].width, files[name, "jpeg"].height)
        for name, file_format in files
        if file_format == "jpeg"
    }
    assert sizes == {
        "w320": (320, 240),
        "w640": (640, 480),
        "w960": (960, 720),
        "w1280": (1280, 960),
        "w1920": (1920, 1440),
        "16x9": (1280, 720),
        "4x3": (1280, 960),
        "1x1": (1280, 1280),
        "card": (1200, 630),
    }
    assert {name for name, file_format in files if file_format == "avif"} == set(sizes) - {"card"}
    for file in files.values():
        assert (decode(file).width, decode(file).height) == (file.width, file.height)
    assert (look.width, look.height, look.focal_point_by) == (4000, 3000, "default")
    assert files["w1280", "avif"].body[4:12] == b"ftypavif"
    assert b"\xff\xc2" in files["w1280", "jpeg"].body, "progressive"


def test_nothing_is_scaled_up(render):
    look, files = render(picture(500, 400).jpegsave_buffer())

    assert (files["w1920", "jpeg"].width, files["w1920", "jpeg"].height) == (500, 400)
    assert (files["1x1", "jpeg"].width, files["1x1", "jpeg"].height) == (400, 400)
    assert look.warnings == ("small",)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_stands_upright(render, orientation):
    turned = {1: "rot0", 2: "rot0", 3: "rot180", 4: "rot180", 5: "rot270", 6: "rot270", 7: "rot90", 8: "rot90"}[
        orientation
    ]
    image = getattr(picture(800, 600), turned)() if turned != "rot0" else picture(800, 600)
    if orientation in (2, 4, 5, 7):
        image = image.fliphor() if orientation in (2, 4) else image.flipver()
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)

    look, files = render(image.jpegsave_buffer(Q=95, keep="exif"))

    shown = decode(files["w640", "jpeg"])
    top, bottom = shown.crop(0, 0, 640, 60), shown.crop(0, 420, 640, 60)
    assert (look.width, look.height) == (800, 600)
    assert top.extract_band(0).avg() > 200 > top.extract_band(2).avg()
    assert bottom.extract_band(2).avg() > 200


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_that_shrinks_while_it_loads_shows_the_same(render, orientation):
    turns = {1: "rot0", 3: "rot180", 6: "rot270", 8: "rot90"}
    upright = picture(1600, 1200)
    image = (getattr(upright, turns[orientation])() if orientation > 1 else upright).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)

    _, files = render(image.jpegsave_buffer(Q=95, keep="exif"), Order(sizes=(Rendition("w320", 320),)))

    shown = decode(files["w320", "jpeg"])
    assert (shown.width, shown.height) == (320, 240)
    assert (shown - upright.resize(0.2)).abs().avg() < 2


def test_a_photo_whose_faces_are_known_is_not_looked_at_again(decoder):
    body, face, files = picture(1600, 800).jpegsave_buffer(), Box(x=0.0, y=0.4, width=0.1, height=0.2), []

    decoder.resize(body, Order(sizes=(Rendition("own", 400, 400, ("jpeg",)),)), (face,), files.append)
    decoder.resize(body, Order(sizes=(Rendition("own", 400, 400, ("jpeg",)),)), (), files.append)

    left, middle = (decode(file) for file in files)
    whole = pyvips.Image.new_from_buffer(body, "").resize(0.5)
    assert (left - whole.crop(0, 0, 400, 400)).abs().avg() < 2
    assert (middle - whole.crop(200, 0, 400, 400)).abs().avg() < 2


def test_words_given_are_written_into_every_file_of_640_px_and_more(render, tmp_path):
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed: no outside reader to ask")
    _, files = render(picture(2000, 1500).jpegsave_buffer(), Order(Words(CYRILLIC, "telegram-канал Евгения Солнцева")))
    for (name, file_format), file in files.items():
        (tmp_path / f"{name}.{file_format}").write_bytes(file.body)

    told = json.loads(
        subprocess.run(
            ["exiftool", "-j", "-G1", "-a", str(tmp_path)], capture_output=True, check=True, text=True
        ).stdout
    )

    assert len(told) == 17
    for one in told:
        is_jpeg, is_small = one["SourceFile"].endswith("jpeg"), "w320" in one["SourceFile"]
        assert one.get("XMP-dc:Description") == (None if is_small else CYRILLIC)
        assert one.get("XMP-photoshop:Credit") == (None if is_small else "telegram-канал Евгения Солнцева")
        assert one.get("IFD0:ImageDescription") == (None if is_small else CYRILLIC)
        assert one.get("IFD0:Artist") == (None if is_small else "telegram-канал Евгения Солнцева")
        if is_jpeg:
            assert one.get("IPTC:Caption-Abstract") == (None if is_small else CYRILLIC)
            assert one.get("IPTC:Credit") == (None if is_small else "telegram-канал Евгения Солнцева")


def test_words_in_the_file_are_found_and_kept(render):
    image = picture(1000, 800).copy()
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Credit="Фотограф"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">Мост</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>'
    image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp.encode())

    look, files = render(image.jpegsave_buffer(keep="xmp"))

    assert (look.words.caption, look.words.credit) == ("Мост", "Фотограф")
    assert "Фотограф".encode() in files["w640", "jpeg"].body


def test_nothing_personal_is_left(render, tmp_path):
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed: no outside reader to ask")
    source = tmp_path / "source.jpg"
    source.write_bytes(picture(1200, 900).jpegsave_buffer())
    thumbnail = tmp_path / "thumb.jpg"
    thumbnail.write_bytes(picture(160, 120).jpegsave_buffer(keep="none"))
    secrets = {
        "GPSLatitude": "51.77",
        "GPSLatitudeRef": "N",
        "SerialNumber": "SECRET-1",
        "OwnerName": "Secret Owner",
        "UserComment": "SECRET-2",
        "XMP-xmp:CreatorTool": "SECRET-3",
        "XMP-exif:GPSLongitude": "55.1",
    }
    options = [f"-{name}={value}" for name, value in secrets.items()]
    subprocess.run(
        ["exiftool", "-q", "-overwrite_original", *options, f"-ThumbnailImage<={thumbnail}", str(source)], check=True
    )

    _, files = render(source.read_bytes(), Order(Words(credit="Агентство")))

    for (name, file_format), file in files.items():
        path = tmp_path / f"out-{name}.{file_format}"
        path.write_bytes(file.body)
    told = subprocess.run(
        ["exiftool", "-j", "-b", *map(str, tmp_path.glob("out-*"))], capture_output=True, check=True, text=True
    ).stdout
    assert "SECRET" not in told.upper()
    assert "GPS" not in told
    assert "ThumbnailImage" not in told


def with_maker_notes(body):
    """The JPEG with an EXIF block whose sub-directory holds a maker's own notes: `MakerNote` 0x927C."""
    notes = b"MAKERSECRET" * 10
    entry = (0x927C).to_bytes(2, "little") + (7).to_bytes(2, "little") + len(notes).to_bytes(4, "little")
    sub_directory = b"\x01\x00" + entry + (44).to_bytes(4, "little") + b"\x00" * 4
    pointer = (0x8769).to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(4, "little")
    tiff = b"II*\x00\x08\x00\x00\x00" + b"\x01\x00" + pointer + (26).to_bytes(4, "little") + b"\x00" * 4
    segment = b"Exif\x00\x00" + tiff + sub_directory + notes
    return body[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + body[2:]


def with_gain_map():
    """An Ultra HDR JPEG: behind the photo stands a second JPEG, a gain map that shows the whole frame."""
    return (picture(1200, 900).colourspace("scrgb") * 3).uhdrsave_buffer()


def told_by_exiftool(folder):
    """The names, group first, of all that the photos in the folder say."""
    told = subprocess.run(["exiftool", "-j", "-a", "-U", "-G1", str(folder)], capture_output=True, check=True).stdout
    return {name for one in json.loads(told) for name in one}


@pytest.mark.parametrize(
    ("make", "leak", "name"),
    [
        (lambda: with_maker_notes(picture(1200, 900).jpegsave_buffer()), b"MAKERSECRET", "ExifIFD:MakerNote"),
        (with_gain_map, b"MPF\x00", "MPImage2:"),
    ],
    ids=["maker notes", "gain map"],
)
def test_maker_notes_and_gain_maps_of_the_whole_frame_are_gone(render, tmp_path, make, leak, name):
    source = make()
    assert leak in source

    _, files = render(source, Order(Words(credit="Агентство")))

    assert len(files) == 17
    for file in files.values():
        assert leak not in file.body
        assert file.body.count(b"\xff\xd8\xff") == (file.format == "jpeg")
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed: no outside reader to ask")
    for folder, bodies in (("in", {"source.jpeg": source}), ("out", {".".join(of): files[of].body for of in files})):
        (tmp_path / folder).mkdir()
        for file_name, body in bodies.items():
            (tmp_path / folder / file_name).write_bytes(body)
    assert any(one.startswith(name) for one in told_by_exiftool(tmp_path / "in"))
    assert not any(one.startswith((name, "MPF", "MPImage")) for one in told_by_exiftool(tmp_path / "out"))


def test_the_editors_point_and_crops_are_obeyed(render):
    order = Order(focal_point=Point(x=0.1, y=0.5), crops={"4x3": Box(x=0.5, y=0.5, width=0.5, height=0.5)})

    look, _ = render(picture(1600, 1200).jpegsave_buffer(), order)

    assert look.focal_point_by == "editor"
    assert look.crops["1x1"].x == 0
    assert look.crops["4x3"] == order.crops["4x3"]


@pytest.mark.parametrize(
    ("save", "kind"),
    [
        (lambda: picture(900, 700).pngsave_buffer(), "png"),
        (lambda: picture(900, 700).bandjoin(128).pngsave_buffer(), "png with alpha"),
        (lambda: picture(900, 700).webpsave_buffer(), "webp"),
        (lambda: picture(900, 700).tiffsave_buffer(), "tiff"),
        (lambda: picture(900, 700).gifsave_buffer(), "gif"),
        (lambda: picture(900, 700).heifsave_buffer(compression="av1", effort=0), "avif"),
        (lambda: picture(900, 700, bands=1).jpegsave_buffer(), "grey"),
        (lambda: picture(900, 700).colourspace("cmyk").jpegsave_buffer(), "cmyk"),
        (
            lambda: (
                (picture(900, 700).cast("ushort") * 257)
                .cast("ushort")
                .copy(interpretation="rgb16")
                .pngsave_buffer(bitdepth=16)
            ),
            "16 bit",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_photo_that_is_taken_comes_out_as_srgb(render, save, kind):
    look, files = render(save())

    shown = decode(files["w640", "jpeg"])
    assert (look.width, look.height) == (900, 700)
    assert (shown.bands, shown.interpretation, shown.format) == (3, "srgb", "uchar")


def test_the_same_photo_has_the_same_hash_whatever_its_size_and_quality(render):
    image = picture(1600, 1200, seed=5)
    looks = [
        render(image.jpegsave_buffer(Q=90))[0],
        render(image.resize(0.5).jpegsave_buffer(Q=60))[0],
        render(picture(1600, 1200, seed=6).jpegsave_buffer())[0],
    ]

    first, again, other = (int(look.perceptual_hash, 16) for look in looks)

    assert (first ^ again).bit_count() <= 6
    assert (first ^ other).bit_count() > 12


def test_the_average_colour_is_told(render):
    flat = pyvips.Image.new_from_array(np.full((300, 400, 3), (200, 100, 50), dtype=np.uint8)).copy(
        interpretation="srgb"
    )

    assert render(flat.pngsave_buffer())[0].dominant_color == "#c86432"


def test_one_child_serves_many_photos(decoder, render):
    render(picture(400, 300).jpegsave_buffer())
    child = decoder._child.pid

    render(picture(400, 300).jpegsave_buffer())

    assert decoder._child.pid == child


UNCONFINED = (
    "import imaging.renderer.__main__ as child; child.cut_off_network = lambda: 'unshare: not here'; child.main()"
)


def test_a_child_that_could_not_be_cut_off_from_the_network_is_told_of_once():
    decoder = Decoder((sys.executable, "-I", "-c", UNCONFINED))

    with capture_logs() as told:
        for _ in range(2):
            assert decoder.render(picture(400, 300).jpegsave_buffer(), Order(), lambda _: None).width == 400
            decoder.close()

    assert [(line["log_level"], line["reason"]) for line in told] == [("warning", "unshare: not here")]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_the_child_holds_no_credentials(render, decoder, monkeypatch):
    monkeypatch.setenv("DEPESHA_S3_SECRET_KEY", "topsecret")
    decoder.close()

    render(picture(400, 300).jpegsave_buffer())

    environment = Path(f"/proc/{decoder._child.pid}/environ").read_bytes()
    assert b"topsecret" not in environment


def test_a_decoder_that_is_let_go_of_ends_its_child():
    forgotten = Decoder()
    forgotten.render(picture(400, 300).jpegsave_buffer(), Order(), lambda _: None)
    child = forgotten._child

    del forgotten
    gc.collect()

    assert child.returncode is not None
    assert child.stdout.closed
