"""The headline on a social card: it is there, it fits, and nothing in it is taken for markup."""

import numpy as np
import pytest
import pyvips

from imaging.decoder import Order
from imaging.domain.crops import Point
from imaging.domain.renditions import Rendition
from imaging.renderer.lettering import _shortened, letter
from imaging.renderer.rendering import _aim

from .conftest import picture

CARD = Rendition("card", 1200, 630, ("jpeg",), with_headline=True)
PLAIN = Rendition("plain", 1200, 630, ("jpeg",))


def grey():
    return pyvips.Image.new_from_array(np.full((630, 1200, 3), 200, np.uint8)).copy(interpretation="srgb")


def letters_of(card):
    """(left, top, right, bottom) of what is white."""
    rows, columns = np.nonzero(card.numpy().min(axis=2) > 250)
    return columns.min(), rows.min(), columns.max(), rows.max()


@pytest.mark.parametrize(
    "headline",
    [
        "Мост",
        "Губернатор Евгений Солнцев открыл мост через Урал после двух лет ремонта",
        "Қазақстан әкімі өңірдегі үйлерді ұзартты",
        "Превысокомногорассмотрительствующий" * 8,
        "Очень длинный заголовок о соглашении " * 13,
    ],
)
def test_a_headline_stands_inside_the_lower_part_whatever_its_length(headline):
    left, top, right, bottom = letters_of(letter(grey(), headline))

    assert left >= 54
    assert right <= 1200 - 54
    assert top >= 630 * 0.43
    assert bottom <= 630 - 28


def test_white_letters_stand_on_dark_and_the_photo_stays_bright_above():
    card = letter(grey(), "Мост через Урал открыт").numpy()

    _, top, _, _ = letters_of(pyvips.Image.new_from_array(card))
    assert card[: top - 130].min() == 200
    assert card[top + 70 :, :50].max() < 40


@pytest.mark.parametrize(("marked", "plain"), [("<b>", "(b)"), ("&amp;", "(amp)"), ("<span size='1'>", "(span size)")])
def test_what_looks_like_markup_is_shown_as_it_is_written(marked, plain):
    shown = letters_of(letter(grey(), f"Мост {marked} Урал"))

    without = letters_of(letter(grey(), "Мост Урал"))
    alike = letters_of(letter(grey(), f"Мост {plain} Урал"))
    assert shown[2] - without[2] > 0.5 * (alike[2] - without[2]) > 0


@pytest.mark.parametrize("headline", ["", " \n\t", "\x00\u200b"])
def test_without_words_the_photo_stays_as_it_is(headline):
    assert (letter(grey(), headline).numpy() == 200).all()


def test_a_long_headline_loses_whole_words_and_no_preposition_stays_last():
    assert _shortened(["Глава", "области", "поехал", "в", "Москву"], 24) == "Глава области поехал…"
    assert _shortened(["Глава", "области"], 24) == "Глава области"


def test_only_the_size_that_asks_for_it_shows_the_headline(render):
    body = picture(1600, 1200).jpegsave_buffer(Q=90)

    look, files = render(body, Order(sizes=(CARD, PLAIN), headline="Мост открыт"))
    _, bare = render(body, Order(sizes=(CARD, PLAIN)))

    shown = {name: pyvips.Image.new_from_buffer(file.body, "").numpy() for (name, _), file in files.items()}
    assert shown["card"][560:, :40].max() < 60
    assert shown["plain"][560:, :40].max() > 200
    assert files["plain", "jpeg"].body == bare["plain", "jpeg"].body
    assert pyvips.Image.new_from_buffer(bare["card", "jpeg"].body, "").numpy()[560:, :40].max() > 200
    assert look.crops["card"].y > look.crops["plain"].y, "what matters stands above the letters"


def test_a_see_through_photo_gets_its_headline_too(render):
    alpha = pyvips.Image.black(1300, 800).draw_rect(255, 0, 0, 650, 800, fill=True)

    _, files = render(picture(1300, 800).bandjoin(alpha).pngsave_buffer(), Order(sizes=(CARD,), headline="Мост"))

    assert (files["card", "jpeg"].width, files["card", "jpeg"].height) == (1200, 630)


def test_the_aim_stays_inside_the_photo():
    assert _aim(CARD, Point(0.5, 0.95)) == Point(0.5, 1.0)
    assert _aim(PLAIN, Point(0.5, 0.95)) == Point(0.5, 0.95)
