"""Photos put straight into S3 by a signed address, then named in a story."""

import urllib.error
import urllib.request

import pytest

from chassis.testing import recorded_events

pytestmark = pytest.mark.stack

JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100
STORY = {"external_id": "877", "headline": "Орск достроит дамбу"}


@pytest.fixture
def ticket(client):
    answer = client.post("/uploads", json={"content_type": "image/jpeg", "size_bytes": len(JPEG)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def put(ticket, body=JPEG, **headers):
    sent = {**ticket["headers"], **headers, "content-length": str(len(body))}
    request = urllib.request.Request(ticket["url"], body, sent, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def push(client, upload_id):
    return client.post("/stories", json={**STORY, "images": [{"upload": upload_id, "caption": "Дамба | Фото: Пётр"}]})


def test_a_photo_is_put_and_named(client, ticket, database, private_bucket):
    assert put(ticket) == 200

    answer = push(client, ticket["upload_id"])

    assert answer.status_code == 202
    [event] = recorded_events(database)
    [image] = event["content"]["images"]
    assert private_bucket.get(image["original"]["key"]) == JPEG
    assert (image["original"]["content_type"], image["credit"]) == ("image/jpeg", "Пётр")


def test_another_size_or_type_than_was_signed_is_refused_by_the_storage(ticket):
    assert [put(ticket, JPEG + b"more"), put(ticket, **{"content-type": "text/html"})] == [403, 403]


def test_a_story_cannot_name_what_was_not_put(client, ticket, database):
    answer = push(client, ticket["upload_id"])

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/images/0/upload")
    assert recorded_events(database) == []


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"content_type": "text/html", "size_bytes": 5}, 422),
        ({"content_type": "image/jpeg", "size_bytes": 0}, 422),
        ({"content_type": "image/jpeg", "size_bytes": 5_000_000_000}, 413),
        ({"content_type": "image/jpeg"}, 422),
    ],
)
def test_a_wrong_wish_is_refused(client, wish, status):
    assert client.post("/uploads", json=wish).status_code == status


def test_the_same_photo_by_another_way_is_no_news(client, ticket, database):
    put(ticket)
    push(client, ticket["upload_id"])
    again = client.post("/uploads", json={"content_type": "image/jpeg", "size_bytes": len(JPEG)}).json()
    put(again)

    assert push(client, again["upload_id"]).status_code == 200
    assert len(recorded_events(database)) == 1
