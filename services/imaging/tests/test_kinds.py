"""Photos that are not plain: alpha, animation, HEIC, foreign colours, faces, and what is told of them."""

import base64

import numpy as np
import pytest
import pyvips

from imaging.decoder import Order
from imaging.domain.crops import Box, crop_box, focus_of
from imaging.domain.faces import Found, choose_faces, head_of
from imaging.domain.renditions import Rendition, animated_width
from imaging.domain.thumbhash import thumbhash
from imaging.domain.words import Words
from imaging.renderer.encoding import resize
from imaging.renderer.judging import distance
from imaging.renderer.opening import make_master, open_photo
from stack.demo.photos import SCENES

from .conftest import picture

HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA"
    "ACJpbG9jAAAAAERAAAEAAQAAAAABegABAAAAAAAAACQAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRt"
    "AAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA"
    "AAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoDCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xy"
    "bmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABgAAAAQAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAACxt"
    "ZGF0AAAAICgBrwQY/Hk46//47Cfm0n2LBOiuuMj668s3AG71gcS0"
)
"""96 x 64 px, blue left and orange right, made for this test."""


def decode(file, **options):
    return pyvips.Image.new_from_buffer(file.body, "", **options)


def test_what_shines_through_becomes_webp_and_its_jpeg_stands_on_white(render):
    alpha = pyvips.Image.black(800, 600).draw_rect(255, 0, 0, 400, 600, fill=True)
    body = picture(800, 600).bandjoin(alpha).pngsave_buffer()

    _, files = render(body)

    assert {file_format for _, file_format in files} == {"webp", "jpeg"}
    assert decode(files["w640", "webp"]).hasalpha()
    assert decode(files["w640", "jpeg"]).getpoint(630, 240) == pytest.approx([255, 255, 255], abs=2)


def test_an_animation_moves_in_webp_and_its_crops_are_its_first_frame(render):
    frames = [picture(700, 500, seed=seed) for seed in range(3)]
    animation = pyvips.Image.arrayjoin(frames, across=1).copy()
    animation.set_type(pyvips.GValue.gint_type, "page-height", 500)
    animation.set_type(pyvips.GValue.array_int_type, "delay", [100, 100, 100])

    look, files = render(animation.gifsave_buffer())

    assert look.frames == 3
    assert {name for name, file_format in files if file_format == "webp"} == {"w320", "w640", "w960"}
    moving = decode(files["w640", "webp"], n=-1)
    assert (moving.get("n-pages"), moving.width, files["w640", "webp"].height) == (3, 640, 457)
    assert {name for name, file_format in files if file_format == "jpeg"} >= {"16x9", "1x1", "card", "w640"}


def test_an_animation_tells_nothing_that_its_file_did_not_have_to(render):
    frames = [picture(800, 500, seed=seed) for seed in (1, 2)]
    animation = pyvips.Image.arrayjoin(frames, across=1).copy()
    animation.set_type(pyvips.GValue.gint_type, "page-height", 500)
    animation.set_type(pyvips.GValue.gstr_type, "exif-ifd3-GPSLatitude", "55/1 45/1 0/1")
    animation.set_type(pyvips.GValue.gstr_type, "exif-ifd2-BodySerialNumber", "SN12345")
    body = animation.webpsave_buffer(keep="exif")

    _, files = render(body, Order(words=Words(caption="Мост")))

    kept = pyvips.Image.new_from_buffer(files["w640", "webp"].body, "").get_fields()
    assert "exif-ifd0-ImageDescription" in kept
    assert [name for name in kept if "GPS" in name or "Serial" in name] == []
    assert b"SN12345" in body
    assert [one.rendition for one in files.values() if b"SN12345" in one.body] == []


def test_a_long_animation_is_shown_smaller():
    assert animated_width(960, 1000, 1000, 10) == 960
    assert animated_width(960, 1000, 1000, 300) == 365


def test_heic_is_opened(render):
    look, files = render(HEIC)

    shown = decode(files["w320", "jpeg"])
    assert (look.width, look.height, shown.width) == (96, 64, 96)
    assert shown.getpoint(10, 30) == pytest.approx([40, 90, 180], abs=25)
    assert shown.getpoint(80, 30) == pytest.approx([200, 100, 50], abs=25)


def test_colours_of_other_profiles_are_converted(render):
    flat = pyvips.Image.new_from_array(np.full((300, 400, 3), (30, 60, 90), dtype=np.uint8)).copy(interpretation="srgb")
    p3 = flat.icc_transform("p3", input_profile="srgb")
    cmyk = flat.icc_transform("cmyk", input_profile="srgb", intent="relative", black_point_compensation=True)

    for image, tolerance in ((p3, 3), (cmyk, 12)):
        _, files = render(image.jpegsave_buffer(Q=95, keep="icc"))
        assert decode(files["w320", "jpeg"]).getpoint(100, 100) == pytest.approx([30, 60, 90], abs=tolerance)


def test_the_same_pixels_are_encoded_once(render):
    _, files = render(picture(4000, 3000).jpegsave_buffer())

    assert files["w1280", "avif"].body == files["4x3", "avif"].body
    assert files["w1280", "avif"].body != files["1x1", "avif"].body


@pytest.fixture(scope="module")
def hall():
    pixels = SCENES["hall"](np.random.default_rng(7)).clip(0, 255).astype(np.uint8)
    return pyvips.Image.new_from_array(pixels, interpretation="srgb")


def test_people_are_found_and_every_crop_keeps_them(render, hall):
    look, _ = render(hall.resize(2).jpegsave_buffer(Q=90))

    assert look.focal_point_by == "faces"
    assert len(look.faces) == 2
    assert [round(face.x + face.width / 2, 1) for face in sorted(look.faces, key=lambda face: face.x)] == [0.4, 0.6]
    assert "faces_cut" not in look.warnings


def test_where_nobody_is_the_upper_third_counts(render):
    look, _ = render(picture(1600, 1200).jpegsave_buffer())

    assert (look.faces, look.focal_point_by, round(look.focal_point.y, 2)) == ((), "default", 0.33)


def test_one_face_is_told_once_and_cut_to_the_photo():
    boxes = [
        Found(Box(0.4, 0.4, 0.1, 0.1), 0.7),
        Found(Box(0.41, 0.4, 0.1, 0.1), 0.9),
        Found(Box(-0.1, 0, 0.3, 0.2), 0.6),
    ]

    assert choose_faces(boxes) == (Box(0.0, 0.0, pytest.approx(0.2), 0.2), pytest.approx(Box(0.41, 0.4, 0.1, 0.1)))


def test_a_crop_keeps_the_hair_too():
    face = Box(0.45, 0.1, 0.1, 0.1)

    box = crop_box(1000, 2000, 1.0, focus_of([face]), [head_of(face)])

    assert box.y <= face.y - 0.035


def test_a_soft_photo_is_called_blurred_and_a_sharp_one_is_not(render, hall):
    sharp, _ = render(hall.jpegsave_buffer(Q=90))
    soft, _ = render(hall.gaussblur(8).jpegsave_buffer(Q=90))

    assert ("blurred" in sharp.warnings, "blurred" in soft.warnings) == (False, True)


def test_the_thumbhash_holds_average_shape_and_two_halves():
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[:, :50], pixels[:, 50:] = (230, 40, 40), (40, 40, 230)

    data = thumbhash(pixels)

    head, tail = int.from_bytes(data[:3], "little"), int.from_bytes(data[3:5], "little")
    assert (head & 63) / 63 == pytest.approx((135 + 40 + 135) / 3 / 255, abs=0.01)
    assert (tail >> 15, tail & 7, head >> 23) == (1, 4, 0)
    assert len(data) == 5 + (7 + 6 + 4 + 2 - 1 + 5 + 5 + 1) // 2


def test_the_thumbhash_of_what_shines_through_says_so():
    pixels = np.full((50, 50, 4), 128, np.uint8)

    assert thumbhash(pixels)[2] >> 7 == 1


def test_the_second_pass_makes_some_files_smaller_and_none_larger_or_worse(render):
    smaller = 0
    for scene in ("steppe", "river", "hall"):
        pixels = SCENES[scene](np.random.default_rng(11)).clip(0, 255).astype(np.uint8)
        body = pyvips.Image.new_from_array(pixels, interpretation="srgb").jpegsave_buffer(Q=92)
        size = Rendition("w480", 480)
        shown = resize(make_master(open_photo(body), 480), size, None)

        quick, small = (render(body, Order(sizes=[size], is_second_pass=is_second))[1] for is_second in (False, True))

        for name, file in small.items():
            before = quick[name].body
            assert file.body == before or len(file.body) <= 0.97 * len(before)
            assert distance(shown, file.body) <= distance(shown, before) * (1 + 1e-9)
            smaller += file.body != before
    assert smaller >= 2
