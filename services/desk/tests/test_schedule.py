"""Releases at a time, routing at the door, people."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from chassis.testing import recorded_events
from desk.domain.people import PROGRAM, Actor
from desk.domain.routing import Rule
from desk.handlers import editing, events, mail, people, releasing
from desk.handlers.releasing import Order
from desk.store.notices import Notices
from desk.store.people import Invitations
from desk.store.rules import Preferences, RoutingRules
from desk.store.stories import Stories
from desk.store.work import Schedule

from . import desk_builders as make

pytestmark = pytest.mark.stack
OTHER = UUID(int=7)
ANNA = Actor(UUID(int=8), "Анна", "editor")


def schedule_past(database, story_id):
    """A time that came while everything was down."""
    with database.unit_of_work() as uow:
        Schedule(uow.connection).set(
            story_id, datetime.now(UTC) - timedelta(hours=1), "publish", note="", embargo_until=None, by=ANNA
        )


def test_what_was_due_while_the_house_was_down_goes_out_once(database, story):
    schedule_past(database, make.STORY)

    releasing.fire_due(database)
    releasing.fire_due(database)

    assert [one["ordered_by"] for one in recorded_events(database, "release.ordered.v1")] == ["Анна (Scheduler)"]


def test_one_broken_story_stops_no_other(database, story):
    events.open_story(
        make.received(story_id=OTHER, external_id="18", content=make.content(images=(), rubrics=())),
        database.unit_of_work(),
    )
    schedule_past(database, OTHER)
    schedule_past(database, make.STORY)

    releasing.fire_due(database)

    assert [one["story_id"] for one in recorded_events(database, "release.ordered.v1")] == [str(make.STORY)]
    with database.connection() as connection:
        assert Schedule(connection).get(OTHER).problem == f"story {OTHER}: rubric_missing"
        assert connection.execute("SELECT kind, story_id FROM notification").fetchall() == [("schedule_failed", OTHER)]


def test_a_scheduled_story_waits_for_its_photos(database):
    events.open_story(make.received(), database.unit_of_work())
    with database.unit_of_work() as uow:
        Schedule(uow.connection).set(
            make.STORY, datetime.now(UTC) - timedelta(seconds=1), "publish", note="", embargo_until=None, by=ANNA
        )

    releasing.fire_due(database)
    events.take_image(make.processed(), database.unit_of_work())
    releasing.fire_due(database)

    assert len(recorded_events(database, "release.ordered.v1")) == 1


def test_a_time_that_has_passed_is_refused(database, story):
    with pytest.raises(releasing.StepRefused, match="has passed"):
        releasing.schedule_release(
            make.STORY, datetime.now(UTC) - timedelta(minutes=1), Order("publish"), PROGRAM, database.unit_of_work()
        )


def test_a_rule_gives_rubric_urgency_and_a_place_among_the_ready(database):
    rule = Rule(
        rule_id=uuid4(),
        name="мосты",
        source_id="telegram:*",
        words=("мост",),
        rubric="Транспорт",
        urgency=3,
        outcome="ready",
    )
    with database.unit_of_work() as uow:
        RoutingRules(uow.connection).save(rule)

    events.open_story(make.received(), database.unit_of_work())

    with database.connection() as connection:
        story = Stories(connection).get(make.STORY)
    assert (story.state, story.draft.urgency, [one.label for one in story.draft.rubrics]) == (
        "ready",
        3,
        ["Транспорт", "Общество"],
    )


def test_two_persons_are_needed_where_the_newsroom_wants_it(database, story):
    with database.unit_of_work() as uow:
        Preferences(uow.connection).set("two_person_rule", value=True)
    editing.save_draft(make.STORY, {"headline": "Правка"}, 1, PROGRAM, database.unit_of_work())

    with pytest.raises(releasing.SamePerson):
        releasing.order_release(make.STORY, Order("publish"), PROGRAM, database.unit_of_work())

    assert recorded_events(database, "release.ordered.v1") == []


def test_whoever_edits_after_setting_the_time_needs_a_second_person_too(database, story):
    with database.unit_of_work() as uow:
        Preferences(uow.connection).set("two_person_rule", value=True)
    schedule_past(database, make.STORY)
    editing.save_draft(make.STORY, {"headline": "Правка"}, 1, ANNA, database.unit_of_work())

    releasing.fire_due(database)

    assert recorded_events(database, "release.ordered.v1") == []
    with database.connection() as connection:
        assert "edited it last" in Schedule(connection).get(make.STORY).problem


def test_a_restored_version_is_a_new_one(database, story):
    editing.save_draft(make.STORY, {"headline": "Второй"}, 1, PROGRAM, database.unit_of_work())

    saved = editing.restore(make.STORY, 1, PROGRAM, database.unit_of_work())

    with database.connection() as connection:
        assert Stories(connection).get(make.STORY).draft.headline == "Мост через Тую откроют в мае"
    assert saved.revision == 3


def test_an_invitation_makes_one_person(database):
    token = people.invite("editor", "Анна", database.unit_of_work())
    people.accept_invitation(token, "boris@example.org", "Борис", "долгий пароль", database.unit_of_work())

    with pytest.raises(people.InvitationOver):
        people.accept_invitation(token, "eva@example.org", "Ева", "долгий пароль", database.unit_of_work())

    with database.connection() as connection:
        assert Invitations(connection).get(token) is None
        assert connection.execute("SELECT email, role FROM person").fetchall() == [("boris@example.org", "editor")]


def test_search_finds_other_forms_of_a_word(api, story):
    assert [one["story_id"] for one in api.get("/api/stories?q=мостом").json()["stories"]] == [str(make.STORY)]
    assert api.get("/api/stories?q=пароход").json()["stories"] == []


def test_a_notification_is_mailed_once_to_those_it_is_for(database, story):
    token = people.invite("chief", "Анна", database.unit_of_work())
    people.accept_invitation(token, "boris@example.org", "Борис", "долгий пароль", database.unit_of_work())
    with database.unit_of_work() as uow:
        Notices(uow.connection).add("publish_failed", make.STORY, detail="адрес занят")
    sent, refused = [], []

    def fail(message):
        refused.append(message)
        raise ConnectionRefusedError("no server")

    mail.send_mail(database, fail, "desk@example.org", "http://desk")
    mail.send_mail(database, sent.append, "desk@example.org", "http://desk")
    mail.send_mail(database, sent.append, "desk@example.org", "http://desk")

    assert (len(refused), len(sent)) == (1, 1)
    assert sent[0]["Subject"] == "Публикация не удалась: Мост через Тую откроют в мае"
    assert sent[0]["Bcc"] == "boris@example.org"
    assert sent[0].get_content().splitlines() == [
        "Мост через Тую откроют в мае",
        "адрес занят",
        f"http://desk/stories/{make.STORY}",
    ]
