"""The ops page on a real ledger: what it shows, who may see it, replay and scale."""

import json

import pytest
from fastapi.testclient import TestClient

from chassis import ledger
from chassis.ledger import inspect, watch
from desk.api import create_app
from desk.settings import Settings

from . import desk_builders as make

pytestmark = pytest.mark.stack


@pytest.fixture
def house(database):
    """Consumers, a worker, one waiting event at imaging and one dead at tagging."""
    with database.connection() as connection:
        for name in ("ingestion", "imaging", "tagging", "desk", "publication", "delivery"):
            ledger.declare_consumer(connection, name, 8, 30)
        watch.report_worker(connection, "imaging-1", "imaging", concurrency=2, in_hand=1, resident_bytes=2**20)
    with database.unit_of_work() as uow:
        uow.publish(make.received())
    with database.connection() as connection:
        connection.execute(
            "UPDATE ledger.delivery SET state = 'dead', attempts = 8, reason = 'ValueError: кривой <b>текст</b>' WHERE consumer = 'tagging'"
        )
    return database


def dead_of(database):
    with database.connection() as connection:
        return [one.consumer for one in inspect.dead(connection)]


@pytest.mark.parametrize(("language", "words"), [("ru", "1 событие отложено"), ("en", "1 event was set aside")])
def test_one_sentence_says_what_is_worst(person, house, language, words):
    with house.connection() as connection:  # somebody works everywhere, so that the dead event is the worst
        for name in ("tagging", "desk"):
            watch.report_worker(connection, name, name, concurrency=1, in_hand=0, resident_bytes=1)

    page = person(language=language).get("/ops")

    assert page.status_code == 200
    assert words in page.text
    assert "ValueError: кривой &lt;b&gt;текст&lt;/b&gt;" in page.text
    assert page.text.count('class="worker busy"') == 1
    assert page.text.count('class="drop"') == 1
    assert " style=" not in page.text


def test_a_band_leads_to_its_events_and_errors(person, house):
    page = person("ops").get("/ops/imaging")

    assert page.status_code == 200
    assert "story.received.v1" in page.text
    assert f'href="/ops/stories/{make.STORY}"' in page.text
    assert person("ops").get("/ops/nobody").status_code == 404


def test_a_dead_event_is_tried_again_and_the_log_knows_who_did_it(person, house, database):
    answer = person("ops", "Олег").post("/ops/tagging/replay")

    assert answer.status_code == 303
    assert dead_of(database) == []
    with database.connection() as connection:
        assert connection.execute("SELECT who, action, detail FROM audit WHERE action = 'replay'").fetchall() == [
            ("Олег", "replay", {"consumer": "tagging", "events": 1})
        ]


def test_replay_touches_no_other_consumers_dead(person, house, database):
    person("ops").post("/ops/imaging/replay")

    assert dead_of(database) == ["tagging"]


def test_an_editor_sees_none_of_it_and_changes_nothing(person, house, database):
    editor = person("editor")

    assert [editor.get(path).status_code for path in ("/ops", "/ops/imaging", "/ops/stream")] == [403, 403, 403]
    assert editor.post("/ops/tagging/replay").status_code == 403
    assert dead_of(database) == ["tagging"]


def test_a_storys_waterfall_is_drawn_from_the_ledger(person, house):
    page = person().get(f"/ops/stories/{make.STORY}")

    assert page.status_code == 200
    assert page.text.count('class="took"') == 3
    assert 'class="bar-dead"' in page.text
    assert person().get("/ops/stories/01890000-0000-7000-8000-0000000000ff").status_code == 404


def test_workers_are_scaled_where_the_stack_scales_itself_and_else_it_says_how(
    person, house, database, settings_for, tmp_path, app
):
    assert person().post("/ops/imaging/scale", data={"count": 2}).status_code == 422
    assert "kubectl scale deployment/depesha-imaging-worker" in person().get("/ops").text
    (tmp_path / "processes.json").write_text(json.dumps(["imaging-worker", "relay"]))
    settings = Settings(**settings_for("desk"), scale_folder=str(tmp_path))
    browser = person()

    with TestClient(
        create_app(settings), base_url="https://testserver", cookies=browser.cookies, follow_redirects=False
    ) as here:
        origin = {"origin": "https://testserver"}
        assert here.post("/ops/imaging/scale", data={"count": 3}, headers=origin).status_code == 303
        assert here.post("/ops/imaging/scale", data={"count": 99}, headers=origin).status_code == 422
        assert here.post("/ops/relay/scale", data={"count": 0}, headers=origin).status_code == 422

    assert json.loads((tmp_path / "scale.json").read_text()) == {"imaging-worker": 3}


def test_events_a_second_are_counted_by_type(house):
    with house.connection() as connection:
        assert watch.rates(connection) == {"story.received.v1": 0.1}
        assert [(one.consumer, one.count, one.is_dead) for one in watch.reasons(connection)] == [("tagging", 1, True)]
