"""What goes in time, and what stays."""

import json
import urllib.request

import pytest

from ingestion.domain.items import Raw
from ingestion.handlers import housekeeping
from ingestion.handlers.housekeeping import forget_uploads, keep_house
from ingestion.handlers.intake import archive
from ingestion.handlers.photos import upload_key

pytestmark = pytest.mark.stack

JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100


def put_up(client):
    ticket = client.post("/uploads", json={"content_type": "image/jpeg", "size_bytes": len(JPEG)}).json()
    request = urllib.request.Request(ticket["url"], JPEG, ticket["headers"], method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    return ticket["upload_id"]


def age(database, table, moment, hours):
    with database.connection() as connection:
        connection.execute(f"UPDATE {table} SET {moment} = {moment} - make_interval(hours => {hours})")


def test_uploads_go_after_a_day_also_those_that_no_story_named(client, intake, database, private_bucket):
    named, abandoned = put_up(client), put_up(client)
    story = {"external_id": "1", "headline": "Орск", "images": [{"upload": named}]}
    assert client.post("/stories", json=story).status_code == 202
    never_put = client.post("/uploads", json={"content_type": "image/png", "size_bytes": 9}).json()["upload_id"]
    age(database, "upload", "made_at", 25)
    fresh = put_up(client)

    gone = [forget_uploads(intake), forget_uploads(intake)]

    assert gone == [3, 0]
    kept = [private_bucket.exists(upload_key(one)) for one in (named, abandoned, never_put, fresh)]
    assert kept == [False, False, False, True]
    with database.connection() as connection:
        [[digest]] = connection.execute("SELECT hash FROM photo").fetchall()
    assert private_bucket.get(f"originals/{digest[:2]}/{digest}") == JPEG


def test_a_turn_takes_no_more_uploads_than_its_bound(client, intake, database, monkeypatch):
    monkeypatch.setattr(housekeeping, "AT_ONCE", 2)
    for _ in range(3):
        put_up(client)
    age(database, "upload", "made_at", 25)

    assert [forget_uploads(intake) for _ in range(3)] == [2, 1, 0]


def test_originals_that_newer_ones_replaced_are_forgotten_and_an_items_newest_stays(client, intake, database):
    for lede in ("Было.", "Стало."):
        client.post("/stories", json={"external_id": "1", "headline": "Орск", "lede": lede})
    archive(Raw(b"of no item"), "api", intake)
    age(database, "raw", "came_at", 24 * 91)
    archive(Raw(b"of no item, but new"), "api", intake)

    keep_house(intake, 92)
    assert count(database) == 4
    keep_house(intake, 90)

    assert count(database) == 2
    with database.connection() as connection:
        [[key]] = connection.execute("SELECT raw.key FROM item JOIN raw USING (raw_id)").fetchall()
    assert json.loads(intake.bucket.get(key))["lede"] == "Стало."


def count(database):
    with database.connection() as connection:
        return connection.execute("SELECT count(*) FROM raw").fetchone()[0]
