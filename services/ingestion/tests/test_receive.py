"""POST /stories against a real database and a real S3."""

import json

import pytest

from chassis.addresses import parse_networks
from chassis.testing import recorded_events
from ingestion.settings import Settings

pytestmark = pytest.mark.stack

STORY = {
    "source": {
        "source_id": "telegram:orsk",
        "name": "Администрация Орска",
        "kind": "telegram",
        "url": "https://t.me/orsk",
    },
    "external_id": "877",
    "headline": 'Орск достроит "дамбу" - к марту',
    "lede": "Осталось 600 метров.",
    "body": "Первый абзац.\n\nВторой абзац.",
    "rubrics": ["Общество"],
    "tags": ["Орск"],
}
JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100


def push(client, story, files=None, **headers):
    if files is None:
        return client.post("/stories", json=story, headers=headers)
    parts = [("story", (None, json.dumps(story)))] + [
        (name, (name, body, "image/jpeg")) for name, body in files.items()
    ]
    return client.post("/stories", files=parts, headers=headers)


def test_a_story_is_received_in_normal_form(client, database):
    answer = push(client, STORY)

    [event] = recorded_events(database)
    assert answer.status_code == 202
    assert answer.json() == {"story_id": event["story_id"], "revision": 1, "status": "received"}
    assert event["content"]["headline"] == "Орск достроит «дамбу»\u00a0— к\u00a0марту"
    assert [block["html"] for block in event["content"]["blocks"]] == ["Первый абзац.", "Второй абзац."]
    assert (event["content"]["language"], event["external_id"], event["source"]["name"]) == (
        "ru",
        "877",
        "Администрация Орска",
    )


def test_photos_are_kept_under_their_content_and_their_words_taken_apart(client, database, private_bucket):
    images = [
        {"file": "a.jpg", "caption": "Дамба | Фото: администрация Орска / t.me/orsk"},
        {"file": "b.jpg", "credit": "Пётр"},
    ]

    push(client, {**STORY, "images": images}, {"a.jpg": JPEG, "b.jpg": JPEG + b"2"})

    [event] = recorded_events(database)
    first, second = event["content"]["images"]
    assert (first["caption"], first["credit"], first["credit_url"]) == (
        "Дамба",
        "администрация Орска",
        "https://t.me/orsk",
    )
    assert second["credit"] == "Пётр"
    assert private_bucket.get(first["original"]["key"]) == JPEG
    assert first["original"]["size_bytes"] == len(JPEG)
    assert event["content"]["lead_image_id"] == first["image_id"]
    assert event["content"]["blocks"][-1] == {"kind": "image", "image_id": second["image_id"]}


def test_the_raw_original_is_archived(client, database, private_bucket):
    push(client, STORY)

    [event] = recorded_events(database)
    assert json.loads(private_bucket.get(event["raw_key"])) == STORY


def test_the_same_content_again_is_no_news(client, database):
    first, second = push(client, STORY), push(client, STORY)

    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json() == {**first.json(), "status": "unchanged"}
    assert len(recorded_events(database)) == 1


def test_changed_content_is_the_next_revision_of_the_same_story(client, database):
    first = push(client, STORY).json()
    second = push(client, {**STORY, "lede": "Осталось 500 метров."}).json()

    assert second == {"story_id": first["story_id"], "revision": 2, "status": "received"}
    assert [event["revision"] for event in recorded_events(database)] == [1, 2]


def test_a_changed_photo_under_the_same_name_is_a_new_revision(client):
    story = {**STORY, "images": [{"file": "a.jpg"}]}

    revisions = [push(client, story, {"a.jpg": body}).json()["revision"] for body in (JPEG, JPEG + b"2")]

    assert revisions == [1, 2]


def test_an_idempotency_key_is_answered_the_same(client, database):
    first = push(client, STORY, **{"Idempotency-Key": "k1"})
    again = push(client, STORY, **{"Idempotency-Key": "k1"})
    other = push(client, {**STORY, "lede": "Другое"}, **{"Idempotency-Key": "k1"})

    assert again.json()["story_id"] == first.json()["story_id"]
    assert (other.status_code, other.json()["type"]) == (409, "urn:depesha:problem:idempotency-key-reused")
    assert len(recorded_events(database)) == 1


def test_urgent_news_goes_in_the_urgent_lane(client, database):
    push(client, {**STORY, "urgency": 1})

    with database.connection() as connection:
        assert connection.execute("SELECT DISTINCT priority FROM ledger.delivery").fetchall() == [(0,)]


def test_a_program_that_pushes_is_a_source_with_its_numbers(client, database):
    push(client, STORY)
    push(client, {**STORY, "external_id": "878"})

    shown = client.get("/sources/telegram:orsk").json()

    told = {
        name: shown[name] for name in ("kind", "name", "url", "state", "items_day", "items_all", "is_quiet", "due_at")
    }
    assert told == {
        "kind": "push",
        "name": "Администрация Орска",
        "url": "https://t.me/orsk",
        "state": "active",
        "items_day": 2,
        "items_all": 2,
        "is_quiet": False,
        "due_at": None,
    }


def test_a_program_that_pushes_no_more_is_strangely_quiet_after_a_week(client, database):
    push(client, STORY)

    def is_quiet(days):
        with database.connection() as connection:
            connection.execute("UPDATE item SET received_at = now() - make_interval(days => %s)", (days,))
        return client.get("/sources/telegram:orsk").json()["is_quiet"]

    assert [is_quiet(6), is_quiet(8)] == [False, True]
    assert 'depesha_source_quiet_seconds{source="telegram:orsk"} 86400' in client.get("/metrics").text


def test_what_an_editor_called_a_source_stays(client):
    push(client, STORY)
    client.patch("/sources/telegram:orsk", json={"name": "Мэрия", "quiet_after_s": 3600})

    push(client, {**STORY, "external_id": "878"})

    shown = client.get("/sources/telegram:orsk").json()
    assert (shown["name"], shown["quiet_after_s"]) == ("Мэрия", 3600)


def test_nothing_is_taken_from_a_paused_source_and_all_of_it_once_it_is_resumed(client, database):
    push(client, STORY)
    client.put("/sources/telegram:orsk/state", json={"state": "paused"})
    changed = {**STORY, "lede": "Осталось 500 метров."}

    refused = push(client, changed)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:depesha:problem:source-paused")
    assert len(recorded_events(database)) == 1
    client.put("/sources/telegram:orsk/state", json={"state": "active"})

    assert push(client, changed).json()["revision"] == 2


def test_nobody_pushes_in_the_name_of_a_source_that_we_visit(client, database):
    channel = {"source_id": "telegram:orsk", "kind": "folder", "name": "Орск"}
    assert client.post("/sources", json=channel).status_code == 201

    refused = push(client, STORY)

    assert (refused.status_code, refused.json()["type"]) == (409, "urn:depesha:problem:source-not-pushed")
    assert refused.json()["errors"][0]["pointer"] == "/body/source/source_id"
    assert recorded_events(database) == []
    assert client.get("/sources/telegram:orsk/items").json() == []


def test_a_whole_number_with_a_point_is_an_integer_as_json_schema_has_it(client):
    assert push(client, {**STORY, "urgency": 3.0}).status_code == 202


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"headline": ""}, "/body/headline"),
        ({"headline": "x" * 501}, "/body/headline"),
        ({"mood": "sad"}, "/body/mood"),
        ({"urgency": 10}, "/body/urgency"),
        ({"urgency": 3.5}, "/body/urgency"),
        ({"urgency": "3"}, "/body/urgency"),
        ({"urgency": True}, "/body/urgency"),
        ({"images": [{"file": "a.jpg", "url": "https://x.example/a.jpg"}]}, "/body/images/0"),
        ({"images": [{"url": "ftp://x.example/a.jpg"}]}, "/body/images/0/url"),
        ({"images": [{"file": "a.jpg"}]}, "/images/0/file"),
        ({"body": [{"kind": "image", "image": 0}]}, "/body"),
        (
            {"body": [{"kind": "poem", "html": "x"}]},
            "/body/body/list[tagged-union[ParagraphForm,HeadingForm,QuoteForm,ListForm,ImagePlaceForm,EmbedForm]]/0",
        ),
        ({"published_at": "2026-11-12T10:00:00"}, "/body/published_at"),
        ({"images": [{"url": "http://10.1.2.3/a.jpg"}]}, "/images/0/url"),
    ],
)
def test_a_wrong_story_is_refused_whole_with_the_field_named(client, database, change, pointer):
    answer = push(client, {**STORY, **change})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointer in [one["pointer"] for one in answer.json()["errors"]]
    assert recorded_events(database) == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 422),
        (b'{"headline": "\xff"}', "application/json", 422),
        (b"<story/>", "application/xml", 415),
        (b"", "application/json", 422),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422),
        (b"x", "multipart/form-data", 400),
    ],
)
def test_a_body_that_is_no_story_is_refused(client, database, body, kind, status):
    answer = client.post("/stories", content=body, headers={"content-type": kind})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert recorded_events(database) == []


def test_a_file_that_no_image_names_is_refused(client, database):
    answer = push(client, STORY, {"stray.jpg": JPEG})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"] == "no image names the file 'stray.jpg'"
    assert recorded_events(database) == []


def test_an_empty_file_is_refused(client):
    answer = push(client, {**STORY, "images": [{"file": "a.jpg"}]}, {"a.jpg": b""})

    assert answer.json()["errors"][0] == {"pointer": "/images/0/file", "detail": "has 0 bytes"}


@pytest.mark.parametrize(
    ("body", "blocks"),
    [
        ({"body": "слово " * 80_000}, 25),
        ({"body": "<" * 150_000}, 8),
        ({"body_html": f"<h2>{'слово ' * 2000}</h2>"}, 1),
        ({"body_html": f"<blockquote>{'слово ' * 30_000}</blockquote>"}, 10),
        ({"body_html": f"<ul><li>{'слово ' * 30_000}</ul>"}, 1),
    ],
)
def test_a_paragraph_longer_than_an_event_takes_becomes_several(client, database, body, blocks):
    assert push(client, {**STORY, "body": "", **body}).status_code == 202

    [event] = recorded_events(database)
    assert len(event["content"]["blocks"]) == blocks


@pytest.mark.parametrize("field", ["headline", "lede", "body", "body_html"])
def test_signs_that_no_database_takes_are_dropped(client, database, field):
    assert push(client, {**STORY, "body": "", field: "Те\x00к\u202eст"}).status_code == 202

    [event] = recorded_events(database)
    assert "Текст" in json.dumps(event["content"], ensure_ascii=False)


@pytest.mark.parametrize("field", ["authors", "rubrics", "tags"])
def test_signs_that_no_database_takes_are_dropped_from_lists(client, database, field):
    assert push(client, {**STORY, field: ["Те\x00кст"]}).status_code == 202

    [event] = recorded_events(database)
    assert event["content"][field] == ["Текст"]


@pytest.mark.parametrize("field", ["external_id", "canonical_url"])
def test_ids_and_addresses_lose_them_too(client, database, field):
    assert push(client, {**STORY, field: "https://x.example/\x00a"}).status_code == 202

    [event] = recorded_events(database)
    assert event[field] == "https://x.example/a"


def test_the_allowed_networks_must_be_networks(settings_for):
    assert parse_networks("127.0.0.0/8")
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 network"):
        Settings(**settings_for("ingestion"), allowed_networks="everything")
