"""The JSON API, as other programs use it."""

import pytest

from chassis.testing import recorded_events

from . import desk_builders as make

pytestmark = pytest.mark.stack

URL = f"/api/stories/{make.STORY}"


def test_the_list_holds_a_story_with_its_lights(api, story):
    listed = api.get("/api/stories").json()

    assert [one["headline"] for one in listed["stories"]] == ["Мост через Тую откроют в мае"]
    assert listed["stories"][0]["images_ready"] == 1
    assert listed["next"] == ""


def test_an_edit_against_the_revision_that_was_seen_is_saved_and_told(api, story, database):
    answer = api.patch(
        URL, json={"expected_revision": 1, "headline": "Мост  откроют\n12 мая", "tags": [{"label": "Туя"}]}
    )

    assert answer.status_code == 200
    assert answer.json()["revision"] == 2
    assert answer.json()["changed"] == ["headline", "tags"]
    assert api.get(URL).json()["draft"]["headline"] == "Мост откроют 12 мая"
    assert [one["revision"] for one in recorded_events(database, "story.revised.v1")] == [2]


def test_an_edit_of_a_field_that_somebody_else_changed_is_refused_with_their_text(api, story, database):
    api.patch(URL, json={"expected_revision": 1, "headline": "Первый"})

    answer = api.patch(URL, json={"expected_revision": 1, "headline": "Второй"})

    assert answer.status_code == 409
    assert answer.json()["theirs"] == {"headline": "Первый"}
    assert answer.json()["revision"] == 2
    assert api.get(URL).json()["draft"]["headline"] == "Первый"
    assert len(recorded_events(database, "story.revised.v1")) == 1


def test_edits_of_different_fields_do_not_disturb_each_other(api, story):
    api.patch(URL, json={"expected_revision": 1, "headline": "Первый"})

    answer = api.patch(URL, json={"expected_revision": 1, "lede": "Другое поле."})

    assert answer.status_code == 200
    assert api.get(URL).json()["draft"]["headline"] == "Первый"


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"headline": ""}, "/body/headline"),
        ({"urgency": 10}, "/body/urgency"),
        ({"colour": "red"}, "/body/colour"),
        ({"slug": "Не латиница"}, "/body/slug"),
        ({"blocks": [{"kind": "marquee"}]}, "/body/blocks/0"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_saved(api, story, patch, pointer):
    answer = api.patch(URL, json={"expected_revision": 1, **patch})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert api.get(URL).json()["revision"] == 1


def test_a_release_carries_the_whole_story_and_the_pre_chosen_tags(api, story, database):
    answer = api.post(f"{URL}/releases", json={"action": "publish"})

    assert answer.status_code == 202
    assert answer.json()["version"] == 1
    ordered = recorded_events(database, "release.ordered.v1")[0]
    snapshot = ordered["snapshot"]
    assert snapshot["headline"] == "Мост через Тую откроют в мае"
    assert [tag["label"] for tag in snapshot["tags"]] == ["Туя"]
    assert [rubric["label"] for rubric in snapshot["rubrics"]] == ["Общество", "Транспорт"]
    assert snapshot["images"][0]["credit"] == "пресс-служба управы"
    assert snapshot["lead_image_id"] == str(make.image().image_id)
    review = recorded_events(database, "story.tags_reviewed.v1")[0]
    assert [tag["label"] for tag in review["kept"]] == ["Туя"]


def test_a_second_press_of_the_button_is_refused(api, story, database):
    api.post(f"{URL}/releases", json={"action": "publish"})

    answer = api.post(f"{URL}/releases", json={"action": "publish"})

    assert answer.status_code == 409
    assert len(recorded_events(database, "release.ordered.v1")) == 1


def test_a_kill_needs_a_reason(api, story, database):
    api.post(f"{URL}/releases", json={"action": "publish"})

    answer = api.post(f"{URL}/releases", json={"action": "kill"})

    assert answer.status_code == 409
    assert answer.json()["errors"] == [{"pointer": "/reason", "detail": "must not be empty"}]


def test_a_story_without_a_rubric_is_stopped_before_it_goes_out(api, story, database):
    api.patch(URL, json={"expected_revision": 1, "rubrics": []})

    answer = api.post(f"{URL}/releases", json={"action": "publish"})

    assert answer.status_code == 422
    assert [one["code"] for one in answer.json()["findings"]] == ["rubric_missing"]
    assert recorded_events(database, "release.ordered.v1") == []


@pytest.mark.parametrize("cursor", [":9:.97~-19a1fe88523fcf50a3-22952da048f86df5", "~", "2026-11-12T10:30:00~x", "\0"])
def test_a_cursor_that_was_not_made_here_is_refused_and_breaks_nothing(api, cursor):
    answer = api.get("/api/stories", params={"after": cursor})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:depesha:problem:bad-cursor")
