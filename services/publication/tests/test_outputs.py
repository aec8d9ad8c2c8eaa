"""What is made of a story, without any engine: item, page, feeds, sitemaps, addresses."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import feedparser
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html

from contracts.content import Paragraph, Snapshot, Tag
from publication.domain import feeds, sitemaps
from publication.domain.cleaning import clean_snapshot
from publication.domain.faults import find_faults
from publication.domain.feeds import Feed, Piece
from publication.domain.footnotes import mark
from publication.domain.listings import PAGE, archived_pages, page_of
from publication.domain.markup import inline
from publication.domain.ninjs import make_item
from publication.domain.site import FootnoteRule
from publication.domain.slugs import label_slug, make_slug, moved_path, story_path
from publication.domain.structured import script_json
from publication.domain.thumbhash import placeholder
from publication.domain.words import say_when
from publication.rendering import Theme

from .building import HEADLINE, NOON, SITE, number, photo, snapshot, story
from .ninjs_schema import SCHEMA

FEED = Feed(
    SITE, "Политика — Степной вестник", SITE.address("rubric/politika.html"), SITE.address("rubric/politika.xml")
)
JSON_FEED = {
    "type": "object",
    "required": ["version", "title", "items"],
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": {"type": "string"},
        "home_page_url": {"type": "string"},
        "feed_url": {"type": "string"},
        "authors": {"type": "array", "items": {"type": "object", "minProperties": 1}},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "anyOf": [{"required": ["content_html"]}, {"required": ["content_text"]}],
                "properties": {
                    "id": {"type": "string"},
                    "date_published": {
                        "type": "string",
                        "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$",
                    },
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "attachments": {"type": "array", "items": {"type": "object", "required": ["url", "mime_type"]}},
                },
            },
        },
    },
}


@pytest.mark.parametrize("state", ["live", "unpublished", "killed"])
def test_an_item_is_valid_ninjs_3_1_in_every_state(state):
    item = make_item(story(state=state, reason="Ошибка.", correction_note="Исправлено."), SITE)

    jsonschema.validate(item, SCHEMA)
    assert item["pubStatus"] == {"live": "usable", "unpublished": "withheld", "killed": "canceled"}[state]
    assert ("bodies" in item) is (state == "live")


def test_an_item_keeps_the_name_of_the_first_address_when_the_page_moves():
    moved = story(path="2026/11/12/new-00000001", first_path="2026/11/12/old-00000001")

    item = make_item(moved, SITE)

    assert item["uri"] == "https://vestnik.example/news/2026/11/12/old-00000001.html"
    assert item["renditions"] == [
        {"name": "web", "href": "https://vestnik.example/news/2026/11/12/new-00000001.html", "contentType": "text/html"}
    ]


def test_addresses_are_transliterated_as_russian_readers_expect():
    assert (
        make_slug("Делегация Оренбуржья едет в Щучье: съёмки, объезд, Хабаровск")
        == "delegatsiya-orenburzhya-yedet-v-schuche-syomki-obyezd-khabarovsk"
    )
    assert story_path("", "Делегация", number(1), NOON, SITE.zone) == "2026/11/12/delegatsiya-00000001"
    assert story_path("", "🐎 ???", number(1), NOON, SITE.zone) == "2026/11/12/story-00000001"
    assert moved_path("2026/11/12/delegatsiya-00000001", "Новый адрес") == "2026/11/12/noviy-adres-00000001"
    assert moved_path("2026/11/12/delegatsiya-00000001", "") == "2026/11/12/delegatsiya-00000001"


def test_labels_that_lose_signs_keep_apart():
    slugs = [label_slug(label) for label in ("C", "C++", "C#", "..", "!!", "🐎", "Орск")]

    assert len(set(slugs)) == 7
    assert (slugs[0], slugs[-1]) == ("c", "orsk")
    assert not any("." in slug or "/" in slug for slug in slugs)


@given(st.text(max_size=80))
def test_any_label_gives_a_key_of_plain_signs(label):
    assert set(label_slug(label)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert label_slug(label) == label_slug(label)


def test_archive_pages_begin_when_two_pages_are_full():
    assert [archived_pages(last) for last in (-1, 0, PAGE - 1, 2 * PAGE - 2, 2 * PAGE - 1, 3 * PAGE - 1)] == [
        0,
        0,
        0,
        0,
        1,
        2,
    ]
    assert [page_of(place) for place in (0, PAGE - 1, PAGE)] == [0, 0, 1]


def test_rss_is_read_back_without_a_complaint():
    one, two = story(1), story(2, headline="Вторая & «последняя»")

    read = feedparser.parse(feeds.rss(FEED, [Piece(two, SITE), Piece(one, SITE)]))

    assert (read.bozo, read.version) == (False, "rss20")
    assert (read.feed.title, read.feed.language, read.feed.link) == (FEED.title, "ru", FEED.page_url)
    assert [entry.title for entry in read.entries] == ["Вторая & «последняя»", HEADLINE]
    entry = read.entries[1]
    assert (entry.id, entry.link) == (f"urn:uuid:{number(1)}", SITE.address("2026/11/12/delegatsiya-00000001.html"))
    assert (entry.author, entry.summary) == ("Вера Лугова", one.snapshot.lede)
    assert entry.published_parsed[:6] == (2026, 11, 12, 9, 10, 0)
    assert [tag.term for tag in entry.tags] == ["Политика", "За рубежом", "Евгений Солнцев", "Казахстан", "автобусы"]
    assert [(one.href, one.type, one.length) for one in entry.enclosures] == [
        ("https://media.example/m/0001v1/w960.jpg", "image/jpeg", "9600")
    ]
    assert "Нас связывают не только дороги." in entry.content[0].value
    assert "0002v1/w960.jpg" in entry.content[0].value


def test_atom_is_read_back_with_all_enclosures():
    read = feedparser.parse(feeds.atom(FEED, [Piece(story(1), SITE)], NOON))

    assert (read.bozo, read.version) == (False, "atom10")
    [entry] = read.entries
    assert (entry.id, entry.title, entry.author) == (f"urn:uuid:{number(1)}", HEADLINE, "Вера Лугова")
    assert [one.href for one in entry.enclosures] == [
        "https://media.example/m/0001v1/w960.jpg",
        "https://media.example/m/0002v1/w960.jpg",
    ]
    assert entry.updated_parsed[:6] == (2026, 11, 12, 9, 10, 0)


def test_an_empty_feed_is_still_a_feed():
    assert feedparser.parse(feeds.atom(FEED, [], NOON)).bozo is False
    assert feedparser.parse(feeds.rss(FEED, [])).bozo is False
    jsonschema.validate(json.loads(feeds.json_feed(FEED, [])), JSON_FEED)


def test_json_feed_holds_what_was_put_in():
    feed = json.loads(feeds.json_feed(FEED, [Piece(story(1), SITE)]))

    jsonschema.validate(feed, JSON_FEED)
    [item] = feed["items"]
    assert (item["id"], item["title"], item["authors"]) == (
        f"urn:uuid:{number(1)}",
        HEADLINE,
        [{"name": "Вера Лугова"}],
    )
    assert (item["date_published"], item["language"]) == ("2026-11-12T14:10:00+05:00", "ru")
    assert [one["size_in_bytes"] for one in item["attachments"]] == [9600, 9600]


@pytest.mark.parametrize("dialect", ["dzen", "yandex"])
def test_the_russian_feeds_carry_the_whole_text_and_every_photo(dialect):
    content = feeds.rss(FEED, [Piece(story(1), SITE)], dialect)

    item = etree.fromstring(content).find("channel/item")
    spaces = {"content": feeds.CONTENT, "yandex": feeds.YANDEX, "media": feeds.MEDIA}
    assert feedparser.parse(content).bozo is False
    assert item.findtext("guid") == f"urn:uuid:{number(1)}"
    assert [one.get("url") for one in item.findall("enclosure")] == [
        "https://media.example/m/0001v1/w960.jpg",
        "https://media.example/m/0002v1/w960.jpg",
    ]
    if dialect == "yandex":
        assert item.findtext("yandex:full-text", namespaces=spaces).endswith("рейс Оренбург — Актобе\nобщая ярмарка")
        assert item.findtext("yandex:genre", namespaces=spaces) == "message"
    else:
        assert item.findtext("media:rating", namespaces=spaces) == "nonadult"
        assert "<blockquote>" in item.findtext("content:encoded", namespaces=spaces)


def test_the_news_sitemap_holds_two_days_and_a_thousand_entries_at_most():
    line = sitemaps.Line("2026/11/12/a-1", "Заголовок & Ко", "", "ru", NOON, NOON)
    lines = [replace(line, first_published_at=NOON - timedelta(minutes=2 * number)) for number in range(1_600)]

    root = etree.fromstring(sitemaps.news_sitemap(SITE, lines, NOON))
    all_fresh = etree.fromstring(sitemaps.news_sitemap(SITE, [line] * 1_500, NOON))

    assert len(root) == 1_000
    assert len(all_fresh) == 1_000
    assert len(etree.fromstring(sitemaps.news_sitemap(SITE, lines, NOON + timedelta(hours=47)))) == 30
    assert root.findtext(".//{*}title") == "Заголовок & Ко"
    assert root.findtext(".//{*}publication_date") == "2026-11-12T14:10:00+05:00"


def test_the_page_has_what_readers_and_robots_look_for():
    page = html.fromstring(Theme(SITE).article(story(1)).decode())

    lead, second = page.xpath("//figure//img")
    assert (lead.get("fetchpriority"), lead.get("loading"), second.get("loading")) == ("high", None, "lazy")
    assert (lead.get("width"), lead.get("height"), lead.get("alt")) == (
        "960",
        "720",
        "Двое мужчин жмут руки за столом с флагами",
    )
    assert lead.get("style").startswith("background:#8a7f6b url(data:image/png;base64,")
    assert page.xpath("//source/@type") == ["image/avif", "image/avif"]
    assert page.xpath("//figcaption//span[@class='credit']//text()") == [
        "Фото: ",
        "telegram-канал Евгения Солнцева",
        "Фото: Вера Лугова",
    ]
    assert page.xpath("//time/@datetime") == ["2026-11-12T14:10:00+05:00"]
    assert page.xpath("string(//time)") == "12 ноября 2026, 14:10 (UTC+5)"
    assert page.xpath("//meta[@property='og:image']/@content") == ["https://media.example/m/0001v1/card.jpg"]
    assert page.xpath("//link[@rel='alternate']/@type") == [
        "application/json",
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
        "application/rss+xml",
        "application/rss+xml",
    ]
    assert page.xpath("string(//span[@class='age'])") == "6+"
    article = json.loads(page.xpath("//script")[0].text)
    assert [image["url"].rpartition("/")[2] for image in article["image"][:3]] == ["16x9.jpg", "4x3.jpg", "1x1.jpg"]
    assert article["author"] == [
        {"@type": "Person", "name": "Вера Лугова", "url": SITE.address("author/vera-lugova.html")}
    ]
    assert not page.xpath("//script[not(@type='application/ld+json')]")


def test_an_english_page_speaks_english():
    page = html.fromstring(Theme(SITE).article(story(1, language="en", correction_note="A name was wrong.")).decode())

    assert page.get("lang") == "en"
    assert page.xpath("string(//p[@class='correction'])") == "Correction. A name was wrong."
    assert page.xpath("string(//time)") == "12 November 2026, 14:10 (UTC+5)"
    assert say_when(NOON, SITE.zone, "en", is_short=True) == "12 November, 14:10"


def test_a_second_theme_changes_what_it_has_and_takes_the_rest_from_the_first():
    theme = Theme(replace(SITE, theme=str(Path(__file__).parent / "themes" / "plain")))

    page = theme.article(story(1)).decode()

    assert "--accent:#0a5c36" in page
    assert "<p>Второе оформление: Степной вестник</p>" in page
    assert HEADLINE in page
    assert "Такой страницы нет" in theme.missing().decode()


def test_configured_remarks_stand_at_the_foot_and_stars_at_the_words_but_not_in_links():
    rule = FootnoteRule("Рога и копыта", "Организация признана вымышленной.")
    noted = story(
        1,
        blocks=(
            Paragraph(html='Об этом сообщили <b>Рога и копыта</b> и <a href="https://x.example">Рога и копыта</a>.'),
        ),
    )

    page = html.fromstring(Theme(replace(SITE, footnotes=(rule,))).article(noted).decode())

    assert page.xpath("string(//ol[@class='notes'])") == "* Организация признана вымышленной."
    assert page.xpath("string(//div[@class='text']/p)") == "Об этом сообщили Рога и копыта* и Рога и копыта."
    assert mark(inline("Прогара и копытар"), [rule]) == "Прогара и копытар"


def test_unbearable_signs_are_taken_out_once_and_clean_snapshots_are_left_alone():
    clean = snapshot()

    assert clean_snapshot(clean) is clean
    assert clean_snapshot(snapshot(headline="А\x00Б\u202eВ\ufffeГ")).headline == "АБВГ"


@given(st.text(max_size=200))
def test_json_in_a_script_cannot_end_it(text):
    written = script_json({"headline": text})

    assert json.loads(written) == {"headline": text}
    assert "<" not in written


@given(st.text(min_size=1, max_size=120).filter(lambda text: text.strip() and "\r" not in text and text.isprintable()))
def test_any_headline_comes_back_from_every_feed(headline):
    cleaned = clean_snapshot(Snapshot(headline=headline, tags=(Tag(label="Орск"),)))
    piece = Piece(replace(story(1), snapshot=cleaned), SITE)

    for content in (
        feeds.rss(FEED, [piece]),
        feeds.atom(FEED, [piece], NOON),
        feeds.rss(FEED, [piece], "dzen"),
        feeds.rss(FEED, [piece], "yandex"),
    ):
        assert (
            etree.fromstring(content).xpath(
                "string((//item/title | //*[local-name()='entry']/*[local-name()='title'])[1])"
            )
            == cleaned.headline
        )


def test_a_placeholder_is_a_small_png_and_a_broken_hash_is_none():
    assert placeholder("1QcSHQRnh493V4dIh4eXh1h4kJUI").startswith("data:image/png;base64,iVBOR")
    assert len(placeholder("1QcSHQRnh493V4dIh4eXh1h4kJUI")) < 1_000
    assert placeholder("zzz") == placeholder("") == placeholder("1QcS") == ""


def test_what_would_break_a_page_is_found_before_it_is_made():
    bare = photo(1)
    bare = bare.model_copy(update={"manifest": bare.manifest.model_copy(update={"renditions": ()})})

    assert find_faults(snapshot()) == []
    assert len(find_faults(snapshot(images=(bare,)))) == 2
