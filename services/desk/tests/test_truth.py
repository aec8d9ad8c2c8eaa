"""What the desk says has happened has happened, and who may not do a thing may not do it by another door."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from chassis.testing import recorded_events
from contracts.content import Paragraph
from desk.domain.people import PROGRAM
from desk.handlers import events, releasing
from desk.handlers.releasing import Order
from desk.store.stories import Stories
from desk.store.work import Schedule

from . import desk_builders as make

pytestmark = pytest.mark.stack

STORY = f"/stories/{make.STORY}"
PHOTO = f"{STORY}/images/{make.image().image_id}"
NOTHING_DIFFERS = "Nothing differs from what is published."
WORDS = {"caption": "Мост через Тую", "credit": "пресс-служба управы", "credit_url": "", "alt_text": "Мост в тумане"}


def publish(database):
    ordered = releasing.order_release(make.STORY, Order("publish"), PROGRAM, database.unit_of_work())
    events.note_release(make.published(ordered.release_id), database.unit_of_work())


@pytest.mark.parametrize(
    ("path", "form"),
    [
        (f"{STORY}/details", {"age_mark": "18+"}),
        (f"{STORY}/details", {"authors": "Анна Ким"}),
        (f"{STORY}/details", {"urgency": "2"}),
        (f"{STORY}/details", {"slug": "most-otkryt"}),
        (PHOTO, {**WORDS, "caption": "Мост через Урал"}),
        (PHOTO, {**WORDS, "credit": "Иван Петров"}),
        (f"{STORY}/tags", {"label": "Туя", "drop": "true"}),
    ],
)
def test_whatever_readers_would_see_differ_can_be_published_as_a_correction(person, story, database, path, form):
    publish(database)
    editor = person("editor", language="en")
    assert NOTHING_DIFFERS in editor.get(f"{STORY}/panel").text

    editor.post(path, data=form)

    assert NOTHING_DIFFERS not in editor.get(f"{STORY}/panel").text


def test_nothing_differs_where_the_photos_words_came_from_its_file(person, database):
    unnamed = make.image(caption="", credit="", alt_text="")
    events.open_story(make.received(content=make.content(images=(unnamed,))), database.unit_of_work())
    manifest = make.manifest(caption="Мост", credit="Анна Ким", alt_text="Мост зимой")
    event = make.processed().model_copy(update={"manifest": manifest})
    events.take_image(event, database.unit_of_work())

    publish(database)

    assert NOTHING_DIFFERS in person("editor", language="en").get(f"{STORY}/panel").text


@pytest.mark.parametrize("role", ["reporter", "ops"])
def test_whoever_may_not_publish_takes_no_story_off_the_schedule(person, story, database, role):
    due_at = datetime.now(UTC) + timedelta(hours=1)
    releasing.schedule_release(make.STORY, due_at, Order("publish"), PROGRAM, database.unit_of_work())

    answer = person(role).post(f"{STORY}/unschedule")
    by_api = person(role).delete(f"/api{STORY}/schedule")

    assert (answer.status_code, by_api.status_code) == (403, 403)
    with database.connection() as connection:
        assert Schedule(connection).get(make.STORY).due_at == due_at


def test_an_editor_takes_a_story_off_the_schedule(person, story, database):
    releasing.schedule_release(
        make.STORY, datetime.now(UTC) + timedelta(hours=1), Order("publish"), PROGRAM, database.unit_of_work()
    )

    assert person("editor").post(f"{STORY}/unschedule").status_code == 200
    with database.connection() as connection:
        assert Schedule(connection).get(make.STORY) is None


def long_ago(database):
    with database.unit_of_work() as uow:
        uow.connection.execute("UPDATE session SET confirmed_at = now() - interval '1 hour'")


def test_an_unlocked_screen_kills_and_invites_by_no_door_of_the_api(person, story, database):
    publish(database)
    chief = person("chief")
    long_ago(database)

    wants = {"accept": "application/json"}
    killed = chief.post(f"/api{STORY}/releases", json={"action": "kill", "reason": "Ошибка."}, headers=wants)
    invited = chief.post("/api/invitations", json={"role": "chief"}, headers=wants)

    assert (killed.status_code, killed.json()["type"]) == (403, "urn:depesha:problem:confirm-first")
    assert (invited.status_code, invited.json()["type"]) == (403, "urn:depesha:problem:confirm-first")
    assert [one["action"] for one in recorded_events(database, "release.ordered.v1")] == ["publish"]


@pytest.mark.parametrize("person_id", ["nobody", str(UUID(int=9))])
def test_a_story_is_given_to_somebody_who_works_here_or_to_nobody(person, story, database, person_id):
    answer = person("editor").post(f"{STORY}/assign", data={"person_id": person_id})

    assert answer.status_code == 422
    with database.connection() as connection:
        assert Stories(connection).get(make.STORY).assignee_id is None


def test_a_batch_counts_only_what_was_done(person, story, api):
    ids = ",".join([*(str(uuid4()) for _ in range(210)), str(make.STORY)])

    answer = person("editor", language="en").post("/batch", data={"step": "take", "ids": ids})

    assert "1 story moved. 210 stayed" in answer.text
    assert api.get(f"/api{STORY}").json()["state"] == "in_work"


def test_a_photo_stands_once_in_a_story_also_where_it_takes_anothers_place(person, story, api):
    editor = person("editor")
    files = {"file": ("b.jpg", b"another photo", "image/jpeg")}
    editor.post(f"{STORY}/images", files=files)
    before = [one["image_id"] for one in api.get(f"/api{STORY}").json()["draft"]["images"]]

    editor.post(f"{STORY}/images?replaces={before[0]}", files=files)

    draft = api.get(f"/api{STORY}").json()["draft"]
    assert [one["image_id"] for one in draft["images"]] == [before[1]]
    assert draft["lead_image_id"] == before[1]
    assert draft["images"][0]["caption"] == "Мост через Тую"


def test_a_focus_is_moved_on_the_storys_own_photos_only(person, story, database):
    answer = person("editor").post(f"{STORY}/images/{uuid4()}/focus", data={"x": "0.1", "y": "0.2"})

    assert answer.status_code == 404
    assert recorded_events(database, "image.focus_moved.v1") == []


def test_an_embargo_that_ends_after_the_release_is_refused(api, story, database):
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()

    now = api.post(f"/api{STORY}/releases", json={"action": "publish", "embargo_until": later})
    too_early = api.put(
        f"/api{STORY}/schedule",
        json={"due_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(), "embargo_until": later},
    )

    assert [answer.status_code for answer in (now, too_early)] == [409, 409]
    assert [one["pointer"] for answer in (now, too_early) for one in answer.json()["errors"]] == ["/embargo_until"] * 2
    assert recorded_events(database, "release.ordered.v1") == []


AS_TYPESET = {
    "headline": "Мост откроют в\xa0Орске",
    "blocks": (Paragraph(html="Откроют в\xa0мае\xa0— <b>12\xa0мая</b>, 5 &gt; 4."), Paragraph(html="<i>Да</i>")),
}


def test_a_change_of_one_thing_touches_nothing_else_of_a_typeset_story(api, person, database):
    events.open_story(make.received(content=make.content(images=(), **AS_TYPESET)), database.unit_of_work())

    saved = api.patch(f"/api{STORY}", json={"expected_revision": 1, "urgency": 4})
    text = [{"kind": "paragraph", "html": "Откроют в\xa0июне."}]
    colleague = person("editor").patch(STORY, json={"seen": {"blocks": 1}, "blocks": text})

    assert saved.json()["changed"] == ["urgency"]
    assert colleague.status_code == 200
    draft = api.get(f"/api{STORY}").json()["draft"]
    assert (draft["headline"], draft["blocks"]) == (AS_TYPESET["headline"], text)


def test_saving_a_typeset_text_as_a_browser_writes_it_changes_nothing(api, database):
    events.open_story(make.received(content=make.content(images=(), **AS_TYPESET)), database.unit_of_work())
    blocks = [{"kind": "paragraph", "html": one.html.replace("\xa0", "&nbsp;")} for one in AS_TYPESET["blocks"]]

    saved = api.patch(
        f"/api{STORY}",
        json={"expected_revision": 1, "headline": f"  {AS_TYPESET['headline']} ", "blocks": blocks},
    )

    assert (saved.json()["revision"], saved.json()["changed"]) == (1, [])


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("POST", f"{STORY}/tags", {"label": "Ор\x00ск"}),
        ("POST", f"{STORY}/notes", {"text": "\x00"}),
        ("POST", f"{STORY}/details", {"authors": "Анна\x00"}),
        ("POST", f"{STORY}/schedule", {"at": "0001-01-01T00:00"}),
        ("POST", "/admin/routing", {"name": "\x00", "words": "Орск"}),
        ("POST", "/sign-in", {"email": "a\x00@example.org", "password": "x"}),
        ("GET", "/admin/log?before=99999999999999999999", {}),
        ("GET", "/admin/log.csv?until=9999-12-31", {}),
        ("GET", "/known-tags?label=%00", {}),
    ],
)
def test_what_no_table_or_calendar_holds_is_refused_and_is_no_error_of_ours(person, story, method, path, form):
    assert person("chief").request(method, path, data=form or None).status_code == 422
