"""Events from the other services, in any order and any number."""

import threading
from typing import Any
from uuid import UUID

import pytest

from chassis.database import Database
from chassis.testing import assert_any_order_ends_alike, recorded_events
from contracts.events import ReleaseFailed, StoryCorrected, StoryKilled
from desk.domain.people import PROGRAM
from desk.handlers import editing, events, releasing
from desk.handlers.releasing import Order
from desk.store.stories import Stories

from . import desk_builders as make

pytestmark = pytest.mark.stack

HANDLERS = {
    "StoryReceived": events.open_story,
    "StoryTagged": events.take_tags,
    "ImageProcessed": events.take_image,
    "DeliveryChanged": events.note_delivery,
    "StoryPublished": events.note_release,
    "StoryCorrected": events.note_release,
    "StoryKilled": events.note_release,
    "ReleaseFailed": events.note_failed_release,
}


def hear(database: Database, *told: Any) -> None:
    for event in told:
        HANDLERS[type(event).__name__](event, database.unit_of_work())


def state_of(database: Database, story_id: UUID = make.STORY) -> dict[str, Any]:
    with database.connection() as connection:
        story = Stories(connection).get(story_id)
        assert story is not None
        row = connection.execute(
            "SELECT images_ready, tags_known, thumb_url, sites_delivered, rubric FROM story WHERE story_id = %s",
            (story_id,),
        ).fetchone()
    return {
        "draft": story.draft,
        "state": story.state,
        "revision": story.revision,
        "source_revision": story.source_revision,
        "live": story.live_url,
        "lights": row,
    }


def test_any_order_and_any_repetition_of_a_storys_first_events_ends_in_the_same_state(database_for):
    second = make.received(revision=2, content=make.content(headline="Мост через Тую откроют 12 мая"))
    told = [make.received(revision=1), second, make.tagged(revision=2), make.processed(), make.processed(version=2)]

    end = assert_any_order_ends_alike(told, lambda: _desk(database_for), _hear, state_of)

    assert end["draft"].headline == "Мост через Тую откроют 12 мая"
    assert [tag.label for tag in end["draft"].tags] == ["Туя"]
    assert [rubric.label for rubric in end["draft"].rubrics] == ["Общество", "Транспорт"]
    assert end["revision"] == 2
    assert end["lights"] == (1, True, "http://127.0.0.1:1/depesha-public/w320.jpg", 0, "Общество")


def test_tags_that_come_while_the_draft_is_being_opened_are_worn(database_for, monkeypatch):
    database = database_for("desk")
    add, tags_are_taken = Stories.add, threading.Event()
    tagging = threading.Thread(target=lambda: (hear(database, make.tagged()), tags_are_taken.set()))

    def add_late(*given, **named):
        tagging.start()
        tags_are_taken.wait(0.5)  # they are, where they wait for nobody
        return add(*given, **named)

    monkeypatch.setattr(Stories, "add", add_late)

    hear(database, make.received())
    tagging.join(10)

    assert [tag.label for tag in state_of(database)["draft"].tags] == ["Туя"]


def test_any_order_and_any_repetition_of_what_publication_and_sites_say_ends_in_the_same_state(database_for):
    ordered = {}

    def desk():
        database = database_for("desk")
        hear(database, make.received(), make.processed())
        for action in ("publish", "correct", "kill"):
            order = Order(action, note="Уточнена дата.", reason="Ошибка источника.")
            released = releasing.order_release(make.STORY, order, PROGRAM, database.unit_of_work())
            ordered[action] = released.release_id
            if action == "publish":
                hear(database, make.published(released.release_id))
        return database, database

    def told_hear(say, uow, _database):
        event = say()
        HANDLERS[type(event).__name__](event, uow)

    told = [
        lambda: make.published(ordered["publish"]),
        lambda: make.published(ordered["correct"], version=2, kind=StoryCorrected),
        lambda: make.published(ordered["kill"], version=3, kind=StoryKilled),
        lambda: make.delivered(sequence=1, state="failing"),
        lambda: make.delivered(sequence=2),
        lambda: make.delivered(sequence=3, version=3, state="failing"),
    ]

    end = assert_any_order_ends_alike(told, desk, told_hear, state_of)

    assert end["state"] == "killed"


def _desk(database_for):
    database = database_for("desk")
    return database, database


def _hear(event, uow, _database):
    HANDLERS[type(event).__name__](event, uow)


def test_a_source_that_changes_a_story_in_work_changes_nothing_of_the_editors_words(database):
    hear(database, make.received(revision=1))
    editing.save_draft(make.STORY, {"headline": "Наш заголовок"}, 1, PROGRAM, database.unit_of_work())

    hear(database, make.received(revision=2, content=make.content(headline="Их заголовок")))

    with database.connection() as connection:
        story = Stories(connection).get(make.STORY)
    assert story.draft.headline == "Наш заголовок"
    assert story.source_content.headline == "Их заголовок"
    assert (story.source_revision, story.source_seen) == (2, 1)
    revised = recorded_events(database, "story.revised.v1")
    assert [(one["revision"], one["content"]["headline"]) for one in revised] == [
        (2, "Наш заголовок"),
        (3, "Наш заголовок"),
    ]


def test_late_facts_of_publication_leave_the_newest_release_in_force(database):
    hear(database, make.received(), make.processed())
    first = releasing.order_release(make.STORY, Order("publish"), PROGRAM, database.unit_of_work())
    hear(database, make.published(first.release_id))
    second = releasing.order_release(
        make.STORY, Order("correct", note="Уточнена дата."), PROGRAM, database.unit_of_work()
    )
    third = releasing.order_release(
        make.STORY, Order("kill", reason="Ошибка источника."), PROGRAM, database.unit_of_work()
    )

    hear(database, make.published(third.release_id, version=3, kind=StoryKilled))
    hear(database, make.published(second.release_id, version=2, kind=StoryCorrected))
    hear(database, make.published(first.release_id))

    assert state_of(database)["state"] == "killed"


def test_a_release_that_fails_for_good_lays_the_story_ready_again(database):
    hear(database, make.received(), make.processed())
    ordered = releasing.order_release(make.STORY, Order("publish"), PROGRAM, database.unit_of_work())

    hear(
        database,
        ReleaseFailed(
            release_id=ordered.release_id,
            story_id=make.STORY,
            version=1,
            reason="адрес занят",
            will_retry=False,
            failed_at=make.NOW,
        ),
    )

    assert state_of(database)["state"] == "ready"
    with database.connection() as connection:
        assert connection.execute("SELECT kind, detail FROM notification").fetchall() == [
            ("publish_failed", "адрес занят")
        ]


def test_an_older_word_of_a_site_changes_nothing(database):
    hear(database, make.received())

    hear(database, make.delivered(sequence=5), make.delivered(sequence=3, state="failing"))

    assert state_of(database)["lights"][3] == 1
    with database.connection() as connection:
        assert connection.execute("SELECT state, sequence FROM site").fetchall() == [("delivered", 5)]
