"""Pages of t.me/s/CHANNEL become the same articles that the Bot API's messages become."""

import pytest

from ingestion.domain.items import Item, Trouble, Withdrawn
from ingestion.domain.telegram_preview import is_gone, parse, split_page
from stack.telegram.channel import Picture, Telegram, entity
from stack.telegram.pages import channel_page, post_page

CREDIT = "telegram-канал Евгения Солнцева"
ROOT = "http://127.0.0.1:8091"
TEXT = "🎉 Мост открыт\n\nДвижение пустили в полдень. Подробности.\n\nСоседи — это семья.\n▪️ раз & два\n▪️ три\n\n#Орск"
MARKS = [
    entity(TEXT, "Мост открыт", "bold"),
    entity(TEXT, "Подробности", "text_link", url='https://x.example/?q="1"&b=<2>'),
    entity(TEXT, "Соседи — это семья.", "blockquote"),
    entity(TEXT, "семья", "italic"),
    entity(TEXT, "🎉", "custom_emoji", custom_emoji_id="53"),
    entity(TEXT, "#Орск", "hashtag"),
]


@pytest.fixture
def channel():
    return Telegram(clock=lambda: 1_794_819_600.0).open_channel("solntsev_official", "Евгений «Солнце» & Ко")


def page_of(channel, before=None):
    return split_page(channel_page(channel, ROOT, before).encode())


def read(stretch, **note):
    [part] = parse(stretch.body, {"title": "Евгений Солнцев", **note}, "solntsev_official", CREDIT)
    return part


def test_a_page_is_parted_into_posts_with_the_albums_members(channel):
    channel.publish("Первый")
    channel.publish("Второй", pictures=[Picture(b"a"), Picture(b"b"), Picture(b"c")])
    channel.publish("Третий", pictures=[Picture(b"d")])

    page = page_of(channel)

    assert page.title == "Евгений «Солнце» & Ко"
    assert [(post.post_id, post.members) for post in page.posts] == [(1, (1,)), (2, (2, 3, 4)), (5, (5,))]


def test_a_post_has_the_words_and_photos_of_the_bot_api(channel):
    channel.publish(TEXT, MARKS, [Picture(b"a"), Picture(b"b")])

    item = read(page_of(channel).posts[0])

    assert isinstance(item, Item), item
    form = item.form
    assert (form.headline, form.lede, form.tags) == ("Мост открыт", "", ["Орск"])
    assert [getattr(block, "html", None) or getattr(block, "items", None) for block in form.body[:3]] == [
        'Движение пустили в полдень. <a href="https://x.example/?q=&quot;1&quot;&amp;b=&lt;2&gt;">Подробности</a>.',
        "Соседи — это <i>семья</i>.",
        ["раз &amp; два", "три"],
    ]
    assert [image.url for image in form.images] == [f"{ROOT}/cdn/photos/file_{n}.jpg" for n in (0, 1)]
    assert {(image.credit, image.credit_url) for image in form.images} == {(CREDIT, "https://t.me/solntsev_official")}
    assert (form.external_id, form.canonical_url) == ("1", "https://t.me/solntsev_official/1")
    assert form.published_at.isoformat() == "2026-11-16T09:00:00+00:00"


def test_a_posts_mark_changes_with_the_post_and_not_with_each_load(channel):
    channel.publish("Мост открыт")
    first, again = page_of(channel).posts[0].mark, page_of(channel).posts[0].mark

    channel.edit(1, "Мост закрыт")

    assert first == again != page_of(channel).posts[0].mark


def test_a_forwarded_posts_photos_are_the_first_channels(channel):
    chat = {"id": -1007, "title": "Орск сегодня", "username": "orsk_today"}
    channel.publish(
        "Дамба", pictures=[Picture(b"a")], forward_origin={"type": "channel", "chat": chat, "message_id": 3}
    )

    image = read(page_of(channel).posts[0]).form.images[0]

    assert (image.credit, image.credit_url) == ("telegram-канал «Орск сегодня»", "https://t.me/orsk_today")


def test_a_film_is_a_link_to_the_post(channel):
    channel.publish("Дамба")
    channel.messages[1] |= {"video": {"file_id": "v"}}

    assert [(block.url, block.title) for block in read(page_of(channel).posts[0]).form.body] == [
        ("https://t.me/solntsev_official/1", "Видео")
    ]


def test_a_page_without_posts_is_an_error_and_no_empty_channel():
    with pytest.raises(ValueError, match="no post on the page"):
        split_page(b"<html><body>Please open Telegram to view this channel</body></html>")


def test_one_posts_broken_markup_troubles_only_that_post(channel):
    channel.publish("Первый")
    channel.publish("Второй")
    body = channel_page(channel, ROOT, None).replace('datetime="2026-11-16T09:00:00+00:00"', 'datetime="вчера"', 1)

    first, second = (read(post) for post in split_page(body.encode()).posts)

    assert first == Trouble("post 1", "ValueError: Invalid isoformat string: 'вчера'")
    assert second.form.headline == "Второй"


def test_a_post_that_is_gone_is_withdrawn(channel):
    channel.publish("Первый")
    there, gone = (post_page(channel, number, ROOT).encode() for number in (1, 2))

    assert (is_gone(there), is_gone(gone)) == (False, True)
    assert list(parse(gone, {"gone": "2"}, "solntsev_official", "")) == [
        Withdrawn("2", "the post is gone from the channel")
    ]
