"""Feeds of all formats: captions, credits, full texts and identities are kept; what is broken gives what is whole in it."""

import codecs
import contextlib
import gzip
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.content import Image
from ingestion.domain.charsets import to_text
from ingestion.domain.feed_xml import NotAFeedError
from ingestion.domain.feeds import read_feed, ttl_s
from ingestion.domain.items import Item, Raw, Trouble
from ingestion.domain.story_form import to_content

URL = "https://orsk.example/rss.xml"
NAMES = (
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:yandex="http://news.yandex.ru" xmlns:turbo="http://turbo.yandex.ru"'
)


def rss(*items, head="", declaration='<?xml version="1.0" encoding="utf-8"?>', names=NAMES):
    inside = "".join(f"<item>{item}</item>" for item in items)
    return f'{declaration}<rss version="2.0" {names}><channel><title>Орск</title>{head}{inside}</channel></rss>'


def item(number=1, more=""):
    return (
        f"<title>Новость {number}</title><link>https://orsk.example/{number}</link><guid>g{number}</guid>"
        f"<description>Текст {number}.</description><pubDate>Thu, 12 Nov 2026 10:0{number % 10}:00 +0500</pubDate>{more}"
    )


def read(feed, media_type="application/rss+xml", at="2026-11-20T00:00:00+00:00", url=URL):
    body = feed if isinstance(feed, bytes) else feed.encode()
    return list(read_feed(Raw(body, media_type, url=url, note={"at": at})))


def forms(feed, **more):
    parts = read(feed, **more)
    assert [part for part in parts if not isinstance(part, Item)] == []
    return [part.form for part in parts]


def ids(feed, **more):
    return [part.form.external_id for part in read(feed, **more) if isinstance(part, Item)]


def test_an_item_of_rss_keeps_everything_that_it_says():
    [form] = forms(
        rss(
            "<title>«Мост» &amp;amp; дамба</title><link>/news/1?a=1&amp;b=2</link><guid isPermaLink='false'>n-1</guid>"
            "<description>&lt;p&gt;Коротко о &lt;b&gt;главном&lt;/b&gt;.&lt;/p&gt;</description>"
            "<content:encoded><![CDATA[<p>Первый абзац.</p><figure><img src='/b.jpg' alt='Дамба'><figcaption>Дамба | Фото: Анна</figcaption></figure>"
            "<p>Второй <a href='/x'>абзац</a>.</p><blockquote>Слова</blockquote>]]></content:encoded>"
            "<category>Общество</category><category>Орск</category><dc:creator>Пётр Иванов</dc:creator>"
            "<pubDate>Thu, 12 Nov 2026 10:00:00 +0500</pubDate><enclosure url='/a.jpg' type='image/jpeg' length='1'/>"
            "<media:content url='https://orsk.example/a.jpg' type='image/jpeg'><media:description>Мост</media:description>"
            "<media:credit role='photographer'>Иван Петров</media:credit></media:content>"
        )
    )

    assert form.external_id == "n-1"
    assert (form.headline, form.lede) == ("«Мост» & дамба", "Коротко о главном.")
    assert form.canonical_url == "https://orsk.example/news/1?a=1&b=2"
    assert (form.rubrics, form.authors) == (["Общество", "Орск"], ["Пётр Иванов"])
    assert form.published_at == datetime(2026, 11, 12, 5, tzinfo=UTC)
    assert [(image.url, image.caption, image.credit, image.alt_text) for image in form.images] == [
        ("https://orsk.example/a.jpg", "Мост", "Иван Петров", ""),
        ("https://orsk.example/b.jpg", "Дамба | Фото: Анна", "", "Дамба"),
    ]
    assert [(block.kind, getattr(block, "html", "") or getattr(block, "image", "")) for block in form.body] == [
        ("paragraph", "Первый абзац."),
        ("image", 1),
        ("paragraph", 'Второй <a href="https://orsk.example/x">абзац</a>.'),
        ("quote", "Слова"),
    ]


def test_captions_and_credits_reach_the_normal_form():
    more = "<media:group><media:content url='/s.jpg' width='100' type='image/jpeg'/><media:content url='/l.jpg' width='1600' type='image/jpeg'/>"
    more += "<media:title>Мост</media:title><media:copyright>ИА «Урал»</media:copyright></media:group>"
    [form] = forms(rss(item(1, more)))

    content = to_content(form, [Image(image_id="00000000-0000-0000-0000-000000000001", original=None)])

    [image] = content.images
    assert (image.source_url, image.caption, image.credit) == ("https://orsk.example/l.jpg", "Мост", "ИА «Урал»")


def test_a_photos_description_is_not_taken_for_the_items():
    photo = "<media:content url='/a.jpg' type='image/jpeg'><media:title>Т</media:title><media:description>Подпись</media:description></media:content>"
    [form] = forms(rss(photo + item(1)))

    assert (form.headline, form.body[0].html, form.images[0].caption) == ("Новость 1", "Текст 1.", "Подпись")


@pytest.mark.parametrize("name", ["yandex:full-text", "turbo:content", "content:encoded"])
def test_the_whole_text_is_found_where_the_site_puts_it(name):
    [form] = forms(rss(item(1, f"<{name}>Целый текст новости, куда длиннее.</{name}>")))

    assert (form.lede, [block.html for block in form.body]) == ("Текст 1.", ["Целый текст новости, куда длиннее."])


@pytest.mark.parametrize(
    ("summary", "full", "lede", "paragraphs"),
    [
        ("Начало текста…", "<p>Начало текста и конец.</p>", "", ["Начало текста и конец."]),
        ("Начало тек", "<p>Начало текста и конец.</p>", "", ["Начало текста и конец."]),
        ("Начало текста [...]", "<p>Начало текста и конец.</p>", "", ["Начало текста и конец."]),
        ("Первый.", "<p>Первый.</p><p>Второй.</p>", "Первый.", ["Второй."]),
        ("Другое.", "<p>Первый.</p>", "Другое.", ["Первый."]),
        ("", "<p>Первый.</p>", "", ["Первый."]),
    ],
)
def test_a_summary_is_the_lede_unless_it_is_a_cut_off_beginning(summary, full, lede, paragraphs):
    text = f"<title>Т</title><guid>1</guid><description>{summary}</description><content:encoded><![CDATA[{full}]]></content:encoded>"
    [form] = forms(rss(text))

    assert (form.lede, [block.html for block in form.body]) == (lede, paragraphs)


def test_atom_keeps_content_links_and_enclosures():
    feed = f"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" {NAMES} xml:lang="ru"><title>Орск</title><entry>
      <id>tag:orsk.example,2026:1</id><title type="html">Мост &amp;amp; дамба</title><link href="/1"/>
      <link rel="enclosure" type="image/jpeg" href="/a.jpg" title="Мост"/><author><name>Анна</name></author><category term="s" label="Спорт"/>
      <published>2026-11-12T10:00:00+05:00</published><updated>2026-11-12T11:00:00+05:00</updated>
      <summary>Коротко.</summary><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Раз <b>два</b>.</p></div></content></entry></feed>"""
    [form] = forms(feed)

    assert (form.external_id, form.headline, form.lede) == ("tag:orsk.example,2026:1", "Мост & дамба", "Коротко.")
    assert (form.body[0].html, form.authors, form.rubrics) == ("Раз <b>два</b>.", ["Анна"], ["Спорт"])
    assert [(image.url, image.caption) for image in form.images] == [("https://orsk.example/a.jpg", "Мост")]
    assert (form.canonical_url, form.published_at.hour) == ("https://orsk.example/1", 5)


def test_rdf_is_read():
    feed = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
      <channel rdf:about="x"><title>Орск</title></channel><item rdf:about="https://orsk.example/1"><title>Раз</title><link>https://orsk.example/1</link>
      <description>Текст.</description><dc:date>2026-11-12T10:00:00+05:00</dc:date></item></rdf:RDF>"""
    [form] = forms(feed)

    assert (form.external_id, form.headline, form.published_at.hour) == ("https://orsk.example/1", "Раз", 5)


def test_json_feed_is_read():
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [
            {
                "id": 7,
                "url": "https://orsk.example/7",
                "title": "Раз",
                "summary": "Коротко.",
                "content_html": "<p>Текст <i>и</i> текст.</p>",
                "image": "https://orsk.example/a.jpg",
                "date_published": "2026-11-12T10:00:00+05:00",
                "authors": [{"name": "Анна"}],
                "tags": ["Спорт"],
                "attachments": [
                    {"url": "/b.jpg", "mime_type": "image/jpeg", "title": "Дамба"},
                    {"url": "/x.mp3", "mime_type": "audio/mpeg"},
                ],
            },
            {"id": "8", "content_text": "Пост из канала без заголовка. И ещё слова."},
        ],
    }
    first, second = forms(json.dumps(feed), media_type="application/feed+json; charset=utf-8")

    assert (first.external_id, first.lede, first.body[0].html, first.authors, first.rubrics) == (
        "7",
        "Коротко.",
        "Текст <i>и</i> текст.",
        ["Анна"],
        ["Спорт"],
    )
    assert [image.url for image in first.images] == ["https://orsk.example/a.jpg", "https://orsk.example/b.jpg"]
    assert (second.headline, second.body[0].html) == (
        "Пост из канала без заголовка",
        "Пост из канала без заголовка. И ещё слова.",
    )


def test_an_item_without_a_guid_is_known_by_its_address_and_without_one_by_its_words():
    by_link = rss("<title>А</title><link>https://orsk.example/1</link>")
    by_words = rss("<title>А</title><pubDate>Thu, 12 Nov 2026 10:00:00 +0500</pubDate>", "<title>Б</title>")

    assert ids(by_link) == ["https://orsk.example/1"]
    assert ids(by_words) == ids(by_words)
    assert len(set(ids(by_words))) == 2


def test_items_that_share_a_guid_are_told_apart_and_the_same_twice_is_one():
    same = [f"<title>Т{n}</title><guid>0</guid><link>https://orsk.example/{n}</link>" for n in (1, 2, 2)]

    assert ids(rss(*same)) == ["https://orsk.example/1", "https://orsk.example/2"]


def test_an_address_that_is_none_loses_nothing():
    bad = "<title>Т</title><guid>1</guid><link>http://[bad</link><enclosure url='http://[bad' type='image/jpeg'/>"
    [form] = forms(rss(f"{bad}<description>&lt;a href='//['&gt;раз&lt;/a&gt;&lt;img src='//['&gt;</description>"))

    assert (form.headline, form.canonical_url, form.images, form.body[0].html) == ("Т", "", [], "<a>раз</a>")


def test_late_and_same_second_items_are_all_there():
    old = "<pubDate>Thu, 01 Jan 1998 00:00:00 GMT</pubDate>"
    feed = rss(*(f"<title>Т{n}</title><guid>{n}</guid>{old}" for n in range(5)))

    assert ids(feed) == ["0", "1", "2", "3", "4"]


def test_a_date_in_the_future_is_told_of_and_left_out():
    trouble, good = read(rss("<title>Т</title><guid>1</guid><pubDate>Thu, 12 Nov 2099 10:00:00 GMT</pubDate>"))

    assert trouble == Trouble("1", "its date 2099-11-12 10:00 UTC is in the future; taken in without it")
    assert good.form.published_at is None


@pytest.mark.parametrize(
    "date",
    ["завтра", "Thu, 99 Nov 2026 10:00:00 GMT", "0000-00-00T00:00:00Z", "-1", "Feb 31 2026"],
)
def test_a_date_that_is_none_loses_nothing(date):
    [form] = forms(rss(f"<title>Т</title><guid>1</guid><pubDate>{date}</pubDate>"))

    assert form.headline == "Т"


def test_an_empty_item_is_trouble_and_its_neighbours_come_in():
    parts = read(rss(item(1), "<guid>2</guid>", item(3)))

    assert [part.form.external_id if isinstance(part, Item) else part for part in parts] == [
        "g1",
        Trouble("2", "ValueError: has neither a headline nor text"),
        "g3",
    ]


CYRILLIC = rss(item(1), declaration="")


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (CYRILLIC.encode(), "text/xml"),
        (CYRILLIC.encode("cp1251"), "text/xml; charset=windows-1251"),
        (b'<?xml version="1.0" encoding="windows-1251"?>' + CYRILLIC.encode("cp1251"), "text/xml"),
        (b'<?xml version="1.0" encoding="windows-1251"?>' + CYRILLIC.encode(), "text/xml; charset=windows-1251"),
        (b'<?xml version="1.0" encoding="utf-8"?>' + CYRILLIC.encode("cp1251"), "text/xml; charset=utf-8"),
        (b'<?xml version="1.0" encoding="koi8-r"?>' + CYRILLIC.encode("koi8-r"), "text/xml"),
        (b'<?xml version="1.0" encoding="no-such"?>' + CYRILLIC.encode("cp1251"), "text/xml; charset=neither"),
        (codecs.BOM_UTF8 + CYRILLIC.encode(), "text/xml; charset=windows-1251"),
        (CYRILLIC.encode("utf-16"), "text/xml"),
        (CYRILLIC.encode("utf-16-be"), "text/xml"),
        (CYRILLIC.encode("utf-16-le"), "text/xml; charset=utf-8"),
    ],
)
def test_wrong_declarations_of_the_charset_do_no_harm(body, media_type):
    [form] = forms(body, media_type=media_type)

    assert (form.headline, form.body[0].html) == ("Новость 1", "Текст 1.")


def test_a_few_bad_bytes_in_utf8_stay_a_few():
    text = "Новость о мосте через Урал и о дамбе в Орске, длинная и подробная " * 2

    assert to_text(text.encode()[:-1] + b"\xff") == text[:-1] + " \ufffd" or "\ufffd" in to_text(
        text.encode() + b"\xff"
    )
    assert to_text(text.encode() + b"\xff").startswith(text)


@pytest.mark.parametrize(
    ("feed", "found", "complaint"),
    [
        (rss(item(1), item(2), item(3))[:-60], ["g1", "g2", "g3"], "the XML is broken"),
        (rss(item(1), item(2)).replace("<title>Новость 2", "<title>Новость & <2"), ["g1", "g2"], "the XML is broken"),
        (
            rss(item(1), item(2)).replace("</title><link>https://orsk.example/2", "<link>https://orsk.example/2"),
            ["g1", "g2"],
            "the XML is broken",
        ),
        (rss(item(1)).replace("Новость", "Нов\x0bо\x00сть\x1f"), ["g1"], ""),
        (rss(item(1)).replace("Новость", "Нов&#0;&#x1F;ость"), ["g1"], "the XML is broken"),
        (rss(item(1)).replace("Новость", "Но&nbsp;во&mdash;сть&raquo;"), ["g1"], ""),
        (rss(item(1)).replace("Новость", "&нет;Новость&unknown;"), ["g1"], "the XML is broken"),
        (rss(item(1, "<media:content url='/a.jpg'/>"), names=""), ["g1"], ""),
        ("\n\n  \ufeff" + rss(item(1)), ["g1"], ""),
        (rss(item(1)).replace("<rss", "<!-- <!DOCTYPE x> --><rss"), ["g1"], ""),
        (rss(), [], ""),
    ],
)
def test_broken_xml_gives_its_items_and_says_what_is_wrong(feed, found, complaint):
    parts = read(feed)

    assert [part.form.external_id for part in parts if isinstance(part, Item)] == found
    troubles = [part.reason for part in parts if isinstance(part, Trouble)]
    assert [complaint in reason for reason in troubles] == ([True] if complaint else [])


def test_named_signs_of_html_keep_their_meaning():
    [form] = forms(rss(item(1)).replace("Новость", "Но&nbsp;во&mdash;сть &laquo;А&raquo; &lt;5"))

    assert form.headline == "Но во—сть «А» <5 1"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "the feed is empty"),
        (b"   \n", "the feed is empty"),
        (
            b"<!DOCTYPE html><html><head><title>x</title></head><body><p>y</p></body></html>",
            "this is an HTML page, not a feed",
        ),
        (
            b"<html><head><link rel='alternate' type='application/rss+xml' href='/rss'></head></html>",
            "this is an HTML page, not a feed; it names as its feeds: /rss",
        ),
        (b"{}", "this is JSON, but no JSON Feed: it has no list `items`"),
        (b"{broken", "the JSON is broken"),
        (b"[" * 100_000, "this is no RSS, Atom, RDF or JSON feed"),
        (b'{"a":' * 100_000, "the JSON is broken"),
        (b"/etc/passwd", "this is no RSS, Atom, RDF or JSON feed; it begins with '/etc/passwd'"),
        (b"http://127.0.0.1:9/", "this is no RSS, Atom, RDF or JSON feed"),
        (b"<opml version='2.0'/>", "it begins with <opml>"),
        (b"\xff\xd8\xff\xe0JFIF" + bytes(range(256)), "this is no RSS, Atom, RDF or JSON feed"),
        (gzip.compress(b"<rss/>"), "this is no RSS, Atom, RDF or JSON feed"),
    ],
)
def test_what_is_no_feed_is_said_to_be_none(body, complaint):
    with pytest.raises(NotAFeedError, match=complaint.replace("{", r"\{").replace("[", r"\[")):
        read(body)


def test_entities_are_neither_multiplied_nor_read_from_files():
    bomb = '<!DOCTYPE rss [<!ENTITY a "ха"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">' + "".join(
        f'<!ENTITY {chr(99 + n)} "{f"&{chr(98 + n)};" * 10}">' for n in range(10)
    )
    outside = (
        '<!DOCTYPE rss [<!ENTITY e SYSTEM "file:///etc/passwd"><!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>'
    )
    started = time.process_time()

    for doctype, name in ((bomb + "]>", "&k;"), (outside, "&e;")):
        parts = read(doctype + rss(item(1, f"<category>{name}</category>"), declaration=""))
        [form] = [part.form for part in parts if isinstance(part, Item)]
        assert form.external_id == "g1"
        assert "root:" not in str(parts)
        assert len(str(parts)) < 3000
    assert time.process_time() - started < 2


def test_scripts_and_control_signs_do_not_come_through():
    nasty = "<![CDATA[<p onclick='x()'>Раз<script>alert(1)</script></p><img src=x onerror=alert(1)><a href='javascript:x'>два</a>\u202e]]>"
    [form] = forms(rss(f"<title>Т\u202e\u200b</title><guid>1</guid><description>{nasty}</description>"))

    assert form.headline == "Т"
    assert [getattr(block, "html", "") for block in form.body] == ["Раз", "<a>два</a>"]


def test_ten_thousand_items_all_come():
    feed = rss(*(f"<title>Т{number}</title><guid>g{number}</guid>" for number in range(10_000)))

    assert ids(feed) == [f"g{number}" for number in range(10_000)]


def test_sizes_beyond_the_form_are_cut_and_not_lost():
    text = "слово " * 120_000
    [form] = forms(
        rss(
            f"<title>{text[:3000]}</title><guid>{'g' * 3000}</guid><description>{text[:9000]}</description><content:encoded>{text}</content:encoded>"
            + "".join(f"<category>c{n}</category>" for n in range(100))
            + "".join(f"<media:content url='/{n}.jpg' type='image/jpeg'/>" for n in range(100))
        )
    )

    assert (len(form.headline) <= 500, form.headline[-1], len(form.external_id)) == (True, "…", 500)
    assert (len(form.rubrics), len(form.images)) == (20, 50)
    assert sum(block.html.count("слово") for block in form.body if block.kind == "paragraph") == 120_000


def test_ttl_is_read_in_seconds():
    assert ttl_s(rss(head="<ttl>15</ttl>").encode()) == 900
    assert [ttl_s(text) for text in (b"", b"<ttl>x</ttl>", b"<ttl>-5</ttl>", b"<ttl>99999999</ttl>", b"<ttl>5")] == [
        0,
        0,
        0,
        0,
        300,
    ]


def test_languages_are_believed_unless_they_are_the_softwares_default():
    def language(declared, text):
        return forms(rss(f"<title>{text}</title><guid>1</guid>", head=f"<language>{declared}</language>"))[0].language

    assert language("en-US", "Мост через Урал открыли") == "ru"
    assert language("ru", "The bridge is open") == "en"
    assert language("ba-RU", "Орск ҡалаһында күпер асылды") == "ba"
    assert language("nonsense!", "Мост") == "ru"


PIECES = [
    *[
        '<rss version="2.0">',
        "<channel>",
        "</channel>",
        "<item>",
        "</item>",
        "<title>",
        "</title>",
        "Слово",
        "<guid>1</guid>",
        "<guid>2</guid>",
        "</rss>",
    ],
    *[
        "<![CDATA[",
        "]]>",
        "&",
        "&amp;",
        "&nbsp;",
        "<description>",
        "</description>",
        "<p>",
        "</p>",
        "<img src='/a.jpg'>",
        "\x00",
        "�",
        "\u202e",
        "<!--",
        "-->",
        "<?x",
        "?>",
    ],
    *[
        "<!DOCTYPE rss [",
        "]>",
        "<entry>",
        "</entry>",
        "<feed xmlns='http://www.w3.org/2005/Atom'>",
        "<media:content url='/a.jpg' type='image/jpeg'>",
    ],
    *[
        "</media:content>",
        "<pubDate>",
        "</pubDate>",
        "Thu, 12 Nov 2026 10:00:00 GMT",
        "<link>http://[",
        "</link>",
        "{",
        "}",
        '"items":',
        "[",
        "]",
        '"id"',
        ":",
        ",",
    ],
]


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.sampled_from(["utf-8", "cp1251", "utf-16"]))
def test_no_feed_crashes_us(pieces, encoding):
    body = "".join(pieces).encode(encoding, "replace")
    parts = []
    with contextlib.suppress(NotAFeedError):
        parts = read(body)
    assert all(map(is_sound, parts))


def is_sound(part):
    """A trouble says where and why; a story fits what an event takes."""
    if isinstance(part, Trouble):
        return bool(part.place and part.reason)
    images = [Image(image_id=f"00000000-0000-0000-0000-{n:012}", original=None) for n in range(len(part.form.images))]
    return bool(part.form.external_id and to_content(part.form, images).headline)


@given(st.binary(max_size=300))
def test_bytes_are_no_feed_or_one_that_is_sound(body):
    try:
        parts, told = read(body), "items"
    except NotAFeedError as error:
        parts, told = [], str(error)

    assert told
    assert all(map(is_sound, parts))


@given(st.binary(max_size=300))
def test_bytes_among_the_items_cost_no_item_before_them(body):
    parts = read(rss(item(1), "HERE").encode().replace(b"HERE", body))

    assert all(map(is_sound, parts))
    assert [part.form.external_id for part in parts if isinstance(part, Item)][:1] == ["g1"]


@given(
    st.dictionaries(
        st.sampled_from(
            ["id", "url", "title", "content_html", "image", "authors", "tags", "attachments", "date_published"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("http://["),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["url", "name"]), inner, max_size=2)
            ),
            max_leaves=5,
        ),
    )
)
def test_no_json_item_crashes_us(item):
    good = {"id": "good", "title": "Хорошая"}

    parts = read(json.dumps({"items": [item, 5, None, good]}), media_type="application/json")

    assert parts[-1].form.headline == "Хорошая"
    assert all(isinstance(part, Trouble) or part.form.headline for part in parts)
