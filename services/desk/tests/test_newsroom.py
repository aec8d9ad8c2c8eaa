"""The newsroom's own rules: routing tried out in its order, a trusted source that publishes at once, the log as a table."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from chassis.testing import recorded_events
from desk.handlers import events, releasing
from desk.store.notices import Notices
from desk.store.rules import RoutingRules
from desk.store.stories import Stories
from desk.store.work import Schedule

from . import desk_builders as make

pytestmark = pytest.mark.stack

RULE = {"name": "Управа", "outcome": "ready"}


def rules_of(database):
    with database.connection() as connection:
        return RoutingRules(connection).all()


def receive(database, number, headline, source="telegram:uprava"):
    told = make.received(
        story_id=make.new_story_id(),
        external_id=str(number),
        source=make.SOURCE.model_copy(update={"source_id": source}),
        content=make.content(headline=headline, images=()),
    )
    events.open_story(told.model_copy(update={"received_at": datetime.now(UTC)}), database.unit_of_work())
    return told.story_id


def test_rules_are_tried_out_in_their_order_and_change_nothing(person, database):
    chief = person("chief")
    receive(database, 1, "Мост откроют")
    receive(database, 2, "Паводок спал")
    receive(database, 3, "Матч перенесли", source="feed:sport")
    chief.post("/admin/routing", data={**RULE, "name": "О мостах", "words": "мост откроют"})

    page = chief.post("/admin/routing", data={**RULE, "name": "Всё из телеграма", "prefix": "telegram:"})
    text = chief.get(page.headers["location"]).text

    taken = [part.split("</div>")[0] for part in text.split('<div class="note ')[1:]]
    assert ["Мост откроют" in one for one in taken] == [True, False]
    assert ["Паводок спал" in one for one in taken] == [False, True]
    assert "Матч перенесли" not in text
    assert "Примерены 3 материала за сутки" in text
    with database.connection() as connection:
        assert connection.execute("SELECT DISTINCT state FROM story").fetchall() == [("received",)]


def test_a_rule_is_changed_in_its_place(person, database):
    chief = person("chief")
    chief.post("/admin/routing", data=RULE)
    chief.post("/admin/routing", data={**RULE, "name": "Вторая"})
    first = rules_of(database)[0]
    assert 'value="Управа"' in chief.get(f"/admin/routing?edited={first.rule_id}").text

    chief.post("/admin/routing", data={"rule_id": str(first.rule_id), "name": "Управа, срочное", "urgency": "2"})

    assert [(one.name, one.urgency, one.outcome) for one in rules_of(database)] == [
        ("Управа, срочное", 2, "stay"),
        ("Вторая", None, "ready"),
    ]


@pytest.mark.parametrize("wrong", [{"name": ""}, {"urgency": "12"}, {"prefix": "теле грам"}, {"outcome": "burn"}])
def test_a_rule_that_cannot_be_is_refused(person, database, wrong):
    assert person("chief").post("/admin/routing", data={**RULE, **wrong}).status_code == 422
    assert rules_of(database) == []


def due_now(database):
    with database.unit_of_work() as uow:
        uow.connection.execute("UPDATE schedule SET due_at = now() - interval '1 s'")


def test_a_trusted_sources_story_waits_for_its_tags_and_then_goes_out(person, database):
    person("chief").post("/admin/routing", data={"name": "Доверяем", "prefix": "telegram:", "outcome": "publish"})
    story_id = receive(database, 1, "Мост откроют")
    with database.unit_of_work() as uow:
        story = Stories(uow.connection).get(story_id)
        Stories(uow.connection).save_draft(story_id, story.draft.model_copy(update={"rubrics": ()}), 1, {})

    due_now(database)
    releasing.fire_due(database)
    assert recorded_events(database, "release.ordered.v1") == []

    events.take_tags(make.tagged(story_id=story_id), database.unit_of_work())
    releasing.fire_due(database)
    [order] = recorded_events(database, "release.ordered.v1")
    assert order["ordered_by"] == "Routing (Scheduler)"
    assert [one["label"] for one in order["snapshot"]["rubrics"]] == ["Общество", "Транспорт"]


def test_a_trusted_story_that_no_rubric_fits_is_set_aside_and_told(person, database):
    chief = person("chief")
    chief.post("/admin/routing", data={"name": "Доверяем", "prefix": "telegram:", "outcome": "publish"})
    story_id = receive(database, 1, "Мост откроют")
    events.take_tags(make.tagged(story_id=story_id, rubrics=()), database.unit_of_work())
    with database.unit_of_work() as uow:
        story = Stories(uow.connection).get(story_id)
        Stories(uow.connection).save_draft(story_id, story.draft.model_copy(update={"rubrics": ()}), 1, {})

    due_now(database)
    releasing.fire_due(database)

    assert recorded_events(database, "release.ordered.v1") == []
    with database.connection() as connection:
        assert "rubric_missing" in Schedule(connection).get(story_id).problem
        assert [one.kind for one in Notices(connection).of(chief.person_id)] == ["schedule_failed"]


def test_a_site_that_is_down_is_told_once_an_hour_not_once_a_story(person, database):
    chief = person("chief")
    now = datetime(2026, 3, 4, 9, 10, tzinfo=UTC)
    for number in range(3):
        story_id = receive(database, number, f"Новость {number}")
        failed = make.delivered(story_id, 1, "failed", changed_at=now + timedelta(minutes=number))
        events.note_delivery(failed, database.unit_of_work())
    later = make.delivered(story_id, 2, "failed", changed_at=now + timedelta(hours=1))
    events.note_delivery(later, database.unit_of_work())

    with database.connection() as connection:
        assert [one.kind for one in Notices(connection).of(chief.person_id)] == ["site_failed"] * 2


def test_the_log_is_a_table_that_no_spreadsheet_runs(person, story, database):
    chief = person("chief", "=HYPERLINK(1)")
    chief.post(f"/stories/{make.STORY}/step", data={"step": "take"})

    answer = chief.get("/admin/log.csv?since=2020-01-01")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert [(row["who"], row["action"]) for row in rows][-2:] == [
        ("'=HYPERLINK(1)", "take"),
        ("'=HYPERLINK(1)", "export_log"),
    ]
    assert rows[-2]["headline"] == "Мост через Тую откроют в мае"
    none = csv.DictReader(io.StringIO(chief.get("/admin/log.csv?until=2020-01-01").text))
    assert list(none) == []
    assert person("editor").get("/admin/log.csv").status_code == 403
