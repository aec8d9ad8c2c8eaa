"""Our own Telegram keeps its posts over restarts, and the demo's post is one that Telegram could send."""

import json
import urllib.request

import pytest

from stack.demo import web
from stack.demo.stories import CLINICS, STORIES
from stack.telegram.server import Server

CHANNEL = {"channel": "solntsev_official", "title": "Евгений Солнцев", "next_id": 1204}


def publish(server, text, pictures=()):
    given = {**CHANNEL, "text": text, "entities": [], "pictures": list(pictures)}
    return web.call("POST", f"{server.url}/app/publish", given)


def test_posts_files_and_numbers_are_there_after_a_restart(tmp_path):
    first = Server(folder=tmp_path).start()
    picture = {"body": "/9j/4A==", "width": 2560, "height": 1920}
    assert publish(first, "Альбом", [picture, picture]) == [1204, 1205]
    first.stop()

    second = Server(folder=tmp_path).start()

    assert [one["message_id"] for one in web.call("POST", f"{second.url}/app/read", CHANNEL)] == [1204, 1205]
    assert publish(second, "Ещё") == [1206]
    file_id = second.telegram.channels["solntsev_official"].messages[1204]["photo"][-1]["file_id"]
    found = web.call("GET", f"{second.url}/bot{second.token}/getFile?file_id={file_id}")["result"]
    with urllib.request.urlopen(f"{second.url}/file/bot{second.token}/{found['file_path']}") as answer:
        assert answer.read() == b"\xff\xd8\xff\xe0"
    second.stop()


def test_a_bot_with_a_wrong_token_is_refused():
    server = Server().start()

    with pytest.raises(web.WebError, match=r'401 .*"Unauthorized"'):
        web.call("GET", f"{server.url}/bot1:x/getMe")
    server.stop()


def test_every_mark_of_the_demos_post_stands_on_its_words():
    units = CLINICS.text.encode("utf-16-le")

    for mark, (shown, _, _) in zip(CLINICS.entities, CLINICS.marks, strict=True):
        end = mark["offset"] + mark["length"]
        assert units[mark["offset"] * 2 : end * 2].decode("utf-16-le") == shown
    assert len(CLINICS.text) <= 1024, "a caption that Telegram takes"
    assert json.dumps(CLINICS.entities)
    names = [photo.name for story in (CLINICS, *STORIES) for photo in story.photos]
    assert len(names) == len(set(names))
