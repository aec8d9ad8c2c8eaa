"""Crop geometry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.domain.crops import UPPER_THIRD, Box, Point, crop_box, cuts_faces, focus_of, to_pixels

CENTER = Point(0.5, 0.5)


@pytest.mark.parametrize(
    ("width", "height", "ratio", "focus", "expected"),
    [
        (4000, 3000, 1.0, CENTER, Box(0.125, 0, 0.75, 1)),
        (4000, 3000, 1.0, Point(0.0, 0.5), Box(0, 0, 0.75, 1)),
        (4000, 3000, 1.0, Point(1.0, 0.5), Box(0.25, 0, 0.75, 1)),
        (4000, 3000, 16 / 9, CENTER, Box(0, 0.125, 1, 0.75)),
        (3000, 4000, 16 / 9, UPPER_THIRD, Box(0, 1 / 3 - 0.2109375, 1, 0.421875)),
        (1000, 1000, 1.0, Point(0.9, 0.1), Box(0, 0, 1, 1)),
    ],
)
def test_a_crop_is_the_largest_of_its_ratio_around_the_focus(width, height, ratio, focus, expected):
    assert crop_box(width, height, ratio, focus) == pytest.approx(expected)


def test_a_crop_moves_to_keep_a_face_whole():
    face = Box(0.02, 0.3, 0.1, 0.2)

    box = crop_box(4000, 3000, 1.0, Point(0.5, 0.5), [face])

    assert box == pytest.approx(Box(0.02, 0, 0.75, 1))
    assert not cuts_faces(box, [face])


def test_the_focal_point_goes_before_the_faces():
    box = crop_box(4000, 1000, 1.0, Point(0.9, 0.5), [Box(0.0, 0.3, 0.05, 0.2)])

    assert box.x <= 0.9 <= box.x + box.width


def test_the_larger_face_draws_the_focus():
    assert focus_of([Box(0, 0, 0.1, 0.1), Box(0.8, 0, 0.2, 0.2)]).x == pytest.approx(0.73)
    assert focus_of([]) == UPPER_THIRD


fraction = st.floats(0, 1)


@given(
    st.integers(1, 20_000),
    st.integers(1, 20_000),
    st.floats(0.2, 5),
    fraction,
    fraction,
    st.lists(st.tuples(fraction, fraction, st.floats(0, 0.3), st.floats(0, 0.3)), max_size=4),
)
def test_every_crop_lies_inside_the_photo_and_holds_the_focus(width, height, ratio, x, y, faces):
    box = crop_box(width, height, ratio, Point(x, y), [Box(*face) for face in faces])
    pixels = to_pixels(box, width, height)

    assert min(box.x, box.y) >= -1e-9
    assert max(box.x + box.width, box.y + box.height) <= 1 + 1e-9
    assert box.x - 1e-6 <= x <= box.x + box.width + 1e-6
    assert box.y - 1e-6 <= y <= box.y + box.height + 1e-6
    assert pixels.left + pixels.width <= width
    assert pixels.top + pixels.height <= height
    assert min(pixels.width, pixels.height) >= 1
