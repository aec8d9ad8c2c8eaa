"""Russian typography: right, and the same when it is done twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.domain.typography import drop_invisible, tidy

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
