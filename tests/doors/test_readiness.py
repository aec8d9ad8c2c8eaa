"""Each dependency that is down makes /readyz 503 with the reason; what can go on without it goes on."""

import importlib
import json
import urllib.error
import urllib.request

import pytest
from fastapi.testclient import TestClient

from chassis import celery_app, metrics
from chassis.database import Database
from chassis.ids import new_id
from contracts.catalogue import example
from contracts.event import Envelope
from contracts.events import StoryReceived
from desk.handlers import events, people
from desk.routes.sign_in import COOKIE
from desk.store.people import People, Sessions
from stack.demo.stories import DELEGATION
from stack.engines import SERVICES

pytestmark = pytest.mark.stack

NOWHERE = "127.0.0.1:1"
USES_STORAGE = {
    "ingestion": {"storage"},
    "imaging": {"originals", "renditions"},
    "tagging": set(),
    "desk": {"storage"},
    "publication": {"site"},
    "delivery": set(),
}


@pytest.fixture
def client_of(settings_for, database_for, bearer):
    """`client_of("desk", s3_endpoint=…)`: the service's API with changed settings."""
    open_ones = []

    def make(service, *, is_empty=True, **changes):
        if is_empty:
            database_for(service)
        settings = importlib.import_module(f"{service}.settings").Settings(**{**settings_for(service), **changes})
        client = TestClient(importlib.import_module(f"{service}.api").create_app(settings), headers=bearer)
        client.__enter__()
        open_ones.append(client)
        return client

    yield make
    for client in open_ones:
        client.__exit__(None, None, None)


@pytest.mark.parametrize("service", SERVICES)
def test_storage_down_is_told_and_takes_nobody_out_of_the_traffic(client_of, service):
    whole, without = client_of(service), client_of(service, s3_endpoint=f"http://{NOWHERE}")

    told = without.get("/readyz")

    assert (whole.get("/readyz").status_code, whole.get("/readyz").json()) == (200, {"ready": True, "down": {}})
    assert set(told.json()["down"]) == USES_STORAGE[service]
    assert told.status_code == (503 if USES_STORAGE[service] else 200)
    assert all(NOWHERE in reason for reason in told.json()["down"].values())
    assert (without.get("/readyz?only=traffic").status_code, without.get("/healthz").status_code) == (200, 200)
    assert without.get("/readyz?only=nonsense").status_code == 422


@pytest.mark.parametrize("service", SERVICES)
def test_database_down_is_told_and_takes_the_process_out_of_the_traffic(client_of, service):
    without = client_of(service, database_url=f"postgresql://{service}:x@{NOWHERE}/depesha")

    for path in ("/readyz", "/readyz?only=traffic"):
        told = without.get(path)
        assert told.status_code == 503
        assert "Connection refused" in told.json()["down"]["database"]
    assert without.get("/healthz").status_code == 200


def test_a_worker_without_its_engines_says_which(settings_for, stack):
    good = settings_for("imaging")
    checks = {
        "database": Database(good["database_url"], "imaging", size=1).check,
        "redis": lambda: celery_app.check(f"redis://{NOWHERE}/0"),
    }
    server = metrics.serve("127.0.0.1", 0, checks)
    try:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/readyz", timeout=10)
        told = json.loads(refused.value.read())
        refused.value.close()
    finally:
        server.shutdown()
        server.server_close()

    assert refused.value.code == 503
    assert list(told["down"]) == ["redis"]
    assert NOWHERE in told["down"]["redis"]


def test_the_desk_is_read_and_written_without_storage(client_of, database_for, settings_for):
    database_for("desk")
    desk = client_of("desk", is_empty=False, s3_endpoint=f"http://{NOWHERE}")
    database, person_id = Database(settings_for("desk")["database_url"], "desk"), new_id()
    received = Envelope.model_validate(example(StoryReceived)).open()
    events.open_story(received, database.unit_of_work())
    with database.unit_of_work() as uow:
        People(uow.connection).add(person_id, "anna@example.org", "Анна", "chief", people.NOBODY)
        Sessions(uow.connection).add("session", person_id)
    database.close()
    story, page = f"/api/stories/{received.story_id}", f"/stories/{received.story_id}"

    change = {"headline": "Мост открыт", "expected_revision": desk.get(story).json()["revision"]}
    saved = desk.patch(story, json=change)
    browser = TestClient(desk.app, base_url="https://testserver", cookies={COOKIE: "session"})
    pages = {path: browser.get(path).status_code for path in ("/", page, "/ops")}

    assert saved.status_code == 200
    assert desk.get(story).json()["draft"]["headline"] == "Мост открыт"
    assert pages == {"/": 200, page: 200, "/ops": 200}
    assert NOWHERE in browser.get("/ops").text


def test_ingestion_takes_stories_while_redis_is_down(client_of):
    ingestion = client_of("ingestion", redis_url=f"redis://{NOWHERE}/0")
    form = {name: value for name, value in DELEGATION.form.items() if name != "images"}
    form["body"] = [block for block in form["body"] if block["kind"] == "paragraph"]

    answer = ingestion.post("/stories", json=form)

    assert answer.status_code in (200, 201, 202)
    assert answer.json()["story_id"]
