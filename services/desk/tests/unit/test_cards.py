"""What others show of a page, by what its head says."""

from desk.domain.cards import Card, card_of

PAGE = """<!doctype html><html><head>
<title>Мост откроют 12 мая — Степной вестник</title>
<meta name="description" content="Ремонт шёл два года.">
<meta property="og:title" content="Мост «Туя» &amp; дорога">
<meta property="og:description" content="Ремонт шёл два года.">
<meta property="og:url" content="https://www.stepnoy.example/2026/11/12/most-9b1d0001.html">
<meta property="og:site_name" content="Степной вестник">
<meta property="og:image" content="https://media.example/card.jpg">
<meta property="og:image" content="https://media.example/second.jpg">
<meta property="og:image:alt" content="Мост">
</head><body><title>Не заголовок</title><meta property="og:title" content="Из текста"></body></html>"""


def test_a_card_says_what_the_head_of_the_page_says_and_nothing_of_its_body():
    assert card_of(PAGE) == Card(
        url="https://www.stepnoy.example/2026/11/12/most-9b1d0001.html",
        site_name="Степной вестник",
        title="Мост «Туя» & дорога",
        description="Ремонт шёл два года.",
        image="https://media.example/card.jpg",
        image_alt="Мост",
        found_title="Мост откроют 12 мая",
        found_text="Ремонт шёл два года.",
    )


def test_the_address_is_written_as_vk_and_google_write_it():
    card = card_of(PAGE)

    assert card.host == "stepnoy.example"
    assert card.crumbs == "https://www.stepnoy.example › 2026 › 11 › 12 › most-9b1d0001.html"


def test_of_a_page_that_says_nothing_nothing_is_shown():
    assert card_of("<p>Текст</p>") == Card()
