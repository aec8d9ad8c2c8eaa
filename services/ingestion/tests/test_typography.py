"""Russian typography: right, and the same when it is done twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.domain.typography import TAG, drop_invisible, tidy, tidy_html

N = "\u00a0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Завод "Урал" открыли', "Завод «Урал» открыли"),
        ('"Газета "Известия" пишет"', "«Газета „Известия“ пишет»"),
        ("ООО «Фирма «Ромашка»»", "ООО «Фирма „Ромашка“»"),
        ("Орск - город на Урале", f"Орск{N}— город на{N}Урале"),
        ("- Мы приедем", f"—{N}Мы приедем"),
        ("2,5 тыс. рублей", f"2,5{N}тыс. рублей"),
        ("12 ноября", f"12{N}ноября"),
        ("И. И. Петров и А.Б.Иванова", f"И.{N}И.{N}Петров и{N}А.{N}Б.{N}Иванова"),
        ("школа № 5", f"школа №{N}5"),
        ("и в городе", f"и{N}в{N}городе"),
        ("Соль-Илецк", "Соль-Илецк"),
        ("  два  пробела ", "два пробела"),
        (" - Мы\n - Они ", f"—{N}Мы\n—{N}Они"),
        ("в 1990-е годы", f"в{N}1990-е годы"),
    ],
)
def test_text_is_set_as_a_proof_reader_would(text, expected):
    assert tidy(text) == expected


@given(st.text(alphabet='абв АБ"«»„“-–— 12.,№\n\u00a0и', max_size=60))
def test_doing_it_twice_changes_nothing_more(text):
    once = tidy(text)

    assert tidy(once) == once


@given(st.text(max_size=200))
def test_no_letter_or_digit_is_lost_or_made(text):
    letters = [sign for sign in text if sign.isalnum()]

    assert [sign for sign in tidy(text) if sign.isalnum()] == letters


def test_control_zero_width_and_bidirectional_characters_go():
    assert drop_invisible("а\u200bб\u202eв\x00г\ufeffд\r\nе") == "абвгд\nе"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Завод <b>"Урал"</b> - <a href="/x">в городе</a>', f'Завод <b>«Урал»</b>{N}— <a href="/x">в{N}городе</a>'),
        ('"<b>Урал</b>" открыли', "«<b>Урал</b>» открыли"),
        (
            'Читайте <a href="https://x.example/?a=1&amp;b=2">"Газету"</a>',
            'Читайте <a href="https://x.example/?a=1&amp;b=2">«Газету»</a>',
        ),
        ("Раз<br>- Мы приедем", f"Раз<br>—{N}Мы приедем"),
        ("5 &lt; 6 &amp; «<i>а</i>»", "5 &lt; 6 &amp; «<i>а</i>»"),
        ("и <b>в </b>городе", f"и{N}<b>в{N}</b>городе"),
        ("А.<b>Б.</b>Иванова", f"А.<b>{N}Б.</b>{N}Иванова"),
        ("<b></b>", "<b></b>"),
        ("а&nbsp;б <br><br> в", f"а{N}б<br><br>в"),
    ],
)
def test_html_is_tidied_through_its_tags(text, expected):
    assert tidy_html(text) == expected


PIECES = st.lists(
    st.sampled_from([*'абАБ"«»„“-–— 12.,№и\u00a0', "<b>", "</b>", '<a href="/x">', "</a>", "<br>", "&amp;", "&lt;"]),
    max_size=40,
)


@given(PIECES)
def test_html_keeps_its_tags_in_order_and_doing_it_twice_changes_nothing_more(pieces):
    text = "".join(pieces)
    once = tidy_html(text)

    assert [tag for tag in TAG.findall(once) if tag != "<br>"] == [tag for tag in TAG.findall(text) if tag != "<br>"]
    assert tidy_html(once) == once


@given(
    st.text(alphabet=st.characters(categories=["L", "N", "P", "Z", "S"]), max_size=80)
    | st.text(alphabet="абвАБ\"'«»„“”‟-–— 12.,№()[]…!?:;%\n\u00a0\u2009иВ", max_size=80)
)
def test_any_text_is_the_same_after_the_second_time(text):
    once = tidy(text)

    assert tidy(once) == once
