"""«подпись | Фото: источник / ссылка» in all the forms in which editors write it."""

import pytest

from ingestion.domain.captions import Caption, split_caption


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "Мост через Урал | Фото: telegram-канал Евгения Солнцева / t.me/solntsev",
            Caption("Мост через Урал", "telegram-канал Евгения Солнцева", "https://t.me/solntsev"),
        ),
        (
            "Мост через Урал (2025)|Фото: администрация Орска",
            Caption("Мост через Урал (2025)", "администрация Орска", ""),
        ),
        ("Мост. Фото: Иван Петров", Caption("Мост.", "Иван Петров", "")),
        ("Мост (фото: Иван Петров)", Caption("Мост", "Иван Петров", "")),
        (
            "Мост через реку — Фото: ИА «Урал» / https://ural.example/1",
            Caption("Мост через реку", "ИА «Урал»", "https://ural.example/1"),
        ),
        ("Фото: пресс-служба МВД", Caption("", "пресс-служба МВД", "")),
        (
            "The bridge | Photo: Nina Hale / https://hale.example",
            Caption("The bridge", "Nina Hale", "https://hale.example"),
        ),
        ("The bridge. Photo by: Nina Hale", Caption("The bridge.", "Nina Hale", "")),
        ("Просто подпись", Caption("Просто подпись", "", "")),
        ("На выставке «Фото года» в Орске", Caption("На выставке «Фото года» в Орске", "", "")),
        ("", Caption("", "", "")),
        ("  Две\n строки \t| Фото:  Пётр  ", Caption("Две строки", "Пётр", "")),
    ],
)
def test_a_caption_line_is_taken_apart(line, expected):
    assert split_caption(line) == expected
