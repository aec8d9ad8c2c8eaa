"""Channels against fakes that speak their protocols: what is posted, edited, deleted, and what happens when they say no."""

import base64
import hashlib
import hmac
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from publication.channels import ChannelRefused, Telling
from publication.channels.telegram import Telegram, compose, cut, units
from publication.domain.page import picture
from publication.handlers.channels import pause, tell_channels
from publication.store.posts import Posts

from .building import HEADLINE, number, photo, story

SECRET = base64.b64encode(b"a secret of enough length").decode()


class Fake:
    """An HTTP server on loopback. `answers` maps what a path ends with to (status, JSON) or a function of the body."""

    def __init__(self):
        self.calls = []
        self.answers = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self):
                raw = self.rfile.read(int(self.headers.get("content-length", 0)))
                parts = urlsplit(self.path)
                kind = self.headers.get("content-type", "")
                body = json.loads(raw) if "json" in kind and raw else parse_qs(raw.decode())
                fake.calls.append((self.command, parts.path, parse_qs(parts.query), body, dict(self.headers), raw))
                key = next((end for end in fake.answers if parts.path.endswith(end)), None)
                found = fake.answers.get(key, (200, {"ok": True, "result": True}))
                status, value = found(body) if callable(found) else found
                out = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that the class looks for

            def log_message(self, *_args):
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def fake():
    server = Fake()
    yield server
    server.stop()


def telling(pictures=1, **changes):
    given = {
        "story_id": str(number(1)),
        "version": 1,
        "headline": HEADLINE,
        "lede": "Губернатор рассказал о <маршрутах> & ценах.",
        "url": "https://vestnik.example/news/a.html",
        "tags": (),
        "pictures": tuple(picture(photo(value)) for value in range(1, pictures + 1)),
    }
    return Telling(**(given | changes))


def test_a_telegram_caption_keeps_to_1024_units_whatever_the_words():
    text = compose(telling(headline="🐎" * 600, lede="слово " * 900), 1_024)

    shown = text.replace("<b>", "").replace("</b>", "").partition("<a ")[0] + "https://vestnik.example/news/a.html"
    assert units(shown) <= 1_024
    assert cut("один два три", 9) == "один два…"
    assert cut("один", 4) == "один"
    assert compose(telling(), 4_096) == (
        f"<b>{HEADLINE}</b>\n\nГубернатор рассказал о &lt;маршрутах&gt; &amp; ценах.\n\n"
        '<a href="https://vestnik.example/news/a.html">https://vestnik.example/news/a.html</a>'
    )


@pytest.mark.parametrize(
    ("pictures", "method", "sent"),
    [(0, "sendMessage", 0), (1, "sendPhoto", 1), (3, "sendMediaGroup", 3), (14, "sendMediaGroup", 10)],
)
def test_telegram_gets_text_a_photo_or_an_album_of_ten_at_most(fake, pictures, method, sent):
    one = {"message_id": 7}
    fake.answers = {
        method: (200, {"ok": True, "result": one}),
        "sendMediaGroup": lambda body: (
            200,
            {"ok": True, "result": [{"message_id": 7 + place} for place in range(len(body["media"]))]},
        ),
    }

    told = Telegram(fake.url, "42:abc", "@vestnik").show(telling(pictures), None)

    [(_, path, _, body, _, _)] = fake.calls
    assert path == f"/bot42:abc/{method}"
    assert body["chat_id"] == "@vestnik"
    assert len(body.get("media", [body["photo"]] if "photo" in body else [])) == sent
    assert told.url == "https://t.me/vestnik/7"
    assert len(told.reference["messages"]) == max(sent, 1)


def test_telegram_edits_on_correction_and_deletes_on_kill_and_takes_no_change_for_done(fake):
    channel = Telegram(fake.url, "42:abc", "@vestnik")
    reference = {"messages": [7, 8], "kind": "caption"}
    fake.answers = {"editMessageCaption": (400, {"ok": False, "description": "Bad Request: message is not modified"})}

    channel.show(telling(2), reference)
    channel.hide(telling(2), reference)

    assert [
        (path.rpartition("/")[2], body.get("message_id"), body.get("message_ids"))
        for _, path, _, body, _, _ in fake.calls
    ] == [
        ("editMessageCaption", 7, None),
        ("deleteMessages", None, [7, 8]),
    ]
    fake.answers = {"sendPhoto": (403, {"ok": False, "description": "Forbidden: bot is not a member"})}
    with pytest.raises(ChannelRefused, match="bot is not a member"):
        channel.show(telling(1), None)


def test_pauses_grow_to_an_hour_and_end():
    assert timedelta(seconds=4) <= pause(0, None) <= timedelta(seconds=6)
    assert timedelta(seconds=2_880) <= pause(10, None) <= timedelta(seconds=4_320)
    assert pause(0, 33.0) == timedelta(seconds=33)
    assert pause(11, None) is None


@pytest.fixture
def wired(build, fake):
    fake.answers = {
        "sendMediaGroup": lambda body: (
            200,
            {"ok": True, "result": [{"message_id": place + 1} for place in range(len(body["media"]))]},
        ),
        "wall.post": (200, {"response": {"post_id": 55}}),
        "wall.edit": (200, {"response": {"post_id": 55}}),
        "/max/messages": (200, {"success": True, "message": {"body": {"mid": "m1"}, "url": "https://max.example/m1"}}),
    }
    return build(
        channels=(
            {"name": "telegram", "kind": "telegram", "url": fake.url, "token": "42:abc", "chat": "@vestnik"},
            {"name": "max", "kind": "max", "url": f"{fake.url}/max", "token": "t", "chat": "900"},
            {"name": "vk", "kind": "vk", "url": f"{fake.url}/vk", "token": "t", "chat": "-12"},
            {"name": "indexnow", "kind": "indexnow", "url": f"{fake.url}/indexnow", "token": "a1b2c3"},
            {"name": "websub", "kind": "websub", "url": f"{fake.url}/hub"},
            {"name": "cdn", "kind": "cdn", "url": f"{fake.url}/purge", "token": SECRET},
        )
    )


def states(newsroom):
    with newsroom.database.connection() as connection:
        return {one["channel"]: (one["state"], one["version"]) for one in Posts(connection).of_story(number(1))}


@pytest.mark.stack
def test_every_channel_follows_a_story_from_publication_over_correction_to_kill(wired, fake):
    url = wired.publish(1)
    tell_channels(wired.database, wired.press)
    after_publication = states(wired)
    first = [(method, path) for method, path, *_ in fake.calls]
    wired.publish(1, 2, "correct", headline="Исправлено")
    fake.calls.clear()
    tell_channels(wired.database, wired.press)
    after_correction = states(wired)
    second = {(method, path) for method, path, *_ in fake.calls}
    wired.publish(1, 3, "kill", reason="Ошибка.")
    fake.calls.clear()
    tell_channels(wired.database, wired.press)
    tell_channels(wired.database, wired.press)

    assert set(after_publication.values()) == {("posted", 1)}
    assert set(after_correction.values()) == {("edited", 2)}
    assert set(states(wired).values()) == {("deleted", 3)}
    assert {
        ("POST", "/bot42:abc/sendMediaGroup"),
        ("POST", "/max/messages"),
        ("POST", "/vk/method/wall.post"),
        ("POST", "/indexnow"),
    } <= set(first)
    assert first.count(("POST", "/hub")) == 3
    assert {
        ("POST", "/bot42:abc/editMessageCaption"),
        ("PUT", "/max/messages"),
        ("POST", "/vk/method/wall.edit"),
    } <= second
    third = [(method, path) for method, path, *_ in fake.calls]
    assert {
        ("POST", "/bot42:abc/deleteMessages"),
        ("DELETE", "/max/messages"),
        ("POST", "/vk/method/wall.delete"),
    } <= set(third)
    assert len(third) == len(set(third)) + 2  # three feeds for the hub, nothing twice
    _, _, _, body, headers, raw = next(call for call in fake.calls if call[1] == "/purge")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
    wanted = base64.b64encode(hmac.new(base64.b64decode(SECRET), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert url in body["data"]["urls"]
    facts = wired.facts("channel.changed.v1")
    assert sorted((one["channel"], one["state"]) for one in facts if one["version"] == 3) == sorted(
        (name, "deleted") for name in states(wired)
    )
    key = wired.get(f"{wired.url('')}a1b2c3.txt")
    assert key == (200, "text/plain; charset=utf-8", "a1b2c3")


@pytest.mark.stack
def test_a_channel_that_is_down_is_tried_again_as_it_asks_and_holds_up_no_other(wired, fake):
    fake.answers["sendMediaGroup"] = (
        429,
        {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 40}},
    )
    fake.answers["wall.post"] = (200, {"error": {"error_code": 15, "error_msg": "Access denied"}})
    wired.publish(1)

    tell_channels(wired.database, wired.press)

    with wired.database.connection() as connection:
        posts = {one["channel"]: one for one in Posts(connection).of_story(number(1))}
    telegram, vk = posts["telegram"], posts["vk"]
    wait_s = (telegram["next_attempt_at"] - telegram["changed_at"]).total_seconds()
    assert (telegram["state"], telegram["attempts"], wait_s) == ("failed", 1, 40)
    assert (vk["state"], vk["detail"], vk["next_attempt_at"]) == ("failed", "VK wall.post: Access denied (15)", None)
    assert posts["max"]["state"] == posts["cdn"]["state"] == "posted"


@pytest.mark.stack
def test_a_story_that_was_never_posted_is_not_deleted_from_a_channel(build, fake):
    newsroom = build()
    newsroom.publish(1)
    late = build(channels=({"name": "telegram", "kind": "telegram", "url": fake.url, "token": "42:abc", "chat": "@v"},))

    late.handle()
    with late.database.unit_of_work() as uow:
        Posts(uow.connection).want(story(1, state="killed", version=2), ["telegram"])
    tell_channels(late.database, late.press)

    assert fake.calls == []
