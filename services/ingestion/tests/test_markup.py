"""Strangers' HTML becomes blocks; what could do harm does not come through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.content import Embed, Heading, ListBlock, Paragraph, Quote
from ingestion.domain.markup import Picture, clean_inline, html_to_blocks, html_to_parts, plain, text_to_blocks


def test_html_becomes_blocks_in_order():
    blocks = html_to_blocks(
        "<h2>Что дальше</h2><p>Раз <b>два</b></p><blockquote><p>Слова</p></blockquote>"
        "<ul><li>один</li><li>два</li></ul><iframe src='//t.me/x/1'></iframe><div>Три<br>четыре</div>"
    )

    assert blocks == (
        Heading(text="Что дальше", level=2),
        Paragraph(html="Раз <b>два</b>"),
        Quote(html="Слова"),
        ListBlock(items=("один", "два")),
        Embed(url="https://t.me/x/1"),
        Paragraph(html="Три<br>четыре"),
    )


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("<script>alert(1)</script>текст", "текст"),
        ('<a href="javascript:alert(1)">тык</a>', "<a>тык</a>"),
        (
            '<a href="https://x.example/?a=1&amp;b=2" onclick="x()">тык</a>',
            '<a href="https://x.example/?a=1&amp;b=2">тык</a>',
        ),
        ("<img src=x onerror=alert(1)>", ""),
        ("<b>жир", "<b>жир</b>"),
        ("<style>p{}</style><i>к</i>", "<i>к</i>"),
    ],
)
def test_only_harmless_inline_markup_is_left(dirty, clean):
    assert clean_inline(dirty) == clean


def test_plain_text_is_parted_by_blank_lines_and_escaped():
    assert text_to_blocks("Раз & <два>\nтри\n\n \nчетыре") == (
        Paragraph(html="Раз &amp; &lt;два&gt;<br>три"),
        Paragraph(html="четыре"),
    )


@given(st.text(alphabet="<>/=\"' abpliqscriptх&;", max_size=120))
def test_no_html_crashes_it_or_brings_a_script_through(text):
    for block in html_to_blocks(text):
        assert "<script" not in getattr(block, "html", "")
        assert plain(getattr(block, "html", "x")) != ""


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("<![foo bar]>текст", "<p>текст"),  # Python's own HTML parser dies of this
        ("<p>раз<p>два", "<p>раз|<p>два"),
        ("<b><p>раз</p><p>два</p></b>", "<p>раз|<p>два"),
        ('<p><a href="/x"><img src="a.jpg"></a></p><p>текст</p>', "<p>текст"),
        ("<p>раз <a href='/a'></a>два<br></p>", "<p>раз два"),
        ("<p>&nbsp;</p><p> <br> </p>", ""),
        ("<table><tr><td>Орск</td><td>5</td></tr><tr><td>Гай</td></tr></table>", "<p>Орск 5|<p>Гай"),
        ("<ul><li>один<ul><li>два</li></ul></li><li>три</li></ul>", "<ul>один,два,три"),
        ("<p>до<!-- тайна -->после</p><?php echo 1 ?>", "<p>допосле"),
        ("<p>a\x00b\u202ec</p>", "<p>abc"),
        ("текст без разметки & всё", "<p>текст без разметки &amp; всё"),
        ("<div>" * 3000 + "глубоко", "<p>глубоко"),
    ],
)
def test_broken_html_keeps_its_words(text, blocks):
    def show(block):
        return "<ul>" + ",".join(block.items) if isinstance(block, ListBlock) else "<p>" + block.html

    assert "|".join(show(block) for block in html_to_blocks(text)) == blocks


BASE = "https://orsk.example/news/1"


def pictures(text):
    return [part for part in html_to_parts(text, BASE) if isinstance(part, Picture)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<img src="/a.jpg" alt="Мост">', Picture("https://orsk.example/a.jpg", "Мост")),
        (
            '<figure><img src="a.jpg"><figcaption>Мост | <b>Фото:</b> Пётр</figcaption></figure>',
            Picture("https://orsk.example/news/a.jpg", "", "Мост | Фото: Пётр"),
        ),
        (
            '<figure><figcaption>Мост</figcaption><a href="big.jpg"><img src="a.jpg"></a></figure>',
            Picture("https://orsk.example/news/a.jpg", "", "Мост"),
        ),
        (
            '<div class="wp-caption"><img src="/a.jpg"><p class="wp-caption-text">Мост</p></div>',
            Picture("https://orsk.example/a.jpg", "", "Мост"),
        ),
        (
            '<p><img src="/a.jpg"></p><p>Мост (2025)|Фото: Пётр</p>',
            Picture("https://orsk.example/a.jpg", "", "Мост (2025)|Фото: Пётр"),
        ),
        ('<img src="data:image/gif;base64,R0" data-src="//cdn.example/a.jpg">', Picture("https://cdn.example/a.jpg")),
        ('<img srcset="/s.jpg 320w, /l.jpg 1280w">', Picture("https://orsk.example/l.jpg")),
    ],
)
def test_pictures_stand_in_their_places_with_their_captions(text, expected):
    assert pictures(text) == [expected]


def test_a_caption_is_not_told_twice_and_text_after_a_picture_stays_text():
    parts = html_to_parts('<p>Раз</p><img src="/a.jpg"><p>Обычный абзац после снимка.</p>', BASE)

    assert [type(part) for part in parts] == [Paragraph, Picture, Paragraph]
    figure = '<figure><img src="/a.jpg"><figcaption>Мост</figcaption></figure>'
    assert [type(part) for part in html_to_parts(figure, BASE)] == [Picture]


@pytest.mark.parametrize(
    "text",
    [
        '<img src="https://counter.example/p.gif" width="1" height="1">',
        '<img src="data:image/png;base64,AAAA">',
        '<img src="javascript:alert(1)">',
        "<img>",
        '<noscript><img src="/a.jpg"></noscript>',
        '<img src="http://[bad/a.jpg">',
    ],
)
def test_what_is_no_picture_is_none(text):
    assert pictures(text) == []


def test_links_are_taken_from_where_the_page_stands():
    assert html_to_parts('<p><a href="../x?a=1&amp;b=2">тык</a></p>', BASE) == (
        Paragraph(html='<a href="https://orsk.example/x?a=1&amp;b=2">тык</a>'),
    )


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<b>",
                "</b>",
                "<figure>",
                "</figure>",
                "<figcaption>",
                "</figcaption>",
                "<ul>",
                "<li>",
                "</li>",
                "</ul>",
                "<blockquote>",
                "</blockquote>",
                '<img+src="/a.jpg">',
                '<a+href="/x">',
                "</a>",
                "<h2>",
                "</h2>",
                "<script>",
                "</script>",
                "<table>",
                "<td>",
                "слово",
                "&",
                "&lt;",
                "<br>",
                "<![",
                "<!--",
                "-->",
            ]
        ),
        max_size=40,
    )
)
def test_any_nesting_gives_clean_parts_and_loses_no_word(pieces):
    text = " ".join(piece.replace("+", " ") for piece in pieces)

    for part in html_to_parts(text, BASE):
        if isinstance(part, Paragraph | Quote):
            assert clean_inline(part.html) == part.html
            assert plain(part.html)
        elif isinstance(part, Picture):
            assert part.url == "https://orsk.example/a.jpg"
