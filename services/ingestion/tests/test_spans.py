"""Marks in UTF-16 code units become well-formed HTML around the right words."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.domain import markup
from ingestion.domain.spans import Mark, from_utf16, to_html


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


def html_of(text, *spans):
    return to_html(from_utf16(text, [(*span, "")[:4] for span in spans]))


@pytest.mark.parametrize(
    ("text", "spans", "expected"),
    [
        ("Мост открыт", [(0, 4, "b")], "<b>Мост</b> открыт"),
        ("🎉🎉 Мост", [(5, 4, "b")], "🎉🎉 <b>Мост</b>"),
        ("👨‍👩‍👧 семья", [(0, 8, "i"), (9, 5, "b")], "<i>👨‍👩‍👧</i> <b>семья</b>"),
        ("жир и курсив", [(0, 12, "b"), (6, 6, "i")], "<b>жир и <i>курсив</i></b>"),
        ("раздва", [(0, 3, "b"), (3, 3, "i")], "<b>раз</b><i>два</i>"),
        ("один два три", [(0, 8, "b"), (5, 7, "i")], "<b>один <i>два</i></b><i> три</i>"),
        ("вдвое", [(0, 5, "b"), (0, 5, "i")], "<b><i>вдвое</i></b>"),
        ("тык", [(0, 3, "a", 'https://x.example/?a=1&b="2"')], '<a href="https://x.example/?a=1&amp;b=&quot;2&quot;">тык</a>'),
        ("<b> & «»", [(0, 3, "code")], "<code>&lt;b&gt;</code> &amp; «»"),
        ("тайна", [(0, 5, "spoiler")], "тайна"),
        ("две\nстроки", [(0, 10, "b")], "<b>две<br>строки</b>"),
        ("за краем", [(3, 500, "b"), (50, 3, "i"), (2, 0, "u"), (-4, 6, "s")], "<s>за</s> <b>краем</b>"),
        ("🎉", [(1, 1, "b")], "<b>🎉</b>"),
        ("нет адреса", [(0, 3, "a")], "нет адреса"),
    ],
)  # fmt: skip
def test_marks_stand_where_the_messenger_put_them(text, spans, expected):
    assert html_of(text, *spans) == expected


def test_a_stretch_keeps_the_marks_that_lie_in_it():
    marked = from_utf16("🎉 Раз два три", [(3, 3, "b", ""), (7, 7, "i", "")])

    assert marked.cut(2, 9) == ("Раз два", (Mark(0, 3, "b"), Mark(4, 7, "i")))


class Balance(HTMLParser):
    """Notes every tag that is closed out of turn or not at all."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.text = [], [], ""

    def handle_starttag(self, tag, _attrs):
        if tag == "br":
            self.text += "\n"
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text += data


TEXT = st.text(alphabet="аб <>&\"'🎉👨‍👩‍👧é\n1", max_size=40)
SPANS = st.lists(
    st.tuples(
        st.integers(-5, 60),
        st.integers(-3, 60),
        st.sampled_from(["b", "i", "u", "s", "code", "a", "quote", "spoiler"]),
        st.sampled_from(["", "https://x.example/?q=\"'<>&", "javascript:alert(1)"]),
    ),
    max_size=8,
)


@given(TEXT, SPANS)
def test_whatever_the_marks_the_html_is_well_formed_and_says_the_same_words(text, spans):
    shown = Balance()
    shown.feed(to_html(from_utf16(text, spans)))
    shown.close()

    assert (shown.open, shown.wrong) == ([], [])
    assert shown.text == text


@given(TEXT, SPANS)
def test_nothing_that_harms_comes_through_the_last_sieve(text, spans):
    clean = markup.clean_inline(to_html(from_utf16(text, spans)))

    assert "javascript:" not in clean
    assert markup.plain(clean).replace("\n", "") == text.strip().replace("\n", "")


@given(st.text(alphabet="а🎉é ", max_size=20), st.data())
def test_every_utf16_place_is_the_same_character_in_the_text(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    marked = from_utf16(text, [(utf16(text[:start]), utf16(text[start:end]), "b", "")])

    assert [(mark.start, mark.end) for mark in marked.marks] == ([(start, end)] if start < end else [])
