"""The HTTP API on a real database and a real S3, and the background work that it asks for."""

import urllib.error
import urllib.request
from functools import partial
from uuid import uuid4

import numpy as np
import psycopg
import pytest
import pyvips
from fastapi.testclient import TestClient

from chassis import tokens
from chassis.testing import recorded_events
from contracts.content import Point, UsageRights
from contracts.events import FocalPointMoved
from imaging import handlers
from imaging.api import create_app
from imaging.domain.limits import MAX_BYTES
from imaging.domain.links import read_spec, sign
from imaging.domain.renditions import STANDARD_SET
from imaging.settings import Settings
from imaging.store import Asset, Assets, Stories
from stack.demo.photos import SCENES

from .conftest import picture
from .test_credentials import AI, Hand, signed

pytestmark = pytest.mark.stack
STORY = uuid4()


@pytest.fixture
def client(stack, database, settings_for):
    with psycopg.connect(stack.admin_url, autocommit=True) as connection:
        token = tokens.create(connection, "test", ["media:read", "media:write", "ops:write"], per_minute=100_000)[1]
    with TestClient(create_app(Settings(**settings_for("imaging")))) as client:
        client.headers["authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture
def work(database, studio):
    return partial(handlers.work_off, database, studio)


def hand_in(client, body, **form):
    return client.post("/assets", files={"file": ("x.exe", body)}, data={"story_id": str(STORY), **form})


@pytest.fixture
def photo(client, work):
    image_id = hand_in(client, picture(1000, 750, seed=4).jpegsave_buffer(), caption="Мост", credit="ТАСС").json()[
        "image_id"
    ]
    assert client.get(f"/assets/{image_id}").json()["is_waiting"]
    work()
    return image_id


def test_a_photo_handed_in_is_rendered_and_told_of(client, database, photo):
    answer = client.get(f"/assets/{photo}").json()

    assert (answer["caption"], answer["credit"], answer["is_waiting"]) == ("Мост", "ТАСС", False)
    assert len(answer["manifest"]["renditions"]) == 17
    assert [event["image_id"] for event in recorded_events(database, "image.processed.v1")][:1] == [photo]


def test_what_a_photo_claims_of_its_origin_is_told(client, work):
    client.put("/renditions", json=[{"name": "w320", "width": 320, "formats": ["jpeg"]}])
    body = signed(picture(400, 300).jpegsave_buffer(), Hand("Camera works"), digitalSourceType=AI)
    image_id = hand_in(client, body).json()["image_id"]
    work()

    assert client.get(f"/assets/{image_id}").json()["manifest"]["provenance"] == {
        "claim_generator": "Painter 3",
        "signed_by": "Camera works",
        "signed_at": None,
        "state": "untrusted",
        "made_by_ai": True,
        "actions": ["c2pa.created"],
    }


def test_what_is_no_photo_is_refused_at_the_door(client, database):
    answer = hand_in(client, b"<svg>")

    assert (answer.status_code, answer.json()["reason"]) == (422, "not_an_image")
    assert recorded_events(database) == []


def put(place, body, content_type):
    request = urllib.request.Request(place["url"], data=body, method="PUT", headers={"content-type": content_type})
    with urllib.request.urlopen(request) as answer:
        return answer.status


def test_a_photo_put_straight_into_the_storage_is_taken(client, work):
    body = picture(700, 500).jpegsave_buffer()
    place = client.post("/uploads", json={"content_type": "image/jpeg", "size_bytes": len(body)}).json()
    assert put(place, body, "image/jpeg") == 200

    image_id = client.post("/assets/uploaded", json={"key": place["key"], "story_id": str(STORY)}).json()["image_id"]
    work()

    assert client.get(f"/assets/{image_id}").json()["manifest"]["width"] == 700


@pytest.mark.parametrize(("size_bytes", "content_type"), [(11, "image/jpeg"), (10, "text/html")])
def test_what_was_not_announced_is_put_nowhere(client, size_bytes, content_type):
    place = client.post("/uploads", json={"content_type": "image/jpeg", "size_bytes": 10}).json()

    with pytest.raises(urllib.error.HTTPError, match="403"):
        put(place, b"x" * size_bytes, content_type)
    assert client.post("/assets/uploaded", json={"key": place["key"], "story_id": str(STORY)}).status_code == 404


def test_a_place_for_more_than_is_taken_is_refused_with_the_bound(client):
    answer = client.post("/uploads", json={"content_type": "image/jpeg", "size_bytes": MAX_BYTES + 1})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/size_bytes")


@pytest.mark.parametrize("key", ["originals/x", "uploads/../originals", f"uploads/{uuid4()}"])
def test_a_key_that_is_not_an_upload_leads_nowhere(client, key):
    assert client.post("/assets/uploaded", json={"key": key, "story_id": str(STORY)}).status_code in (404, 422)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_place_beside_the_photos_is_no_photo(client, method):
    answer = client.request(method, "/assets/uploaded", json={})

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_an_editors_words_rights_focus_and_crops_are_in_the_next_version(client, work, photo):
    change = {
        "focal_point": {"x": 0.0, "y": 0.5},
        "crops": {"4x3": {"x": 0.5, "y": 0.5, "width": 0.5, "height": 0.5}},
        "caption": "Новая подпись",
        "rights": {"holder": "ТАСС", "until": "2026-12-31T00:00:00Z", "countries": ["RU"]},
    }

    assert client.patch(f"/assets/{photo}", json=change).status_code == 202
    work()

    answer = client.get(f"/assets/{photo}").json()
    manifest = answer["manifest"]
    assert (answer["caption"], answer["credit"]) == ("Новая подпись", "ТАСС")
    assert (manifest["focal_point_by"], manifest["crops"]["1x1"]["x"]) == ("editor", 0.0)
    assert manifest["crops"]["4x3"] == change["crops"]["4x3"]
    assert (manifest["rights"]["holder"], manifest["rights"]["said_by"]) == ("ТАСС", "editor")
    assert UsageRights.model_validate(manifest["rights"]).until.year == 2026


def test_the_last_word_counts_whether_it_was_said_at_the_desk_or_here(client, database, studio, work, photo):
    def move(revision, x):
        event = FocalPointMoved(
            story_id=STORY, image_id=photo, revision=revision, focal_point=Point(x=x, y=0.5), caption=f"Стол {revision}"
        )
        handlers.move_focus(event, database.unit_of_work(), studio)

    def shown():
        work()
        answer = client.get(f"/assets/{photo}").json()
        return answer["manifest"]["focal_point"]["x"], answer["caption"], answer["credit"]

    move(2, 0.2)
    client.patch(f"/assets/{photo}", json={"focal_point": {"x": 0.4, "y": 0.5}})
    client.patch(f"/assets/{photo}", json={"credit": "Анна"})
    move(1, 0.1)
    assert shown() == (0.4, "Стол 2", "Анна")

    move(3, 0.3)
    assert shown() == (0.3, "Стол 3", "Анна")


def test_a_killed_storys_sizes_are_gone_until_somebody_has_the_photo_rendered_again(client, database, work, photo):
    url = client.get(f"/assets/{photo}/link", params={"width": 320}).json()["url"]
    assert client.get(url).status_code == 200
    with database.unit_of_work() as uow:
        Stories(uow.connection).kill(STORY, 2)

    assert (client.get(url).status_code, client.get(url).json()["title"]) == (410, "Gone")

    client.post(f"/assets/{photo}/render")
    work()
    assert client.get(url).status_code == 200
    assert client.get(f"/assets/{photo}").json()["version"] == 2
    with database.unit_of_work() as uow:
        Stories(uow.connection).kill(STORY, 2)
    assert client.get(url).status_code == 200, "the same kill, told again, changes nothing"


def test_photos_that_look_the_same_are_found(client, work, photo):
    image = picture(1000, 750, seed=4)
    twin = hand_in(client, image.resize(0.7).jpegsave_buffer(Q=60)).json()["image_id"]
    hand_in(client, picture(1000, 750, seed=5).jpegsave_buffer())
    work()

    near = client.get(f"/assets/{photo}/similar").json()

    assert [(one["image_id"], one["is_duplicate"]) for one in near] == [(twin, True)]


def test_another_set_renders_everything_again(client, database, work, photo):
    before = client.get("/renditions").json()
    assert [one["name"] for one in before] == [one.name for one in STANDARD_SET]
    sizes = [{"name": "w400", "width": 400, "formats": ["jpeg"]}, {"name": "2x1", "width": 600, "height": 300}]

    assert client.put("/renditions", json=sizes).json() == {"photos": 1}
    work()

    renditions = client.get(f"/assets/{photo}").json()["manifest"]["renditions"]
    assert [(one["name"], one["content_type"], one["width"]) for one in renditions] == [
        ("2x1", "image/avif", 600),
        ("2x1", "image/jpeg", 600),
        ("w400", "image/jpeg", 400),
    ]


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [{"name": "a", "width": 400, "formats": ["avif"]}],
        [{"name": "a", "width": 400}, {"name": "a", "width": 500}],
        [{"name": "a", "width": 40_000}],
        [{"name": "../a", "width": 400}],
        [{"name": "a", "width": 400, "formats": ["bmp"]}],
        [{"name": "a", "width": 400, "with_headline": True}],
    ],
)
def test_a_set_that_cannot_be_is_refused(client, sizes):
    assert client.put("/renditions", json=sizes).status_code == 422
    assert [one["name"] for one in client.get("/renditions").json()] == [one.name for one in STANDARD_SET]


def test_a_signed_address_gives_a_size_of_its_own_to_anybody(client, photo, public_bucket):
    url = client.get(f"/assets/{photo}/link", params={"width": 512, "height": 512, "format": "avif"}).json()["url"]
    stranger = {"authorization": ""}

    answers = [client.get(url, headers=stranger) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    shown = pyvips.Image.new_from_buffer(answers[0].content, "")
    assert (shown.width, shown.height, answers[0].headers["content-type"]) == (512, 512, "image/avif")
    assert len(list(public_bucket.list(f"media/r/{photo}/"))) == 1


def test_a_small_size_of_its_own_needs_no_original(client, photo, private_bucket):
    private_bucket.delete(list(private_bucket.list("uploads/")))

    links = {width: client.get(f"/assets/{photo}/link", params={"width": width}).json()["url"] for width in (333, 334)}

    assert {width: client.get(url).status_code for width, url in links.items()} == {333: 200, 334: 404}


def test_an_address_that_was_not_signed_here_gives_nothing(client, photo):
    url = client.get(f"/assets/{photo}/link", params={"width": 512}).json()["url"]

    for wrong in (url.replace("512x0", "513x0"), url.replace(photo, str(uuid4())), url.replace("/r/", "/r/A", 1)):
        assert client.get(wrong).status_code == 403


@pytest.mark.parametrize("spec", ["5x5.jpg", "512.jpg", "9999x1.jpg", "512x512.exe", "512x512.jpg/.."])
def test_a_spec_is_read_strictly(spec):
    with pytest.raises(ValueError, match="asks for WIDTHxHEIGHT"):
        read_spec(spec)


def test_a_signature_depends_on_everything():
    image_id = uuid4()
    assert (
        len({sign("k", "512x0.jpg", image_id), sign("j", "512x0.jpg", image_id), sign("k", "512x1.jpg", image_id)}) == 3
    )


def test_the_second_pass_makes_files_smaller_and_tells_of_it_once(client, database, studio, work):
    client.put("/renditions", json=[{"name": "w960", "width": 960}])
    pixels = SCENES["town"](np.random.default_rng(7)).clip(0, 255).astype(np.uint8)
    hand_in(client, pyvips.Image.new_from_array(pixels, interpretation="srgb").jpegsave_buffer(Q=92))
    work()
    handlers.make_smaller(database, studio)
    events = recorded_events(database, "image.processed.v1")
    assert [(event["manifest"]["version"], event["manifest"]["stage"]) for event in events] == [
        (1, "fast"),
        (2, "small"),
    ]
    sizes = [
        {(one["name"], one["content_type"]): one["size_bytes"] for one in event["manifest"]["renditions"]}
        for event in events
    ]

    handlers.make_smaller(database, studio)

    assert sizes[1] != sizes[0]
    assert all(after <= 0.97 * sizes[0][name] or after == sizes[0][name] for name, after in sizes[1].items())
    assert len(recorded_events(database, "image.processed.v1")) == 2


def test_a_large_progressive_jpeg_waits_for_the_background(database, studio, work, private_bucket, monkeypatch):
    monkeypatch.setattr("imaging.domain.limits.SLOW_PROGRESSIVE_PIXELS", 100_000)
    private_bucket.put("originals/slow", picture(700, 500).jpegsave_buffer(interlace=True), content_type="image/jpeg")
    asset = Asset(uuid4(), STORY, "originals/slow", "", "", 1)

    with database.unit_of_work() as uow:
        handlers._save(handlers._render(asset, studio), uow)
    assert recorded_events(database) == []
    work()

    assert [event["image_id"] for event in recorded_events(database, "image.processed.v1")][:1] == [str(asset.image_id)]


def test_background_work_that_is_in_somebodys_hands_is_nobody_elses(database):
    with database.unit_of_work() as uow:
        Assets(uow.connection).save(Asset(uuid4(), STORY, "x", "", "", 1, todo="render"))

    with database.unit_of_work() as uow:
        taken = [Assets(uow.connection).take(("render", "slow")) for _ in range(2)]

    assert [one is None for one in taken] == [False, True]
