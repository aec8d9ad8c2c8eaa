"""Strangers' HTML becomes blocks; what could do harm does not come through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.content import Embed, Heading, ListBlock, Paragraph, Quote
from ingestion.domain.markup import clean_inline, html_to_blocks, plain, text_to_blocks


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
