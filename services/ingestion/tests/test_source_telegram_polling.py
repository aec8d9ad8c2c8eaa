"""A channel through a bot that we ask for its posts: no public door, the same updates, the same rows."""

import json
import threading

import pytest

from chassis.testing import recorded_events
from ingestion.handlers.gathering import compose
from ingestion.store.posts import Posts
from stack.processes import wait_until
from stack.telegram.channel import Picture

pytestmark = pytest.mark.stack

SOURCE = "telegram:solntsev"
JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100


@pytest.fixture
def source(telegram):
    def go(source_id=SOURCE, **more):
        settings = {
            "channel": "@solntsev_official",
            "bot_token": telegram.token,
            "mode": "polling",
            "listens_s": 0,
            "api_url": telegram.url,
            "preview_url": telegram.url,
            **more,
        }
        return {"source_id": source_id, "kind": "telegram", "name": "Telegram Солнцева", "settings": settings}

    return go


@pytest.fixture
def add(client, source):
    def go(source_id=SOURCE, **more):
        answer = client.post("/sources", json=source(source_id, **more))
        assert answer.status_code == 201, answer.text

    return go


@pytest.fixture
def published(telegram, channel):
    """`published(text, …)`: a post that waits at Telegram until somebody asks."""

    def go(*post, count=1):
        before = telegram.waiting
        channel.publish(*post)
        wait_until(lambda: telegram.waiting == before + count, "the updates", timeout_s=5)

    return go


@pytest.fixture
def put_together(database, intake, our_settings):
    def go():
        with database.connection() as connection:
            connection.execute("UPDATE post SET due_at = now() WHERE due_at IS NOT NULL")
            posts = Posts(connection).lease_due(10, 60)
        for post in posts:
            compose(post, intake, our_settings.vault)

    return go


def received(database):
    events = recorded_events(database, "story.received.v1")
    return [
        (event["external_id"], event["revision"], event["content"]["headline"], len(event["content"]["images"]))
        for event in events
    ]


def test_posts_come_when_asked_for_with_albums_whole_and_edits_as_revisions(
    add, published, channel, visit, put_together, database, telegram
):
    add()
    published("Дамба готова")
    published("Альбом", (), [Picture(JPEG), Picture(JPEG + b"2")], count=2)
    first = visit(SOURCE)
    put_together()
    channel.edit(1, "Дамба почти готова")
    wait_until(lambda: telegram.waiting == 4, "the edit", timeout_s=5)

    second = visit(SOURCE)
    put_together()
    third = visit(SOURCE)

    assert received(database) == [
        ("1", 1, "Дамба готова", 0),
        ("2", 1, "Альбом", 2),
        ("1", 2, "Дамба почти готова", 0),
    ]
    assert [row.problem for row in (first, second, third)] == ["", "", ""]
    assert second.memory["offset"] == first.memory["offset"] + 1
    assert (third.memory["offset"], telegram.waiting) == (0, 0)


def test_a_visit_waits_for_posts(add, visit, channel, telegram, put_together, database):
    add(listens_s=1)
    visit(SOURCE)
    waiting = threading.Thread(target=visit, args=(SOURCE,))
    waiting.start()
    wait_until(lambda: telegram.is_asked, "the question", timeout_s=5)

    channel.publish("Дамба готова")
    waiting.join(10)
    put_together()

    assert received(database) == [("1", 1, "Дамба готова", 0)]


def test_what_is_told_again_after_a_lost_offset_is_no_news(add, published, visit, put_together, database):
    add()
    published("Дамба готова")
    visit(SOURCE)
    put_together()
    with database.connection() as connection:
        connection.execute("UPDATE source SET memory = '{}'")

    visit(SOURCE)
    put_together()

    assert received(database) == [("1", 1, "Дамба готова", 0)]
    with database.connection() as connection:
        assert connection.execute("SELECT generation FROM post").fetchall() == [(1,)]


def test_an_update_that_cannot_be_read_is_kept_and_stops_no_other(
    add, published, telegram, visit, put_together, database, client
):
    add()
    telegram.tell_askers({"update_id": 3, "channel_post": {"message_id": "x"}})
    published("Дамба готова")

    visit(SOURCE)
    put_together()

    assert received(database) == [("1", 1, "Дамба готова", 0)]
    [trouble] = client.get(f"/sources/{SOURCE}/troubles").json()
    assert (trouble["place"], trouble["reason"]) == ("update", "channel_post: KeyError: 'chat'")
    assert client.get(f"/originals/{trouble['raw_id']}").json()["update_id"] == 3


def test_a_bot_with_a_webhook_is_told_of_with_what_to_do(add, visit, telegram):
    telegram.webhook = {"url": "https://another.example/hook"}
    add()

    row = visit(SOURCE)

    assert row.failures == 1
    assert row.problem == (
        "getUpdates: the bot has a webhook at https://another.example/hook, and Telegram tells its posts there and not to "
        "those who ask. Remove the webhook (deleteWebhook), or set `mode` to webhook and subscribe"
    )


def test_a_bot_that_somebody_else_asks_is_told_of_too(add, visit, telegram):
    add()
    with telegram.somebody_asks():
        row = visit(SOURCE)

    assert row.failures == 1
    assert row.problem.startswith("getUpdates: somebody else asks for this bot's updates, too.")


def test_one_source_asks_for_all_channels_of_a_bot(add, telegram, visit, put_together, database):
    add()
    add("telegram:orsk", channel="orsk_today", mode="shared")
    telegram.telegram.open_channel("orsk_today", "Орск сегодня").publish("Дамба готова")
    wait_until(lambda: telegram.waiting == 1, "the post", timeout_s=5)

    shared = visit("telegram:orsk")
    visit(SOURCE)
    put_together()

    assert shared.problem == ""
    assert [event["source"]["source_id"] for event in recorded_events(database)] == ["telegram:orsk"]


def test_a_public_page_out_of_reach_does_not_keep_posts_away(add, published, visit, put_together, database):
    add(preview_url="http://127.0.0.1:9")
    published("Дамба готова")

    row = visit(SOURCE)
    put_together()

    assert (row.failures, len(received(database))) == (0, 1)


def test_deletions_are_seen_on_the_public_page(add, published, channel, visit, put_together, database):
    add()
    for text in ("Первый", "Второй", "Третий"):
        published(text)
    visit(SOURCE)
    put_together()
    channel.delete(2)

    visit(SOURCE)

    assert len(recorded_events(database, "story.withdrawn_at_source.v1")) == 1


def test_a_test_run_shows_what_waits_and_takes_nothing_away(client, source, published, telegram):
    published("Дамба готова")
    published("Альбом", (), [Picture(JPEG), Picture(JPEG + b"2")], count=2)
    telegram.telegram.open_channel("other", "Другой").publish("Чужое")
    wait_until(lambda: telegram.waiting == 4, "all of them", timeout_s=5)

    shown = client.post("/sources/try", json=source()).json()

    assert [story["content"]["headline"] for story in shown["stories"]] == ["Дамба готова", "Альбом"]
    assert telegram.waiting == 4


@pytest.mark.parametrize("mode", ["polling", "shared"])
def test_only_a_source_with_a_door_has_it_told_to_telegram(add, client, telegram, mode):
    add(mode=mode)

    answer = client.put(f"/sources/{SOURCE}/subscription", json={"outside_url": "https://news.example"})

    assert answer.status_code == 422
    assert answer.json()["detail"] == f"setWebhook: the source's `mode` is {mode}; set it to webhook first"
    assert telegram.webhook == {}


@pytest.mark.parametrize(("mode", "secret"), [("webhook", ""), ("polling", "short"), ("webhook", "ж" * 20)])
def test_a_door_wants_a_good_secret(client, source, mode, secret):
    answer = client.post("/sources", json=source(mode=mode, webhook_secret=secret))

    assert answer.status_code == 422
    assert "webhook_secret: must be 16 to 256 of A-Z a-z 0-9 _ -" in json.dumps(answer.json(), ensure_ascii=False)
