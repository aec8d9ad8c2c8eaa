import base64
import json
import threading
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fastapi.testclient import TestClient
from standardwebhooks.webhooks import Webhook

from stack.partner import LONGEST_BODY, create_app
from stack.processes import wait_until

pytestmark = pytest.mark.timeout(30)

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes, ok").decode()
STORY = "0198a3c2-0000-7000-8000-000000000001"


@pytest.fixture
def newsroom():
    """Where the partner pulls from: what is put into `.pages` answers there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page = server.pages.get(self.path)
            self.send_response(200 if page is not None else 404)
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.pages = {}
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path


@pytest.fixture
def partner(folder):
    with TestClient(create_app(folder)) as client:
        yield client


def item(newsroom, version="1", **more):
    return {
        "uri": f"{newsroom.url}/news/a.html",
        "altIds": [{"role": "storyId", "value": STORY}],
        "version": version,
        "pubStatus": "usable",
        "headlines": [{"role": "main", "value": "Дамба готова <почти>"}],
        "descriptions": [{"role": "summary", "value": "Осталось 600 метров."}],
        **more,
    }


def send(partner, data, kind="story.published", secret=SECRET):
    message_id, now = f"msg_{uuid.uuid4().hex}", datetime.now(UTC)
    body = json.dumps({"type": kind, "timestamp": now.isoformat(), "data": data}, ensure_ascii=False)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body),
    }
    return partner.post("/webhook", content=body.encode(), headers=headers)


def story(partner):
    return partner.get("/received").json()["stories"][STORY]


def test_a_signed_story_is_kept_pulled_and_shown(partner, newsroom):
    photo = {
        "name": "main",
        "by": "Пресс-служба",
        "descriptions": [{"role": "alt", "value": "Насыпь"}],
        "renditions": [
            {"name": "w320", "contentType": "image/jpeg", "href": f"{newsroom.url}/p.jpg", "width": 320, "height": 240}
        ],
    }
    newsroom.pages["/p.jpg"] = b"12345"
    newsroom.pages["/news/a.json"] = json.dumps(item(newsroom, associations=[photo])).encode()

    answer = send(partner, item(newsroom))

    assert answer.json() == {"taken": True}
    wait_until(lambda: story(partner)["pulled"], "the pull", timeout_s=10)
    assert story(partner)["pulled"] == {"version": "1", "photo_bytes": 5}
    page = partner.get("/").text
    assert "Дамба готова &lt;почти&gt;" in page
    assert "Осталось 600 метров." in page
    assert "Фото: Пресс-служба" in page
    assert "alt='Насыпь'" in page


def test_a_thin_message_is_filled_from_its_data_url(partner, newsroom):
    newsroom.pages["/signed/7?key=x"] = json.dumps(item(newsroom)).encode()
    thin = {name: value for name, value in item(newsroom).items() if name in ("uri", "altIds", "version")}

    send(partner, {**thin, "data_url": f"{newsroom.url}/signed/7?key=x"})

    wait_until(lambda: story(partner)["pulled"], "the pull", timeout_s=10)
    assert story(partner)["item"]["headlines"][0]["value"] == "Дамба готова <почти>"


def test_a_correction_takes_the_place_of_what_was_and_says_so(partner, newsroom):
    send(partner, item(newsroom))

    note = {"role": "correction", "value": "Осталось 400 метров, а не 600."}
    send(partner, item(newsroom, "2", descriptions=[note]), "story.corrected")

    assert [(one["version"], one["type"]) for one in story(partner)["versions"]] == [
        ("1", "story.published"),
        ("2", "story.corrected"),
    ]
    assert "Исправлено: Осталось 400 метров, а не 600." in partner.get("/").text


def test_a_killed_story_is_gone_and_its_reason_stays(partner, newsroom):
    send(partner, item(newsroom))

    killed = {name: item(newsroom, "2")[name] for name in ("uri", "altIds", "version")}
    send(partner, {**killed, "pubStatus": "canceled", "edNote": "Сведения не подтвердились."}, "story.killed")

    page = partner.get("/").text
    assert "Дамба" not in page
    assert "Материал снят" in page
    assert "Сведения не подтвердились." in page


def test_an_older_version_that_comes_late_changes_nothing_but_is_noted(partner, newsroom):
    send(partner, item(newsroom, "3"))

    send(partner, item(newsroom, "2", headlines=[{"value": "старое"}]))

    assert story(partner)["version"] == "3"
    assert "старое" not in partner.get("/").text
    assert [one["version"] for one in partner.get("/received").json()["webhooks"]] == ["3", "2"]


def test_a_story_that_cannot_be_pulled_is_kept_as_it_came(partner, newsroom, caplog):
    send(partner, item(newsroom))

    wait_until(lambda: "cannot be pulled" in caplog.text, "the complaint", timeout_s=10)
    assert story(partner)["pulled"] == {}
    assert story(partner)["item"]["version"] == "1"


@pytest.mark.parametrize("secret", ["whsec_" + base64.b64encode(b"somebody else's secret, 32 bytes").decode()])
def test_a_message_signed_by_another_is_refused_and_nothing_is_kept(partner, newsroom, secret):
    answer = send(partner, item(newsroom), secret=secret)

    assert answer.status_code == 401
    assert partner.get("/received").json() == {"stories": {}, "webhooks": []}


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"{}"])
def test_rubbish_without_a_signature_is_refused(partner, body):
    assert partner.post("/webhook", content=body).status_code == 401


def test_a_body_without_end_is_refused(partner):
    assert partner.post("/webhook", content=b"a" * (LONGEST_BODY + 1)).status_code == 413


def test_a_signed_challenge_is_said_back_and_is_no_story(partner):
    answer = send(partner, {"challenge": "корова-42"}, "endpoint.challenge")

    assert answer.json() == {"challenge": "корова-42"}
    assert partner.get("/received").json()["webhooks"] == []


def test_an_unsigned_challenge_is_said_back_only_while_we_are_subscribing(tmp_path):
    body = json.dumps({"type": "endpoint.challenge", "data": {"challenge": "x1"}})
    with TestClient(create_app(tmp_path)) as partner:
        before = partner.post("/webhook", content=body).status_code
        (tmp_path / "expecting").touch()
        asked = partner.post("/webhook", content=body).json()
        (tmp_path / "expecting").unlink()
        after = partner.post("/webhook", content=body).status_code

    assert (before, asked, after) == (401, {"challenge": "x1"}, 401)


def test_what_was_received_survives_a_restart(folder, newsroom):
    with TestClient(create_app(folder)) as partner:
        send(partner, item(newsroom))

    with TestClient(create_app(folder)) as again:
        assert story(again)["version"] == "1"
