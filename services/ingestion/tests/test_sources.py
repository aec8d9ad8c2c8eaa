"""Sources, whatever their kind: added, visited under a lease, tried out, paused, told of; with a kind made for these tests."""

import json
import threading

import pytest
from pydantic import SecretStr

from chassis.safe_http import FetchFailed
from chassis.testing import recorded_events
from ingestion import bootstrap, sources
from ingestion.domain.items import Item, Raw, Trouble, Withdrawn, attempt
from ingestion.domain.story_form import StoryForm
from ingestion.handlers.visiting import Visitor
from ingestion.sources.plugin import Plugin, SourceSettings
from ingestion.store.items import NewOriginal, Originals
from ingestion.store.sources import Sources

from .fakes.web_server import Page

pytestmark = pytest.mark.stack

JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100


class NotesSettings(SourceSettings):
    url: str
    password: SecretStr = SecretStr("")


def poll(visit):
    fetched = visit.client.get(visit.settings.url)
    visit.memory["seen"] = visit.memory.get("seen", 0) + 1
    visit.memory["password"] = visit.settings.password.get_secret_value()
    yield Raw(fetched.body, "application/json", url=visit.settings.url)


def parse(raw, _settings):
    for place, note in enumerate(json.loads(raw.body)):
        if "gone" in note:
            yield Withdrawn(note["gone"])
        else:
            yield attempt(f"note {place}", lambda note=note: Item(StoryForm(**note)))


NOTES = Plugin("notes", told_as="feed", about="for tests", settings=NotesSettings, parse=parse, poll=poll, every_s=60)


@pytest.fixture(autouse=True)
def _notes(monkeypatch):
    monkeypatch.setitem(sources.PLUGINS, "notes", NOTES)


def note(number, **more):
    return {"external_id": str(number), "headline": f"Новость {number}", "body": "Текст.", **more}


def serve(web, *notes):
    web.pages["/notes"] = Page(json.dumps(notes).encode())


@pytest.fixture
def add(client, web):
    def go(source_id="notes:orsk", **more):
        source = {"source_id": source_id, "kind": "notes", "name": "Орск", "settings": {"url": web.url("/notes")}}
        answer = client.post("/sources", json={**source, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return go


def test_a_visit_takes_in_what_is_there_and_archives_the_original_first(
    add, client, web, visit, database, private_bucket
):
    serve(web, note(1), note(2))
    added = add()

    row = visit("notes:orsk")

    events = recorded_events(database, "story.received.v1")
    assert [event["content"]["headline"] for event in events] == ["Новость 1", "Новость 2"]
    assert events[0]["source"] == {"source_id": "notes:orsk", "name": "Орск", "kind": "feed", "url": web.url("/notes")}
    assert json.loads(private_bucket.get(events[0]["raw_key"])) == [note(1), note(2)]
    assert (row.failures, row.problem, row.memory["seen"]) == (0, "", 1)
    assert 54 <= (row.due_at - row.visited_at).total_seconds() <= 67
    assert (added["items_all"], added["state"], added["every_s"], added["is_quiet"]) == (0, "active", 60, False)
    shown = client.get("/sources/notes:orsk").json()
    assert (shown["items_day"], shown["items_all"], shown["troubles_day"]) == (2, 2, 0)


def test_the_same_again_is_no_news_and_a_change_is_a_revision(add, web, visit, database):
    serve(web, note(1), note(2))
    add()
    visit("notes:orsk")
    visit("notes:orsk")

    serve(web, note(2, lede="Дополнено."), note(1))
    visit("notes:orsk")

    events = recorded_events(database, "story.received.v1")
    assert [(event["external_id"], event["revision"]) for event in events] == [("1", 1), ("2", 1), ("2", 2)]


def test_one_bad_item_stops_no_other_and_stays_with_its_original(add, client, web, visit, database):
    serve(web, note(1), note(2, headline=""), note(3, mood="sad"), note(4))
    add()

    visit("notes:orsk")
    visit("notes:orsk")

    assert [event["external_id"] for event in recorded_events(database)] == ["1", "4"]
    troubles = client.get("/sources/notes:orsk/troubles").json()
    assert [(one["place"], one["reason"], one["times"]) for one in sorted(troubles, key=lambda one: one["place"])] == [
        ("note 1", "headline: String should have at least 1 character", 2),
        ("note 2", "mood: Extra inputs are not permitted", 2),
    ]
    original = client.get(f"/originals/{troubles[0]['raw_id']}")
    assert json.loads(original.content)[1]["headline"] == ""
    assert original.headers["content-disposition"].startswith("attachment")
    assert original.headers["content-type"] == "application/octet-stream"


def test_a_photo_that_cannot_be_had_does_not_stop_its_story(add, client, web, visit, database):
    web.pages["/good.jpg"] = Page(JPEG, headers={"content-type": "image/jpeg"})
    web.pages["/page.jpg"] = Page(b"<html>", headers={"content-type": "text/html"})
    images = [{"url": web.url(f"/{name}.jpg"), "caption": name} for name in ("good", "gone", "page")]
    serve(web, note(1, images=images))
    add()

    visit("notes:orsk")

    [event] = recorded_events(database)
    assert [(image["caption"], bool(image["original"])) for image in event["content"]["images"]] == [
        ("good", True),
        ("gone", False),
        ("page", False),
    ]
    assert event["content"]["images"][1]["problem"] == f"{web.url('/gone.jpg')}: answered 404"
    assert event["content"]["images"][2]["problem"] == f"{web.url('/page.jpg')}: is text/html, not an image"
    assert {one["place"] for one in client.get("/sources/notes:orsk/troubles").json()} == {
        f"1: {web.url('/gone.jpg')}",
        f"1: {web.url('/page.jpg')}",
    }
    [item] = client.get("/sources/notes:orsk/items").json()
    assert (item["headline"], item["missing"], item["revision"]) == ("Новость 1", 2, 1)


def test_a_photo_that_did_not_change_is_not_sent_again(add, web, visit, database):
    web.pages["/a.jpg"] = Page(JPEG, headers={"content-type": "image/jpeg"})
    serve(web, note(1, images=[{"url": web.url("/a.jpg")}]))
    add()
    visit("notes:orsk")
    serve(web, note(1, lede="Дополнено.", images=[{"url": web.url("/a.jpg")}]))

    visit("notes:orsk")

    first, second = recorded_events(database)
    assert web.statuses("/a.jpg") == [200, 304]
    assert first["content"]["images"] == second["content"]["images"]


def test_what_the_source_takes_back_is_told_once(add, web, visit, database):
    serve(web, note(1))
    add()
    visit("notes:orsk")
    serve(web, {"gone": "1"}, {"gone": "7"})
    visit("notes:orsk")
    serve(web, {"gone": "1"})
    visit("notes:orsk")

    [received] = recorded_events(database, "story.received.v1")
    [withdrawn] = recorded_events(database, "story.withdrawn_at_source.v1")
    assert (withdrawn["story_id"], withdrawn["revision"]) == (received["story_id"], 2)


def test_a_story_that_comes_back_is_a_new_revision(add, web, visit, database):
    serve(web, note(1))
    add()
    visit("notes:orsk")
    serve(web, {"gone": "1"})
    visit("notes:orsk")
    serve(web, note(1))
    visit("notes:orsk")

    assert [event["revision"] for event in recorded_events(database)] == [1, 2, 3]


def test_a_source_that_fails_is_visited_ever_less_often_until_it_answers(add, client, web, visit):
    web.pages["/notes"] = Page(b"", 500)
    add()

    pauses = []
    for _ in range(3):
        row = visit("notes:orsk")
        pauses.append((row.due_at - row.visited_at).total_seconds())
    shown = client.get("/sources/notes:orsk").json()
    serve(web, note(1))
    healed = visit("notes:orsk")

    assert [round(pause / 120, 0) for pause in pauses] == [1, 2, 4]
    assert (shown["failures"], shown["problem"]) == (3, f"{web.url('/notes')}: answered 500")
    assert (healed.failures, healed.problem) == (0, "")


def test_an_original_that_cannot_be_read_is_kept_with_the_reason(add, client, web, visit):
    web.pages["/notes"] = Page(b"{broken")
    add()

    row = visit("notes:orsk")

    [trouble] = client.get("/sources/notes:orsk/troubles").json()
    assert trouble["reason"].startswith("JSONDecodeError: ")
    assert client.get(f"/originals/{trouble['raw_id']}").content == b"{broken"
    assert (row.failures, row.problem) == (1, trouble["reason"])


def test_a_source_can_end(add, client, web, visit, monkeypatch):
    def last(visit):
        visit.ended = "410: gone for good"
        yield from ()

    monkeypatch.setitem(sources.PLUGINS, "notes", Plugin("notes", "feed", "", NotesSettings, parse, last))
    add()

    visit("notes:orsk")

    shown = client.get("/sources/notes:orsk").json()
    assert (shown["state"], shown["problem"]) == ("ended", "410: gone for good")


def test_what_a_source_asks_for_is_waited(add, web, visit, monkeypatch):
    def patient(visit):
        visit.wait_at_least_s = 7200
        raise FetchFailed("too often", retry_after_s=9000)
        yield

    monkeypatch.setitem(sources.PLUGINS, "notes", Plugin("notes", "feed", "", NotesSettings, parse, patient))
    add()

    row = visit("notes:orsk")

    assert 8990 <= (row.due_at - row.visited_at).total_seconds() <= 9010


def test_secrets_are_sealed_and_never_shown(add, client, web, visit, database):
    serve(web)
    added = add(settings={"url": web.url("/notes"), "password": "сезам"})

    assert visit("notes:orsk").memory["password"] == "сезам"
    assert added["settings"] == {"url": web.url("/notes")}
    client.patch("/sources/notes:orsk", json={"settings": {"url": web.url("/notes")}, "name": "Город Орск"})
    row = visit("notes:orsk")
    assert (row.memory["password"], row.name) == ("сезам", "Город Орск")
    with database.connection() as connection:
        assert "сезам" not in str(connection.execute("SELECT settings, secrets FROM source").fetchall())


def test_a_changed_address_forgets_what_was_seen_and_a_changed_name_does_not(add, client, web, visit):
    serve(web)
    add()
    visit("notes:orsk")

    client.patch("/sources/notes:orsk", json={"name": "Новое имя", "every_s": 30})
    assert visit("notes:orsk").memory["seen"] == 2
    client.patch("/sources/notes:orsk", json={"settings": {"url": web.url("/notes?2")}})
    web.pages["/notes?2"] = web.pages["/notes"]
    assert visit("notes:orsk").memory["seen"] == 1


def test_a_test_run_shows_what_would_come_and_keeps_nothing(client, web, database):
    serve(web, note(1, images=[{"url": web.url("/a.jpg"), "caption": "Мост | Фото: Пётр"}]), note(2, headline=""))
    source = {"source_id": "notes:x", "kind": "notes", "name": "Орск", "settings": {"url": web.url("/notes")}}

    answer = client.post("/sources/try", json=source).json()

    [story], [trouble] = answer["stories"], answer["troubles"]
    assert (story["content"]["headline"], story["is_known"], answer["is_cut"]) == ("Новость 1", False, False)
    assert [(image["caption"], image["credit"]) for image in story["content"]["images"]] == [("Мост", "Пётр")]
    assert trouble["place"] == "note 1"
    assert client.get("/sources").json() == []
    with database.connection() as connection:
        for table in ("item", "raw", "trouble", "source"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert recorded_events(database) == []


def test_a_test_run_of_a_source_tells_what_is_in_already(add, client, web, visit):
    serve(web, note(1))
    add()
    visit("notes:orsk")
    serve(web, note(1), note(2))

    stories = client.post("/sources/notes:orsk/try").json()["stories"]

    assert [(one["external_id"], one["is_known"]) for one in stories] == [("1", True), ("2", False)]


def test_a_test_run_of_a_place_that_does_not_answer_says_so(client, web):
    source = {"source_id": "notes:x", "kind": "notes", "name": "x", "settings": {"url": web.url("/nothing")}}

    answer = client.post("/sources/try", json=source)

    assert (answer.status_code, answer.json()["detail"]) == (422, f"{web.url('/nothing')}: answered 404")


def test_a_paused_source_is_not_visited_and_a_resumed_one_is_at_once(add, client, database):
    add()
    assert client.put("/sources/notes:orsk/state", json={"state": "paused"}).json()["state"] == "paused"
    assert client.post("/sources/notes:orsk/visit").status_code == 409
    with database.connection() as connection:
        assert list(Sources(connection).lease_due(["notes"], 10, 60)) == []
    client.put("/sources/notes:orsk/state", json={"state": "active"})
    with database.connection() as connection:
        assert [lease.source.source_id for lease in Sources(connection).lease_due(["notes"], 10, 60)] == ["notes:orsk"]


def test_a_source_is_deleted_and_its_stories_stay(add, client, web, visit, database):
    serve(web, note(1))
    add()
    visit("notes:orsk")

    assert client.delete("/sources/notes:orsk").status_code == 204
    assert client.get("/sources/notes:orsk").status_code == 404
    assert client.delete("/sources/notes:orsk").status_code == 404
    with database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM item").fetchone() == (1,)


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"kind": "carrier-pigeon"}, 404, "kind 'carrier-pigeon': there are"),
        ({"settings": {}}, 422, "/settings/url: Field required"),
        ({"settings": {"url": "x", "colour": 1}}, 422, "/settings/colour"),
        ({"source_id": "a/b"}, 422, "source_id"),
        ({"every_s": 1}, 422, "every_s"),
        ({"name": ""}, 422, "name"),
    ],
)
def test_a_wrong_source_is_refused_with_the_field_named(client, change, status, word):
    good = {"source_id": "notes:x", "kind": "notes", "name": "x", "settings": {"url": "http://x.example/"}}

    answer = client.post("/sources", json={**good, **change})

    assert answer.status_code == status
    assert word in answer.json()["detail"]
    assert client.get("/sources").json() == []


def test_an_id_is_taken_once(add, client):
    add()

    again = {"source_id": "notes:orsk", "kind": "notes", "name": "x", "settings": {"url": "http://x.example/"}}
    assert client.post("/sources", json=again).status_code == 409
    assert client.get("/sources/notes:orsk").json()["name"] == "Орск"


def test_a_source_is_leased_once_until_its_lease_ends(add, database):
    add()
    with database.connection() as connection:
        [lease] = Sources(connection).lease_due(["notes"], 10, 60)
        assert list(Sources(connection).lease_due(["notes"], 10, 60)) == []
        connection.execute("UPDATE source SET lease_ends_at = now()")
        [second] = Sources(connection).lease_due(["notes"], 10, 60)

        assert not Sources(connection).finish(lease, {"seen": 99}, 60, "")
        assert not Sources(connection).remember(lease, {"seen": 99})
        assert Sources(connection).finish(second, {"seen": 1}, 60, "")
        assert Sources(connection).get("notes:orsk").memory == {"seen": 1}


def test_a_visitor_visits_many_at_once_and_each_once(add, web, database, intake, our_settings, monkeypatch):
    together = threading.Barrier(4, timeout=10)
    visited = []

    def meet(visit):
        together.wait()
        visited.append(visit.settings.url)
        yield from ()

    monkeypatch.setitem(sources.PLUGINS, "notes", Plugin("notes", "feed", "", NotesSettings, parse, meet))
    for number in range(4):
        add(f"notes:{number}", settings={"url": f"http://{number}.example/"})
    visitors = [
        Visitor(intake, bootstrap.originals_client(our_settings), our_settings.vault, ["notes"], at_once=2)
        for _ in "ab"
    ]

    for visitor in visitors:
        visitor.visit_due()
    until(lambda: all(visitor.is_idle() for visitor in visitors))

    assert sorted(visited) == [f"http://{number}.example/" for number in range(4)]


def test_those_that_listen_for_minutes_do_not_take_the_others_places(add, intake, our_settings, monkeypatch):
    may_end, looked = threading.Event(), threading.Event()

    def listen(_visit):
        may_end.wait(10)
        yield from ()

    def look(_visit):
        looked.set()
        yield from ()

    monkeypatch.setitem(sources.PLUGINS, "notes", Plugin("notes", "feed", "", NotesSettings, parse, look))
    ears = Plugin("ears", "mail", "", NotesSettings, parse, listen, listens=True)
    monkeypatch.setitem(sources.PLUGINS, "ears", ears)
    settings = our_settings.model_copy(update={"visits_at_once": 1, "listens_at_once": 2})
    for number in range(2):
        add(f"ears:{number}", kind="ears")
    listener, visitor = bootstrap.listener(settings, intake), bootstrap.visitor(settings, intake)
    listener.visit_due()
    add()

    visitor.visit_due()

    assert looked.wait(10)
    assert not listener.is_idle()
    may_end.set()
    until(lambda: listener.is_idle() and visitor.is_idle())


def test_a_source_that_is_silent_for_long_is_strangely_quiet(add, client, web, visit, database):
    serve(web, note(1))
    add(quiet_after_s=3600)
    visit("notes:orsk")
    assert client.get("/sources/notes:orsk").json()["is_quiet"] is False
    assert 'depesha_source_quiet_seconds{source="notes:orsk"}' not in client.get("/metrics").text

    with database.connection() as connection:
        connection.execute("UPDATE item SET received_at = now() - interval '2 hours'")

    assert client.get("/sources/notes:orsk").json()["is_quiet"] is True
    [line] = [one for one in client.get("/metrics").text.splitlines() if "quiet_seconds{" in one]
    assert line.startswith('depesha_source_quiet_seconds{source="notes:orsk"} 360')


def test_kinds_tell_their_settings(client):
    [notes] = [one for one in client.get("/source-kinds").json() if one["kind"] == "notes"]

    assert (notes["is_visited"], notes["every_s"], notes["settings"]["required"]) == (True, 60, ["url"])


def test_the_same_bytes_are_one_original(intake, database):
    with database.connection() as connection:
        first = Originals(connection).save("s", NewOriginal("raw/ab/abc", "text/xml", "http://a", {}, 3))
        second = Originals(connection).save("s", NewOriginal("raw/ab/abc", "text/xml", "http://b", {"n": 1}, 3))
        assert first == second
        assert (Originals(connection).get(first).url, Originals(connection).get(first).note) == ("http://b", {"n": 1})


def test_an_unexpected_error_is_trouble_with_one_item():
    assert attempt("x", lambda: {}["y"]) == Trouble("x", "KeyError: 'y'")


def until(is_true):
    deadline = threading.Event()
    for _ in range(200):
        if is_true():
            return
        deadline.wait(0.05)
    raise AssertionError("it did not come true in 10 s")
