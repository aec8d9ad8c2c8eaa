"""Lines for machines are split off; sentences for readers stay."""

import pytest

from contracts.content import Paragraph
from ingestion.domain.labels import Labelled, split_labels


def split(*paragraphs):
    return split_labels([Paragraph(html=text) for text in paragraphs])


def labelled(*paragraphs, rubrics=(), tags=()):
    return Labelled(tuple(Paragraph(html=text) for text in paragraphs), rubrics, tags)


@pytest.mark.parametrize(
    ("paragraphs", "expected"),
    [
        (
            ("Текст.", "Рубрика: Политика", "Теги: Евгений Солнцев, губернатор; Орск."),
            labelled("Текст.", rubrics=("Политика",), tags=("Евгений Солнцев", "губернатор", "Орск")),
        ),
        (("Рубрика: Общество", "Текст."), labelled("Текст.", rubrics=("Общество",))),
        (("Текст.<br>ещё<br><b>Теги:</b> #мост, #Орск",), labelled("Текст.<br>ещё", tags=("мост", "Орск"))),
        (("Теги: мост",), labelled(tags=("мост",))),
        (("Теги: мост", "Текст."), labelled("Текст.", tags=("мост",))),
        (("Текст.", "Теги: мост", "Конец."), labelled("Текст.", "Теги: мост", "Конец.")),
        (
            ("Раздел: " + "длинное предложение о чём-то " * 10,),
            labelled("Раздел: " + "длинное предложение о чём-то " * 10),
        ),
        (("Теги:",), labelled("Теги:")),
        (("Стратегии: раз, два",), labelled("Стратегии: раз, два")),
        ((), labelled()),
    ],
)
def test_lines_with_tags_and_rubrics_are_split_off_both_ends(paragraphs, expected):
    assert split(*paragraphs) == expected
