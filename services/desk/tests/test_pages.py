"""The pages as a browser gets them, without a browser."""

import pytest
from fastapi.testclient import TestClient

from chassis.testing import recorded_events
from contracts.events import ImageRejected
from desk.handlers import events

from . import desk_builders as make

pytestmark = pytest.mark.stack

STORY = f"/stories/{make.STORY}"
PAGES = [
    "/", "/?layout=board", "/?view=all&q=мост", "/rows?after=", "/counts", "/notices", "/delivery", "/admin", "/admin/routing", "/admin/checks", "/admin/sources",
    "/admin/sites", "/admin/log", "/admin/tokens", "/confirm", "/password", f"{STORY}/notes", f"{STORY}/kill", STORY, f"{STORY}/panel", f"{STORY}/source", f"{STORY}/versions", f"{STORY}/versions/1", f"{STORY}/log", f"{STORY}/preview", f"{STORY}/preview/cards",
    f"{STORY}/images/{make.image().image_id}", f"{STORY}/images/{make.image().image_id}/similar", "/sign-in",
]  # fmt: skip


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_page_is_drawn_in_both_languages_under_a_strict_policy(person, story, language):
    chief = person(language=language)

    answers = {path: chief.get(path) for path in PAGES}

    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 200} == {}
    policies = [answer.headers["content-security-policy"] for answer in answers.values()]
    assert all("unsafe" not in policy and "default-src 'none'" in policy for policy in policies)


def test_a_person_publishes_from_the_storys_page(person, story, database):
    answer = person("editor").post(f"{STORY}/release", data={"action": "publish"}, headers={"hx-request": "true"})

    assert answer.status_code == 200
    assert "В пути" in answer.text
    assert [one["ordered_by"] for one in recorded_events(database, "release.ordered.v1")] == ["Анна Ким"]


def test_a_kill_without_the_word_is_refused(person, story, database):
    chief = person("chief")
    chief.post(f"{STORY}/release", data={"action": "publish"})

    answer = chief.post(
        f"{STORY}/release", data={"action": "kill", "reason": "Ошибка."}, headers={"hx-request": "true"}
    )

    assert answer.status_code == 409
    assert [one["action"] for one in recorded_events(database, "release.ordered.v1")] == ["publish"]


def test_an_editor_may_not_kill(person, story, database):
    editor = person("editor")
    editor.post(f"{STORY}/release", data={"action": "publish"})

    answer = editor.post(
        f"{STORY}/release",
        data={"action": "kill", "reason": "Ошибка.", "confirmation": "аннулировать"},
        headers={"hx-request": "true"},
    )

    assert answer.status_code == 403
    assert len(recorded_events(database, "release.ordered.v1")) == 1


def test_whoever_is_not_signed_in_is_led_to_the_door_and_back(app, story):
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as stranger:
        answer = stranger.get(STORY, headers={"accept": "text/html"})

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?to={STORY}"


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}]
)
def test_a_request_from_another_sites_page_changes_nothing(person, story, database, headers):
    answer = person("chief").post(f"{STORY}/release", data={"action": "publish"}, headers=headers)

    assert answer.status_code == 403
    assert recorded_events(database, "release.ordered.v1") == []


def test_tags_are_kept_and_dropped_one_at_a_time(person, story, api):
    editor = person("editor")

    editor.post(f"{STORY}/tags", data={"label": "мост"})
    editor.post(f"{STORY}/tags", data={"label": "Туя", "drop": "true"})

    tags = api.get(f"/api/stories/{make.STORY}").json()["draft"]["tags"]
    assert [(tag["label"], tag["concept_id"]) for tag in tags] == [("Мост", "c:Мост")]


def test_an_uploaded_photo_takes_the_place_and_the_words_of_another(person, story, api, database):
    old = make.image()

    answer = person("editor").post(
        f"{STORY}/images?replaces={old.image_id}", files={"file": ("a.jpg", b"bytes of a photo", "image/jpeg")}
    )

    assert answer.status_code == 200
    draft = api.get(f"/api/stories/{make.STORY}").json()["draft"]
    assert [(one["caption"], one["original"]["size_bytes"]) for one in draft["images"]] == [("Мост через Тую", 16)]
    assert draft["lead_image_id"] == draft["images"][0]["image_id"] != str(old.image_id)
    attached = recorded_events(database, "image.attached.v1")
    assert [one["image"]["image_id"] for one in attached] == [draft["images"][0]["image_id"]]


@pytest.mark.parametrize(
    ("language", "words"), [("ru", "файл слишком велик"), ("en", "the file is too large")], ids=["ru", "en"]
)
def test_a_refused_photo_says_why_in_the_editors_language(person, database, language, words):
    events.open_story(make.received(), database.unit_of_work())
    image_id = make.image().image_id
    refused = ImageRejected(
        story_id=make.STORY,
        image_id=image_id,
        reason="too_large",
        detail="50000000 bytes, and at most 41943040 are taken",
    )
    events.refuse_image(refused, database.unit_of_work())
    editor = person("editor", language=language)

    dialog, panel = editor.get(f"{STORY}/images/{image_id}").text, editor.get(f"{STORY}/panel").text

    assert words in dialog
    assert "at most 41943040 are taken" in dialog
    assert words in panel


def test_a_file_that_is_no_image_is_not_taken(person, story, database):
    answer = person("editor").post(
        f"{STORY}/images", files={"file": ("a.exe", b"MZ", "application/octet-stream")}, headers={"hx-request": "true"}
    )

    assert answer.status_code == 422
    assert recorded_events(database, "image.attached.v1") == []


def test_a_crop_drawn_by_hand_goes_to_imaging(person, story, database):
    values = {"name": "1x1", "x": "0.25", "y": "0", "width": "0.75", "height": "1"}

    answer = person("editor").post(f"{STORY}/images/{make.image().image_id}/crop", data=values)

    assert answer.status_code == 204
    moved = recorded_events(database, "image.focal_point_moved.v1")
    assert [(one["crops"], one["focal_point"]) for one in moved] == [
        ({"1x1": {"x": 0.25, "y": 0, "width": 0.75, "height": 1}}, None)
    ]


@pytest.mark.parametrize("path", ["/stream", "/rows?after=", "/api/stories", "/admin", f"{STORY}/preview/page"])
def test_no_door_is_open_to_a_stranger(app, story, path):
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as stranger:
        assert stranger.get(path).status_code == 401
        assert stranger.get(path, headers={"authorization": "Bearer guess"}).status_code == 401


def test_the_first_invitation_is_given_only_while_nobody_works_here(api, person):
    first = api.post("/api/invitations", json={"role": "chief", "only_first": True})
    person("editor")

    assert first.status_code == 201
    assert "/join/" in first.json()["url"]
    assert api.post("/api/invitations", json={"role": "chief", "only_first": True}).status_code == 409
