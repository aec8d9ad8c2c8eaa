"""Posts of a Telegram channel, in the shapes of the Bot API, become articles."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.domain.items import Item, Trouble
from ingestion.domain.story_form import to_content
from ingestion.domain.telegram import parse
from stack.telegram.channel import entity

CHANNEL = {"id": -1001501234567, "title": "Евгений Солнцев", "username": "solntsev_official", "type": "channel"}
CREDIT = "telegram-канал Евгения Солнцева"


def post(message_id=1204, text="", caption="", entities=(), **more):
    words = {"text": text, "entities": list(entities)} if text else {}
    if caption:
        words = {"caption": caption, "caption_entities": list(entities)}
    return {
        "update_id": 70_000 + message_id,
        "channel_post": {"message_id": message_id, "chat": CHANNEL, "date": 1_794_819_600, **words, **more},
    }


def photo(name, size=180_000):
    return [
        {"file_id": f"{name}-small", "file_unique_id": f"u-{name}-s", "width": 320, "height": 240, "file_size": 9_000},
        {"file_id": name, "file_unique_id": f"u-{name}", "width": 1280, "height": 960, "file_size": size},
        {"file_id": f"{name}-mid", "file_unique_id": f"u-{name}-m", "width": 800, "height": 600, "file_size": 60_000},
    ]


def items(*updates, credit=CREDIT):
    return list(parse(json.dumps(list(updates)).encode(), credit))


def form(*updates, credit=CREDIT):
    [item] = items(*updates, credit=credit)
    assert isinstance(item, Item), item
    return item.form


LONG = "Стороны условились открыть весной два автобусных рейса: из Оренбурга в Актобе и из Орска в Хромтау."


def test_a_bold_first_line_is_the_headline_and_the_next_paragraph_the_lede():
    text = f"🇷🇺🇰🇿 Новые рейсы в Казахстан\n\nДелегация области побывала в Актобе.\n\n{LONG}\n\n#Казахстан #Оренбургская_область\n\n👉 Подписаться"
    story = form(
        post(
            text=text,
            entities=[
                entity(text, "Новые рейсы в Казахстан", "bold"),
                entity(text, "Подписаться", "text_link", url="https://t.me/solntsev_official"),
            ],
        )
    )

    assert story.headline == "Новые рейсы в Казахстан"
    assert story.lede == "Делегация области побывала в Актобе."
    assert [block.html for block in story.body] == [LONG]
    assert story.tags == ["Казахстан", "Оренбургская область"]
    assert story.canonical_url == "https://t.me/solntsev_official/1204"
    assert (story.external_id, story.published_at.isoformat()) == ("1204", "2026-11-16T09:00:00+00:00")


@pytest.mark.parametrize(
    ("text", "headline", "lede", "body"),
    [
        ("Орск достроит дамбу", "Орск достроит дамбу", "", []),
        ("Орск достроит дамбу.\nРаботы идут в две смены.", "Орск достроит дамбу", "", ["Работы идут в две смены."]),
        ("Орск достроит дамбу. Работы идут. Срок — март.", "Орск достроит дамбу", "", ["Орск достроит дамбу. Работы идут. Срок — март."]),
        ("Встретились с А. И. Петровым в г. Орске. Обсудили дамбу.", "Встретились с А. И. Петровым в г. Орске", "", ["Встретились с А. И. Петровым в г. Орске. Обсудили дамбу."]),
        (f"{LONG} {LONG}", LONG[:-1], "", [f"{LONG} {LONG}"]),
        ("— Мы приедем!\n\nТак сказал мэр.", "Мы приедем!", "", ["Так сказал мэр."]),
        ("Итоги дня\n\nКоротко о главном.\n\n▪️ дамба готова\n▪️ мост открыт", "Итоги дня", "Коротко о главном.", [["дамба готова", "мост открыт"]]),
        ("Порядок\n\n1. Заявка\n2. Осмотр", "Порядок", "", [["Заявка", "Осмотр"]]),
        ("Беседа\n\n— Когда?\n— В марте.", "Беседа", "", ["— Когда?<br>— В марте."]),
        ("Дамба\n\nПервое.\n\nФото: Иван Петров", "Дамба", "", ["Первое."]),
        ("Цена & <качество>\n\nРаз > два", "Цена & <качество>", "", ["Раз &gt; два"]),
    ],
)  # fmt: skip
def test_plain_posts_are_taken_apart_as_an_editor_would(text, headline, lede, body):
    story = form(post(text=text))

    assert (story.headline, story.lede) == (headline, lede)
    assert [getattr(block, "html", None) or block.items for block in story.body] == body


def test_a_bold_sentence_that_opens_the_paragraph_is_the_headline():
    text = "Мост открыт. Движение пустили в полдень.\n\nДальше — подходы."
    story = form(post(text=text, entities=[entity(text, "Мост открыт.", "bold")]))

    assert story.headline == "Мост открыт"
    assert story.lede == "Движение пустили в полдень."


def test_quotes_code_and_headings_become_blocks():
    text = "Итоги\n\nСказал губернатор:\nСоседи — это семья.\nПоэтому едем.\nЧто дальше\n\nТочки:\nSELECT 1"
    story = form(
        post(
            text=text,
            entities=[
                entity(text, "Соседи — это семья.\nПоэтому едем.", "expandable_blockquote"),
                entity(text, "семья", "italic"),
                entity(text, "Что дальше", "bold"),
                entity(text, "SELECT 1", "pre", language="sql"),
            ],
        )
    )

    assert [(block.kind, getattr(block, "html", None) or block.text) for block in story.body] == [
        ("quote", "Соседи — это <i>семья</i>.<br>Поэтому едем."),
        ("heading", "Что дальше"),
        ("paragraph", "Точки:"),
        ("paragraph", "<code>SELECT 1</code>"),
    ]
    assert story.lede == "Сказал губернатор:"


def test_links_of_every_kind_are_kept_and_escaped():
    text = 'Адреса\n\n🎉 сайт, orsk.example/a?b=1&c="2" @orsk_today mail@orsk.example +7 3532 12-34-56 тайна 👍 Иван'
    story = form(
        post(
            text=text,
            entities=[
                entity(text, "сайт", "text_link", url='https://x.example/?q="><script>alert(1)</script>'),
                entity(text, 'orsk.example/a?b=1&c="2"', "url"),
                entity(text, "@orsk_today", "mention"),
                entity(text, "mail@orsk.example", "email"),
                entity(text, "+7 3532 12-34-56", "phone_number"),
                entity(text, "тайна", "spoiler"),
                entity(text, "👍", "custom_emoji", custom_emoji_id="5368324170671202286"),
                entity(text, "Иван", "text_mention", user={"id": 7, "is_bot": False, "first_name": "Иван"}),
            ],
        )
    )

    content = to_content(story, [])
    assert content.blocks[0].html == (
        '🎉 <a href="https://x.example/?q=&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">сайт</a>, '
        '<a href="https://orsk.example/a?b=1&amp;c=&quot;2&quot;">orsk.example/a?b=1&amp;c="2"</a> '
        '<a href="https://t.me/orsk_today">@orsk_today</a> <a href="mailto:mail@orsk.example">mail@orsk.example</a> '
        '<a href="tel:+73532123456">+7 3532 12-34-56</a> тайна 👍 Иван'
    )


def test_a_link_with_a_scheme_that_runs_code_is_words_only():
    text = "Заголовок\n\nтык"
    story = form(post(text=text, entities=[entity(text, "тык", "text_link", url="javascript:alert(1)")]))

    assert to_content(story, []).blocks[0].html == "<a>тык</a>"


def test_an_album_is_one_story_with_the_largest_of_each_photo_and_the_channels_credit():
    group = {"media_group_id": "1380"}
    story = form(
        post(1206, photo=photo("c"), **group),
        post(1204, caption="Переговоры в Актобе\n\nИтоги.", photo=photo("a"), **group),
        post(1205, caption="Степь | Фото: Иван Петров", photo=photo("b"), **group),
    )

    assert (story.external_id, story.headline) == ("1204", "Переговоры в Актобе")
    assert [image.file for image in story.images] == ["a", "b", "c"]
    assert [(image.caption, image.credit, image.credit_url) for image in story.images] == [
        ("", CREDIT, "https://t.me/solntsev_official"),
        ("Степь | Фото: Иван Петров", "", ""),
        ("", CREDIT, "https://t.me/solntsev_official"),
    ]
    assert [block.image for block in story.body if block.kind == "image"] == [1, 2]


def test_a_credit_in_the_post_is_the_photos_credit():
    story = form(post(caption="Дамба\n\nГотова.\n📷 Фото: Пётр Ильин / t.me/ilyin", photo=photo("a")))

    assert (story.images[0].credit, story.images[0].credit_url) == ("Пётр Ильин", "https://t.me/ilyin")
    assert [block.html for block in story.body] == ["Готова."]


def test_without_a_given_credit_the_channels_title_stands_in_quotes():
    story = form(post(caption="Дамба", photo=photo("a")), credit="")

    assert story.images[0].credit == "telegram-канал «Евгений Солнцев»"


def test_photos_of_a_forwarded_post_are_the_first_channels():
    origin = {"type": "channel", "chat": {"id": -100777, "title": "Орск", "username": "orsk_today"}, "message_id": 3}
    story = form(post(caption="Дамба", photo=photo("a"), forward_origin=origin))

    assert (story.images[0].credit, story.images[0].credit_url) == ("telegram-канал «Орск»", "https://t.me/orsk_today")


def test_photos_without_a_word_are_a_story_that_an_editor_can_name():
    story = form(post(photo=photo("a")))

    assert story.headline == "Евгений Солнцев: фото без подписи"


def test_an_image_sent_as_a_file_is_taken_and_one_too_large_is_told_of_while_the_story_comes():
    small = {
        "file_id": "raw1",
        "file_unique_id": "u1",
        "mime_type": "image/jpeg",
        "file_name": "a.jpg",
        "file_size": 9_000_000,
    }
    large = {**small, "file_id": "raw2", "file_name": "b.tif", "mime_type": "image/tiff", "file_size": 48_000_000}

    item, trouble = items(post(1, caption="Дамба", document=small), post(2, document=large))

    assert [image.file for image in item.form.images] == ["raw1"]
    assert trouble == Trouble(
        "post 2: b.tif",
        "has 48000000 bytes; Telegram gives bots files of 20000000 at most. Ask the source for it by another way",
    )


def test_films_and_documents_are_links_to_the_post():
    story = form(
        post(caption="Дамба", video={"file_id": "v"}), post(1205, document={"file_id": "d", "file_name": "план.pdf"})
    )

    assert [(block.url, block.title) for block in story.body] == [
        ("https://t.me/solntsev_official/1204", "Видео"),
        ("https://t.me/solntsev_official/1205", "план.pdf"),
    ]


def test_bidirectional_and_control_characters_go_and_the_marks_move_with_the_words():
    text = "Мэр\u202e: \u200b«да»\n\nЖи\u0007рный конец"
    story = form(post(text=text, entities=[entity(text, "Жи\u0007рный", "bold")]))

    assert story.headline == "Мэр: «да»"
    assert story.body[0].html == "<b>Жирный</b> конец"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "is no list of updates: JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[]", "has no channel_post and no edited_channel_post"),
        (b'[{"update_id": 1, "message": {}}]', "has no channel_post and no edited_channel_post"),
        (b"[1]", "is no list of updates: AttributeError: 'int' object has no attribute 'get'"),
        (b'[{"channel_post": {"message_id": 5}}]', "KeyError: 'chat'"),
    ],
)  # fmt: skip
def test_what_is_no_post_is_told_plainly(body, reason):
    [trouble] = parse(body, "")

    assert isinstance(trouble, Trouble)
    assert trouble.reason == reason


WORDS = st.text(alphabet="Аб .!?#@\n🎉👨‍👩‍👧«»—•1)<&\u202e\u200b_", max_size=120)
ENTITIES = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["bold", "italic", "blockquote", "pre", "text_link", "url", "mention", "hashtag", "custom_emoji", "new"]
            ),
            "offset": st.integers(-2, 130),
            "length": st.integers(-2, 130),
        }
    ),
    max_size=8,
)


@given(WORDS, ENTITIES)
def test_no_post_crashes_it_and_no_word_is_lost(text, entities):
    [part] = items(post(text=f"Дамба\n\n{text}", entities=entities))

    assert isinstance(part, Item), part
    content = to_content(part.form, [])
    shown = " ".join([content.headline, content.lede, *(str(block) for block in content.blocks), *part.form.tags])
    for sign in "Аб":
        assert shown.count(sign) >= f"Дамба{text}".count(sign)
