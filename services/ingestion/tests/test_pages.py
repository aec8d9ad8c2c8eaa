"""Pages: the article with its byline, date, lead photo and captions, and nothing of what stands around it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestion.domain.items import Raw
from ingestion.domain.pages import NotAnArticleError, read_page

URL = "https://orsk.example/news/most?utm_source=tg"
PARAGRAPH = "Губернатор рассказал о строительстве моста через реку, которое начнётся весной и займёт два сезона. "
TEXT = f"""<p>{PARAGRAPH}</p><h2>Что дальше</h2><p>{PARAGRAPH * 2}Об этом <a href="/y">писали</a> <b>раньше</b>.</p>
<blockquote><p>Мы построим этот мост за два года, — сказал он журналистам.</p></blockquote>
<figure><img src="/b.jpg" alt="Дамба"><figcaption>Дамба | Фото: Анна</figcaption></figure><ul><li>первый пункт плана</li><li>второй пункт плана</li></ul>
<p>{PARAGRAPH * 3}</p>"""
HEAD = """<title>Мост построят | Орск.ру</title><link rel="canonical" href="https://orsk.example/news/most">
<meta property="og:title" content="Мост построят"><meta property="og:image" content="/a.jpg"><meta property="og:site_name" content="Орск.ру">
<meta name="description" content="Коротко о мосте."><meta name="author" content="Анна Иванова"><meta property="article:published_time" content="2026-11-12T10:30:00+05:00">"""


def page(head=HEAD, text=TEXT, lead=""):
    return f"""<!doctype html><html lang="ru"><head>{head}</head><body><nav><a href="/">Главная</a> <a href="/sport">Спорт</a></nav>
    {lead}<article><h1>Мост построят</h1>{text}</article><aside><h3>Читайте также</h3><a href="/z">Другая новость дня</a></aside>
    <footer>© Орск.ру, все права защищены</footer><script>alert(1)</script></body></html>"""


def read(html, url=URL, media_type="text/html; charset=utf-8"):
    return read_page(Raw(html if isinstance(html, bytes) else html.encode(), media_type, url=url))


def test_an_article_is_read_with_all_that_belongs_to_it():
    found = read(page())
    form = found.item.form

    assert found.site == "Орск.ру"
    assert (form.headline, form.lede, form.authors) == ("Мост построят", "Коротко о мосте.", ["Анна Иванова"])
    assert (form.canonical_url, form.external_id) == ("https://orsk.example/news/most",) * 2
    assert form.published_at == datetime(2026, 11, 12, 5, 30, tzinfo=UTC)
    assert [(image.url, image.caption, image.alt_text) for image in form.images] == [
        ("https://orsk.example/a.jpg", "", ""),
        ("https://orsk.example/b.jpg", "Дамба | Фото: Анна", "Дамба"),
    ]
    kinds = [block.kind for block in form.body]
    assert kinds == ["paragraph", "heading", "paragraph", "quote", "image", "list", "paragraph"]
    assert '<a href="https://orsk.example/y">писали</a> <b>раньше</b>' in form.body[2].html
    assert form.language == "ru"


def test_nothing_of_what_stands_around_comes_along():
    text = str(read(page()).item.form)

    for stranger in ("Главная", "Спорт", "Читайте также", "Другая новость", "все права", "alert"):
        assert stranger not in text


def test_the_lead_photo_has_its_caption_wherever_on_the_page_it_stands():
    lead = (
        '<figure><img src="https://orsk.example/a.jpg"><figcaption>Мост через Урал | Фото: Пётр</figcaption></figure>'
    )

    [first, *_] = read(page(lead=lead)).item.form.images

    assert (first.url, first.caption) == ("https://orsk.example/a.jpg", "Мост через Урал | Фото: Пётр")


def test_linked_data_is_believed_before_guesses():
    data = {
        "@graph": [
            {"@type": "BreadcrumbList"},
            {
                "@type": "NewsArticle",
                "headline": "Мост через Урал построят",
                "datePublished": "2026-11-12T11:00:00+05:00",
                "author": [{"@type": "Person", "name": "Пётр Петров"}, {"name": "Анна Иванова"}],
            },
        ]
    }
    head = (
        HEAD
        + f'<script type="application/ld+json">{json.dumps(data)}</script><script type="application/ld+json">{{broken</script>'
    )

    form = read(page(head)).item.form

    assert (form.headline, form.authors) == ("Мост через Урал построят", ["Пётр Петров", "Анна Иванова"])
    assert form.published_at == datetime(2026, 11, 12, 6, tzinfo=UTC)


def test_a_page_in_windows_1251_is_read():
    body = page(HEAD + '<meta charset="windows-1251">').encode("cp1251")

    assert read(body, media_type="text/html").item.form.headline == "Мост построят"


def test_an_address_of_another_site_is_not_taken_for_the_pages_own():
    head = HEAD.replace("https://orsk.example/news/most", "https://elsewhere.example/1")

    assert read(page(head)).item.form.canonical_url == URL


def test_a_description_that_is_the_beginning_of_the_text_is_no_lede():
    head = HEAD.replace("Коротко о мосте.", PARAGRAPH[:60] + "…")

    assert read(page(head)).item.form.lede == ""


@pytest.mark.parametrize(
    "body", ["", "   ", "<html></html>", "просто текст", "{}", "\x00\x01", "<html><body><p></p></body></html>"]
)
def test_a_page_without_an_article_is_said_to_have_none(body):
    with pytest.raises(
        NotAnArticleError, match=r"this is no HTML page|no article was found|neither a headline nor text"
    ):
        read(body)


PIECES = [
    *[
        "<html>",
        "<head>",
        "</head>",
        "<body>",
        "<article>",
        "</article>",
        "<p>",
        "</p>",
        "<figure>",
        "<figcaption>",
        "</figure>",
        "<img src='http://['>",
        "<a href='//['>",
    ],
    *[
        "<script type='application/ld+json'>",
        "</script>",
        '{"@type":"NewsArticle","author":[1,null,{"name":2}],"headline":3}',
    ],
    *[
        "<meta property='og:image' content='http://['>",
        "<link rel='canonical' href='http://['>",
        "<time datetime='9999-99-99'>",
        "�",
        "\x00",
        "<![if",
        "&#0;",
    ],
    *[
        "<meta property='article:published_time' content='0001-01-01T00:00:00+23:59'>",
        "<title>",
        "</title>",
        "<h1>Слова",
        "<table>",
        "<tr>",
        "<td>",
    ],
    PARAGRAPH,
    TEXT,
]


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_no_page_crashes_us(pieces):
    try:
        form = read("".join(pieces).encode(errors="replace")).item.form
    except NotAnArticleError:
        return
    assert form.headline


@given(st.binary(max_size=300))
def test_bytes_are_no_article_or_one_that_is_sound(body):
    try:
        form = read(b"<html><body>" + body).item.form
        told = (bool(form.headline), form.external_id)
    except NotAnArticleError as error:
        told = (bool(str(error)), URL)

    assert told == (True, URL)


@example(b"\x80" * 16)
@given(st.binary(max_size=300))
def test_bytes_after_an_article_change_nothing_before_them(body):
    form = read(page(text=f"{TEXT}<p>HERE</p>").encode().replace(b"HERE", body)).item.form

    assert (form.headline, form.lede, form.authors) == ("Мост построят", "Коротко о мосте.", ["Анна Иванова"])
    assert form.body[0].html.startswith("Губернатор рассказал")
