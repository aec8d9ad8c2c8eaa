"""A channel through a bot, against a server that speaks the Bot API: webhook, albums, late photos, edits, deletions."""

import json
import threading

import pytest
import uvicorn

from chassis.testing import recorded_events
from ingestion.api import create_app
from ingestion.handlers.gathering import Composer, compose
from ingestion.store.posts import DuePost, Posts
from stack.processes import wait_until
from stack.telegram.channel import Picture, entity

pytestmark = pytest.mark.stack

SECRET = "a-secret-of-sixteen-and-more"
CREDIT = "telegram-канал Евгения Солнцева"
JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100


@pytest.fixture
def add(client, telegram):
    def go(source_id="telegram:solntsev", channel="@solntsev_official", **more):
        settings = {
            "channel": channel,
            "credit": CREDIT,
            "bot_token": telegram.token,
            "webhook_secret": SECRET,
            "api_url": telegram.url,
            "preview_url": telegram.url,
            **more,
        }
        source = {"source_id": source_id, "kind": "telegram", "name": "Telegram Солнцева", "settings": settings}
        answer = client.post("/sources", json=source)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return go


@pytest.fixture
def door(client, telegram):
    """`door(update, secret)`: an update at our door, as Telegram sends it."""

    def go(update, secret=SECRET, source_id="telegram:solntsev"):
        body = update if isinstance(update, bytes) else json.dumps(update).encode()
        headers = {"x-telegram-bot-api-secret-token": secret, "content-type": "application/json", "authorization": ""}
        return client.post(f"/telegram/{source_id}", content=body, headers=headers)

    telegram.telegram.tell = lambda _channel, update: go(update)
    return go


@pytest.fixture
def put_together(intake, our_settings, database):
    """Put together what is due; `now`: what waits for more photos, too."""

    def go(*, now=False):
        if now:
            with database.connection() as connection:
                connection.execute("UPDATE post SET due_at = now() WHERE due_at IS NOT NULL")
        with database.connection() as connection:
            posts = Posts(connection).lease_due(10, 60)
        for post in posts:
            compose(post, intake, our_settings.vault)
        return posts

    return go


def received(database):
    return recorded_events(database, "story.received.v1")


def waits(database):
    """(seconds after the newest message, seconds after the oldest) at which the post is put together at the latest."""
    with database.connection() as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM min(due_at) - max(came_at)), extract(epoch FROM min(latest_at) - min(came_at)) FROM post JOIN post_message USING (source_id, post_key)"
        ).fetchone()
    return tuple(float(seconds) for seconds in row)


def test_a_post_comes_in_whole_with_its_photo_fetched_and_credited(
    add, channel, door, put_together, database, private_bucket
):
    add()
    text = "🎉 Мост открыт\n\nДвижение пустили в полдень.\n\nДальше — подходы."
    channel.publish(text, [entity(text, "Мост открыт", "bold")], [Picture(JPEG)])

    put_together()

    [event] = received(database)
    content = event["content"]
    assert (content["headline"], content["lede"]) == ("Мост открыт", "Движение пустили в\u00a0полдень.")
    assert (event["source"]["kind"], event["source"]["source_id"]) == ("telegram", "telegram:solntsev")
    assert (event["external_id"], event["canonical_url"]) == ("1", "https://t.me/solntsev_official/1")
    [image] = content["images"]
    assert (image["credit"], image["credit_url"]) == (CREDIT, "https://t.me/solntsev_official")
    assert private_bucket.get(image["original"]["key"]) == JPEG
    assert image["original"]["content_type"] == "image/jpeg"
    [update] = json.loads(private_bucket.get(event["raw_key"]))
    assert update["channel_post"]["caption"] == text


def test_an_album_waits_for_its_photos_2_5_seconds_after_each_and_10_at_most(
    add, channel, door, put_together, database
):
    add()
    channel.publish("Дамба готова", (), [Picture(JPEG), Picture(JPEG + b"2"), Picture(JPEG + b"3")])
    assert waits(database) == (2.5, 10.0)
    assert put_together() == []

    with database.connection() as connection:  # nine seconds later another photo comes
        connection.execute("UPDATE post_message SET came_at = came_at - interval '9 s'")
        connection.execute("UPDATE post SET due_at = due_at - interval '1 s', latest_at = latest_at - interval '9 s'")
    channel.add_to_album(1, Picture(JPEG + b"4"))
    to_newest, to_oldest = waits(database)
    assert to_oldest == 10.0
    assert 0 < to_newest <= 1

    put_together(now=True)

    [event] = received(database)
    assert len(event["content"]["images"]) == 4
    assert [block["kind"] for block in event["content"]["blocks"]] == ["image"] * 3


def test_a_late_photo_joins_the_same_draft_as_its_next_revision(add, channel, door, put_together, database):
    add()
    channel.publish("Дамба готова", (), [Picture(JPEG), Picture(JPEG + b"2")])
    put_together(now=True)
    channel.add_to_album(1, Picture(JPEG + b"3"))

    put_together(now=True)

    first, second = received(database)
    assert first["story_id"] == second["story_id"]
    assert [event["revision"] for event in (first, second)] == [1, 2]
    assert [len(event["content"]["images"]) for event in (first, second)] == [2, 3]
    assert [image["image_id"] for image in second["content"]["images"]][:2] == [
        image["image_id"] for image in first["content"]["images"]
    ]


def test_an_edit_is_a_revision_and_fetches_no_photo_again(add, channel, door, put_together, database, telegram):
    add()
    channel.publish("Дамба готова", (), [Picture(JPEG)])
    put_together()
    calls = telegram.calls.count("getFile")
    channel.edit(1, "Дамба почти готова")

    put_together()

    first, second = received(database)
    assert (second["revision"], second["content"]["headline"]) == (2, "Дамба почти готова")
    assert second["content"]["images"] == first["content"]["images"]
    assert telegram.calls.count("getFile") == calls == 1


def test_an_update_told_twice_or_too_late_changes_nothing(add, channel, door, put_together, database, telegram):
    add()
    heard = []
    telegram.telegram.tell = lambda _channel, update: heard.append(update)
    channel.publish("Дамба готова")
    channel.edit(1, "Дамба почти готова")
    channel.edit(1, "Дамба готова наполовину")
    created, edited, edited_again = heard

    answers = [door(update).json() for update in (edited_again, created, edited, edited_again)]
    put_together()

    assert answers == [{"is_news": True}, {"is_news": False}, {"is_news": False}, {"is_news": False}]
    [event] = received(database)
    assert (event["content"]["headline"], event["revision"]) == ("Дамба готова наполовину", 1)


def test_one_broken_photo_of_ten_is_told_of_and_the_story_comes(
    add, channel, door, put_together, database, telegram, client
):
    add()
    channel.publish("Дамба", (), [Picture(JPEG + bytes([number])) for number in range(10)])
    telegram.telegram.sizes["photos/file_4.jpg"] = 25_000_000

    put_together(now=True)

    [event] = received(database)
    images = event["content"]["images"]
    assert [image["original"] is None for image in images] == [place == 4 for place in range(10)]
    assert images[4]["problem"] == "Telegram, getFile: answered 400"
    [trouble] = client.get("/sources/telegram:solntsev/troubles").json()
    assert trouble["reason"] == "Telegram, getFile: answered 400"
    assert telegram.token not in json.dumps(client.get("/sources/telegram:solntsev/troubles").json())


@pytest.mark.parametrize(
    ("source_id", "secret"),
    [("telegram:solntsev", "wrong"), ("telegram:solntsev", ""), ("telegram:nobody", SECRET), ("notes:x", SECRET)],
)
def test_a_stranger_is_turned_away_and_learns_nothing(add, door, database, source_id, secret):
    add()
    update = {
        "update_id": 1,
        "channel_post": {"message_id": 1, "date": 1, "chat": {"id": 1, "username": "solntsev_official"}},
    }

    answer = door(update, secret=secret, source_id=source_id)

    assert (answer.status_code, answer.json()["type"]) == (401, "urn:depesha:problem:wrong-webhook-secret")
    with database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM post_message").fetchone() == (0,)


def test_a_channel_that_no_source_names_does_not_come_in(add, client, door, put_together, database, telegram):
    add()
    telegram.telegram.open_channel("anybody", "Чужой").publish("Мы добавили вашего бота")

    put_together()

    assert received(database) == []
    [trouble] = client.get("/sources/telegram:solntsev/troubles").json()
    assert trouble["place"] == "channel @anybody"


def test_one_bot_serves_several_channels_each_its_own_source(add, door, put_together, database, telegram):
    add()
    add("telegram:orsk", "Orsk_Today")
    telegram.telegram.open_channel("orsk_today", "Орск сегодня").publish("Дамба готова")

    put_together()

    assert [event["source"]["source_id"] for event in received(database)] == ["telegram:orsk"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b'{"update_id": 1, "channel_post": {"message_id": "x"}}', 400),
        (b'{"update_id": 1, "message": {"text": "hi"}}', 200),
        (b'{"update_id": 1}', 200),
        (b'{"x": "' + b"x" * 1_100_000 + b'"}', 413),
    ],
)
def test_what_is_no_channel_post_changes_nothing(add, door, database, body, status):
    add()

    assert door(body).status_code == status
    with database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM post_message").fetchone() == (0,)


def test_a_paused_source_keeps_what_it_is_told_for_later(add, channel, client, door, put_together, database):
    add()
    client.put("/sources/telegram:solntsev/state", json={"state": "paused"})
    channel.publish("Дамба готова")
    assert put_together() == []

    client.put("/sources/telegram:solntsev/state", json={"state": "active"})
    put_together()

    assert len(received(database)) == 1


def test_a_post_that_changes_while_it_is_put_together_is_put_together_again(
    add, channel, door, put_together, database, intake, our_settings
):
    add()
    channel.publish("Дамба готова")
    with database.connection() as connection:
        [post] = Posts(connection).lease_due(10, 60)
    channel.edit(1, "Дамба почти готова")
    compose(DuePost(post.source_id, post.post_key, post.external_id, post.generation), intake, our_settings.vault)

    put_together()

    assert [event["content"]["headline"] for event in received(database)] == ["Дамба почти готова"]
    with database.connection() as connection:
        assert connection.execute("SELECT due_at, leased_to FROM post").fetchall() == [(None, None)]


def test_a_deletion_seen_on_the_public_page_withdraws_the_story_once(add, channel, door, put_together, database, visit):
    add()
    for text in ("Первый", "Второй", "Третий"):
        channel.publish(text)
    channel.publish("Альбом", (), [Picture(JPEG), Picture(JPEG + b"2")])
    put_together(now=True)
    visit("telegram:solntsev")
    channel.delete(2, 4)  # of the album only its first photo

    visit("telegram:solntsev")
    visit("telegram:solntsev")

    [withdrawn] = recorded_events(database, "story.withdrawn_at_source.v1")
    second = next(event for event in received(database) if event["external_id"] == "2")
    assert (withdrawn["story_id"], withdrawn["revision"]) == (second["story_id"], 2)
    assert len(received(database)) == 4


def test_a_post_that_the_page_leaves_out_but_that_is_there_is_not_withdrawn(
    add, channel, door, put_together, database, visit
):
    add()
    for text in ("Первый", "Второй", "Третий"):
        channel.publish(text)
    put_together()
    visit("telegram:solntsev")
    channel.hidden.add(2)

    visit("telegram:solntsev")

    assert recorded_events(database, "story.withdrawn_at_source.v1") == []


@pytest.fixture
def our_address(database, our_settings):
    """Our API on a real socket."""
    server = uvicorn.Server(uvicorn.Config(create_app(our_settings), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "our API", timeout_s=20)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.timeout(60)
def test_telegram_is_asked_to_tell_us_and_its_posts_come_through_a_real_socket(
    add, channel, telegram, intake, our_settings, our_address, client
):
    database = intake.database
    add()
    channel.publish("До подписки")
    answer = client.put("/sources/telegram:solntsev/subscription", json={"outside_url": our_address})
    channel.publish("Альбом", (), [Picture(JPEG), Picture(JPEG + b"2")])
    composer = Composer(intake, our_settings.vault)

    def both_have_come():
        composer.compose_due()
        return len(received(database)) == 2

    wait_until(both_have_come, "both posts", timeout_s=20)

    assert answer.json() == {"address": f"{our_address}/telegram/telegram%3Asolntsev"}
    assert telegram.webhook["allowed_updates"] == '["channel_post", "edited_channel_post"]'
    assert [status for _, status in telegram.told] == [200, 200, 200]
    assert [event["content"]["headline"] for event in received(database)] == ["До\u00a0подписки", "Альбом"]
    wait_until(composer.is_idle, "no post in hand", timeout_s=10)


def test_a_post_that_is_deleted_before_we_saw_it_on_the_public_page_is_withdrawn_once(
    add, door, channel, visit, put_together, database
):
    add()
    channel.publish("Первый")
    channel.publish("Ошибка", (), [Picture(JPEG), Picture(JPEG + b"2")])
    channel.publish("Третий")
    put_together(now=True)

    channel.delete(2)
    visit("telegram:solntsev")
    channel.delete(3)
    visit("telegram:solntsev")
    assert recorded_events(database, "story.withdrawn_at_source.v1") == []  # the page may be behind
    with database.connection() as connection:
        connection.execute("UPDATE post_message SET came_at = now() - interval '2 minutes'")
    visit("telegram:solntsev")
    visit("telegram:solntsev")

    [_, wrong, _] = sorted(received(database), key=lambda event: event["external_id"])
    [withdrawn] = recorded_events(database, "story.withdrawn_at_source.v1")
    assert (withdrawn["story_id"], wrong["content"]["headline"]) == (wrong["story_id"], "Ошибка")


def test_an_album_of_which_a_photo_was_deleted_at_once_stays(add, door, channel, visit, put_together, database):
    add()
    channel.publish("Первый")
    channel.publish("Альбом", (), [Picture(JPEG), Picture(JPEG + b"2")])
    put_together(now=True)
    with database.connection() as connection:
        connection.execute("UPDATE post_message SET came_at = now() - interval '2 minutes'")

    channel.delete(2)
    visit("telegram:solntsev")

    assert recorded_events(database, "story.withdrawn_at_source.v1") == []


@pytest.fixture
def add_preview(client, telegram):
    settings = {"channel": "solntsev_official", "credit": CREDIT, "preview_url": telegram.url}
    source = {"source_id": "preview:solntsev", "kind": "telegram_preview", "name": "Солнцев", "settings": settings}
    assert client.post("/sources", json=source).status_code == 201


def headlines(database):
    return [(event["external_id"], event["content"]["headline"], event["revision"]) for event in received(database)]


def test_the_public_page_alone_brings_posts_edits_and_deletions(add_preview, channel, visit, database, private_bucket):
    channel.publish("Старый")
    channel.publish("Первый")
    channel.publish("Второй", (), [Picture(JPEG), Picture(JPEG + b"2")])
    visit("preview:solntsev")
    channel.edit(2, "Первый, уточнено")
    visit("preview:solntsev")
    channel.delete(4)
    visit("preview:solntsev")
    channel.delete(2)
    visit("preview:solntsev")

    _, first, second, edited, fewer = received(database)
    assert headlines(database) == [
        ("1", "Старый", 1),
        ("2", "Первый", 1),
        ("3", "Второй", 1),
        ("2", "Первый, уточнено", 2),
        ("3", "Второй", 2),
    ]
    assert [len(event["content"]["images"]) for event in (second, fewer)] == [2, 1]
    assert private_bucket.get(second["content"]["images"][0]["original"]["key"]) == JPEG
    assert second["source"]["kind"] == "telegram"
    [withdrawn] = recorded_events(database, "story.withdrawn_at_source.v1")
    assert withdrawn["story_id"] == edited["story_id"] == first["story_id"]


def test_a_busy_channel_is_caught_up_with_page_by_page(add_preview, channel, visit, database):
    channel.publish("Пост 1")
    visit("preview:solntsev")
    for number in range(2, 56):
        channel.publish(f"Пост {number}")

    visit("preview:solntsev")

    assert sorted(int(event["external_id"]) for event in received(database)) == list(range(1, 56))


def test_a_page_without_posts_is_a_trouble_with_its_original(add_preview, channel, visit, database, client):
    visit("preview:solntsev")

    [trouble] = client.get("/sources/preview:solntsev/troubles").json()
    assert trouble["place"] == "t.me/s/solntsev_official"
    assert b"tgme_channel_history" in client.get(f"/originals/{trouble['raw_id']}").content
