"""A channel of MAX through a bot, against a server that speaks its Bot API: webhook, long polling, marks, edits, deletions."""

import json
import threading

import pytest

from chassis.testing import recorded_events
from ingestion.domain.items import Trouble
from ingestion.domain.max_messages import MaxChannel, parse
from ingestion.handlers.gathering import compose
from ingestion.store.posts import Posts

from .fakes.max_server import CHAT_ID, TOKEN, MaxServer

SECRET = "a-secret-of-sixteen-and-more"
JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100
CHANNEL = MaxChannel(CHAT_ID, "Евгений Солнцев", "", "https://max.ru/solntsev")
stack = pytest.mark.stack


@pytest.fixture
def max_server():
    with MaxServer() as server:
        yield server


@pytest.fixture
def add(client, max_server):
    def go(status=201, **more):
        settings = {
            "chat_id": CHAT_ID,
            "title": "Евгений Солнцев",
            "channel_url": "https://max.ru/solntsev",
            "credit": "канал Евгения Солнцева в MAX",
            "bot_token": TOKEN,
            "webhook_secret": SECRET,
            "api_url": max_server.url,
            **more,
        }
        source = {"source_id": "max:solntsev", "kind": "max", "name": "MAX Солнцева", "settings": settings}
        answer = client.post("/sources", json=source)
        assert answer.status_code == status, answer.text
        return answer.json()

    return go


@pytest.fixture
def door(client):
    def go(update, secret=SECRET):
        body = update if isinstance(update, bytes) else json.dumps(update).encode()
        return client.post("/max/max:solntsev", content=body, headers={"x-max-bot-api-secret": secret})

    return go


@pytest.fixture
def put_together(intake, our_settings):
    def go():
        with intake.database.connection() as connection:
            posts = Posts(connection).lease_due(10, 60)
        for post in posts:
            compose(post, intake, our_settings.vault)

    return go


def received(database):
    return recorded_events(database, "story.received.v1")


def summary(database):
    return [(event["external_id"], event["content"]["headline"], event["revision"]) for event in received(database)]


def parts(*updates):
    return list(parse(json.dumps({"updates": updates, "marker": 7}).encode(), CHANNEL))


def test_marks_photos_and_other_media_of_a_message(max_server):
    text = "🎉 Мост открыт\n\nДвижение пустили. Подробности\n\n#Орск"
    markup = [
        {"type": "strong", "from": 3, "length": 11},
        {"type": "link", "from": text.index("Подр") + 1, "length": 11, "url": 'https://x.example/?a="1"'},
        {"type": "highlighted", "from": 16, "length": 3},
    ]
    update = max_server.publish("mid.1", text, markup, [JPEG, JPEG])
    update["message"]["body"]["attachments"] += [
        {"type": "video", "payload": {"url": "https://v.example/1", "token": "t"}},
        {"type": "share", "payload": {"url": "https://orsk.example/1"}, "title": "Орск"},
    ]

    [item] = parts(update)

    form = item.form
    assert (form.headline, form.tags, form.external_id) == ("Мост открыт", ["Орск"], "mid.1")
    assert form.body[0].html == 'Движение пустили. <a href="https://x.example/?a=&quot;1&quot;">Подробности</a>'
    assert [(image.url, image.credit, image.credit_url) for image in form.images] == [
        (f"{max_server.url}/i?r={name}", "канал «Евгений Солнцев» в MAX", "https://max.ru/solntsev")
        for name in ("p0", "p1")
    ]
    assert [(block.url, block.title) for block in form.body if block.kind == "embed"] == [
        ("https://max.ru/solntsev/1", "Видео"),
        ("https://orsk.example/1", "Орск"),
    ]
    assert (form.canonical_url, form.published_at.isoformat()) == (
        "https://max.ru/solntsev/1",
        "2026-11-16T09:00:00+00:00",
    )


def test_of_a_message_told_twice_the_last_state_counts_and_other_chats_do_not(max_server):
    first, edited = max_server.publish("mid.1", "Мост открыт"), max_server.edit("mid.1", "Мост закрыт")
    other = max_server.publish("mid.2", "Чужое", chat_id=-1)

    assert [item.form.headline for item in parts(first, edited, other, {"update_type": "bot_added"})] == ["Мост закрыт"]


def test_a_forwarded_message_brings_the_first_ones_words(max_server):
    first = max_server.message("mid.0", "Дамба готова", (), [JPEG])["body"]
    update = max_server.publish("mid.1", link={"type": "forward", "chat_id": -5, "message": first})

    [item] = parts(update)

    assert (item.form.headline, len(item.form.images), item.form.external_id) == ("Дамба готова", 1, "mid.1")


@pytest.mark.parametrize(
    "body", [b"{", b"7", b"[7]", b'{"updates": 7}', b'[{"update_type": "message_created"}]', b'{"marker": 1}']
)
def test_what_are_no_updates_is_told_plainly(body):
    [trouble] = parse(body, CHANNEL)

    assert isinstance(trouble, Trouble)
    assert trouble.reason.startswith("are no updates of MAX: ")


def test_one_message_without_a_body_troubles_only_itself(max_server):
    broken = max_server.publish("mid.1", "Мост")
    broken["message"]["body"]["attachments"] = [{"type": "image"}]

    trouble, item = parts(broken, max_server.publish("mid.2", "Дамба"))

    assert (trouble, item.form.headline) == (Trouble("post mid.1", "KeyError: 'payload'"), "Дамба")


@stack
def test_posts_edits_and_deletions_come_to_the_door(add, door, put_together, database, max_server, private_bucket):
    add()
    door(max_server.publish("mid.1", "Мост открыт", (), [JPEG]))
    put_together()
    edited = max_server.edit("mid.1", "Мост закрыт")
    answers = [door(edited).json(), door(edited).json(), door(max_server.updates[0]).json()]
    put_together()
    door(max_server.remove("mid.1"))
    put_together()

    assert answers == [{"is_news": True}, {"is_news": False}, {"is_news": False}]
    assert [event["content"]["headline"] for event in received(database)] == ["Мост открыт", "Мост закрыт"]
    [image] = received(database)[0]["content"]["images"]
    assert private_bucket.get(image["original"]["key"]) == JPEG
    assert (image["credit"], received(database)[0]["source"]["kind"]) == ("канал Евгения Солнцева в MAX", "max")
    [withdrawn] = recorded_events(database, "story.withdrawn_at_source.v1")
    assert withdrawn["revision"] == 3


@stack
@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x"])
def test_a_stranger_is_turned_away(add, door, database, max_server, secret):
    add()

    assert door(max_server.publish("mid.1", "Мост"), secret).status_code == 401
    with database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM post_message").fetchone() == (0,)


@stack
@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"7", 400), (b'{"update_type": "message_created"}', 400), (b'{"update_type": "bot_added"}', 200)]
)  # fmt: skip
def test_what_is_no_message_changes_nothing(add, door, body, status):
    add()

    assert door(body).status_code == status


@stack
def test_a_door_without_a_secret_is_refused_when_it_is_added(add):
    problem = add(422, webhook_secret="")

    assert "webhook_secret: must be 16 to 256" in problem["detail"]


@stack
def test_max_is_asked_to_tell_us_and_its_refusal_is_shown(add, client, max_server):
    add()

    good = client.put("/sources/max:solntsev/subscription", json={"outside_url": "https://news.example/in"})
    bad = client.put("/sources/max:solntsev/subscription", json={"outside_url": "https://refused.example"})

    assert good.json() == {"address": "https://news.example/in/max/max%3Asolntsev"}
    assert max_server.subscription == {
        "url": "https://news.example/in/max/max%3Asolntsev",
        "update_types": ["message_created", "message_edited", "message_removed"],
        "secret": SECRET,
    }
    assert (bad.status_code, bad.json()["detail"]) == (422, "POST /subscriptions: the address is not allowed")


@stack
def test_polling_goes_on_from_its_marker_and_waits_for_what_happens(add, database, max_server, visit):
    add(mode="polling", webhook_secret="", listens_s=1)
    max_server.publish("mid.1", "Мост открыт")
    visit("max:solntsev")
    later = threading.Timer(0.3, lambda: (max_server.edit("mid.1", "Мост закрыт"), max_server.remove("mid.1")))
    later.start()

    row = visit("max:solntsev")

    later.join()
    if not recorded_events(database, "story.withdrawn_at_source.v1"):
        row = visit("max:solntsev")  # the deletion came just after the answer
    assert row.problem == ""
    assert [one.get("timeout") for one in max_server.asked][:2] == ["0", "1"]
    assert max_server.asked[1]["marker"] == "1"
    assert len(recorded_events(database, "story.withdrawn_at_source.v1")) == 1


@stack
def test_a_wrong_token_is_the_sources_problem_and_stays_unsaid(add, max_server, visit):
    add(mode="polling", bot_token="wrong-token-of-max")

    row = visit("max:solntsev")

    assert "answered 401" in row.problem
    assert "wrong-token" not in row.problem
