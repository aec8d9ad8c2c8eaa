"""Which language a story that says none is in."""

import pytest

from ingestion.domain.story_form import StoryForm, to_content

LINK = '<a href="https://example.org/a-very-long-address/of-a-page/that-nobody-reads/index.html">сайте</a>'


@pytest.mark.parametrize(
    ("language", "headline", "body"),
    [
        ("ru", "iPhone 17 Pro Max в Оренбурге", "Новые телефоны появились в магазинах города в понедельник."),
        ("ru", "Open Air", [{"kind": "paragraph", "html": f"Билеты на концерт продают на {LINK} фестиваля."}]),
        ("kk", "Астана жаңалықтары", "Бүгін қалада жаңа көпір ашылды, деп хабарлайды әкімдік."),
        ("en", "Оренбуржье", "The region counts its wild horses, and there are more of them than ever before."),
        ("ru", "Список", [{"kind": "list", "items": ["Первое", "Второе"]}, {"kind": "heading", "text": "Третье"}]),
    ],
)
def test_the_body_tells_where_the_headline_is_foreign_words_and_markup_counts_for_nothing(language, headline, body):
    form = StoryForm(external_id="1", headline=headline, body=body)

    assert to_content(form, []).language == language
