"""Webhooks against hostile and broken sites on loopback; order, supersession and repetition on a real database."""

import json
import socket
import threading
from datetime import UTC, date, datetime
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient
from standardwebhooks.webhooks import Webhook

from chassis.testing import assert_any_order_ends_alike, recorded_events
from contracts.content import Rubric
from contracts.events import StoryCorrected, StoryKilled, StoryPublished, StoryUnpublished
from delivery import handlers
from delivery.api import create_app
from delivery.domain.schedule import Answer
from delivery.handlers import Drain
from delivery.sender import Sender, Sent, vetting_socket_factory
from delivery.store import Deliveries, Endpoints

from .webhooks import LOOPBACK, VAULT, Site, announce, desk_settings, drain, fact, make_due, states, subscribe

pytestmark = pytest.mark.stack


def test_a_story_arrives_signed_as_its_ninjs_item(client, database, site):
    secret = subscribe(client, site)["secret"]

    announce(database, fact(StoryPublished))
    drain(database)

    [(headers, body)] = site.got
    message = Webhook(secret).verify(body, headers)
    assert (message["type"], message["data"]["version"], headers["content-type"]) == (
        "story.published",
        "1",
        "application/json",
    )
    assert states(database) == [(1, "delivered", 1, 204)]
    [changed] = recorded_events(database, "delivery.changed.v1")
    assert (changed["state"], changed["delivered"], changed["total"], changed["sequence"]) == ("delivered", 1, 1, 1)


def test_a_repeated_fact_makes_one_message(client, database, site):
    subscribe(client, site)

    announce(database, fact(StoryPublished), fact(StoryPublished))
    drain(database)

    assert len(site.got) == 1


def test_an_older_version_that_comes_late_is_not_sent(client, database, site):
    subscribe(client, site)

    announce(database, fact(StoryCorrected, 2), fact(StoryPublished, 1))
    drain(database)

    assert [json.loads(body)["data"]["version"] for _, body in site.got] == ["2"]


def test_an_undelivered_older_version_is_superseded(client, database, site):
    subscribe(client, site)
    announce(database, fact(StoryPublished, 1), fact(StoryCorrected, 2))

    drain(database)

    assert [row[:2] for row in states(database)] == [(1, "superseded"), (2, "delivered")]
    assert len(site.got) == 1


def test_a_newer_version_waits_for_the_older_one_under_way(client, database, site):
    subscribe(client, site)
    drain(database)
    announce(database, fact(StoryPublished, 1))
    with database.unit_of_work() as uow:
        [held] = [one for one in Deliveries(uow.connection).claim(10)[0] if one.story_id]
    announce(database, fact(StoryCorrected, 2))

    drain(database)
    assert site.got == []
    Drain(database, Sender(LOOPBACK, 1, VAULT), 1)._note([Sent(held, Answer(204), datetime.now(UTC))])
    drain(database)

    assert [json.loads(body)["data"]["version"] for _, body in site.got] == ["2"]
    assert [row[:2] for row in states(database)] == [(1, "delivered"), (2, "delivered")]


def test_a_kill_goes_before_everything_else(client, database, site):
    subscribe(client, site)
    drain(database)
    others = [fact(StoryPublished, 1, str(uuid4())) for _ in range(5)]
    announce(database, *others, fact(StoryKilled, 4))

    drain(database, at_once=1, batch=1)

    assert json.loads(site.got[0][1])["type"] == "story.killed"


def test_500_then_200_arrives_with_the_same_id(client, database, site):
    subscribe(client, site)
    site.answer = lambda handler: handler.send_error(500)
    announce(database, fact(StoryPublished))
    drain(database)
    assert states(database) == [(1, "pending", 1, 500)]

    site.answer = lambda handler: handler.send_response(200) or handler.end_headers()
    make_due(database)
    drain(database)

    assert states(database) == [(1, "delivered", 2, 200)]
    assert len({headers["webhook-id"] for headers, _ in site.got}) == 1
    assert len({body for _, body in site.got}) == 1


def test_410_disables_the_endpoint(client, database, site):
    subscribe(client, site)
    site.answer = lambda handler: handler.send_error(410)

    announce(database, fact(StoryPublished))
    drain(database)

    [endpoint] = client.get("/endpoints").json()
    assert (endpoint["state"], endpoint["reason"]) == ("disabled", "the site answered 410 Gone")


def hang(handler):
    handler.server.timeout = None
    threading.Event().wait(3)


def test_one_hanging_site_does_not_keep_another_from_its_news(client, database, site):
    slow = Site()
    slow.answer = hang
    subscribe(client, slow, name="медленный")
    subscribe(client, site, name="быстрый")

    announce(database, fact(StoryPublished))
    drain(database, timeout_s=1.0)

    assert len(site.got) == 1
    assert sorted(row[1] for row in states(database)) == ["delivered", "pending"]
    slow.close()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://[::1]:9/", "http://169.254.169.254/", "http://localhost:9/"]
)
def test_addresses_that_are_not_public_are_never_connected_to(client, database, site, url, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was tried"))
    with database.unit_of_work() as uow:
        Endpoints(uow.connection).add(uuid4(), {"name": "x", "url": url, "state": "active"})
    announce(database, fact(StoryPublished))

    Drain(database, Sender((), 1.0, VAULT), 10).run(most_s=5)

    with database.connection() as connection:
        assert "is not a public address" in connection.execute("SELECT error FROM attempt").fetchone()[0]


def test_the_socket_factory_is_the_last_gate():
    make = vetting_socket_factory(())

    with pytest.raises(OSError, match=r"10\.0\.0\.1 is not a public address"):
        make((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443)))


@pytest.mark.parametrize("url", ["ftp://x.example/", "https://", "https://u:p@x.example/", "https://x.example/#f", "x"])
def test_an_endpoint_with_a_wrong_address_is_refused(client, url):
    answer = client.post("/endpoints", json={"name": "x", "url": url})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/url"


def test_http_is_refused_unless_the_operator_allows_it(settings_for, bearer):
    strict = TestClient(create_app(desk_settings(settings_for, allow_http=False)), headers=bearer)

    assert strict.post("/endpoints", json={"name": "x", "url": "http://x.example/"}).status_code == 422


def test_filters_are_obeyed_and_a_ping_arrives(client, database, site):
    made = subscribe(client, site, rubrics=["Спорт"])
    announce(database, fact(StoryPublished))

    client.post(f"/endpoints/{made['endpoint_id']}/ping")
    drain(database)

    assert [json.loads(body)["type"] for _, body in site.got] == ["endpoint.ping"]


def moved(event, version, rubric):
    """The fact of a story that stands in this one rubric."""
    return fact(event, version).model_copy(update={"rubrics": (Rubric(label=rubric),)})


@pytest.mark.parametrize("event", [StoryCorrected, StoryUnpublished, StoryKilled])
def test_a_site_that_has_a_story_hears_of_it_though_it_has_left_what_the_site_asks_for(client, database, site, event):
    subscribe(client, site, rubrics=["Спорт"])
    drain(database)
    announce(database, moved(StoryPublished, 1, "Спорт"))
    drain(database)

    announce(database, moved(event, 2, "Культура"))
    drain(database)

    assert [json.loads(body)["data"]["version"] for _, body in site.got] == ["1", "2"]


def test_a_site_that_never_had_a_story_gets_no_correction_that_it_does_not_ask_for(client, database, site):
    subscribe(client, site, rubrics=["Спорт"])
    drain(database)
    announce(database, moved(StoryPublished, 1, "Спорт"), moved(StoryCorrected, 2, "Культура"))

    drain(database)

    assert site.got == []
    assert [row[:2] for row in states(database)] == [(1, "superseded")]


def test_what_failed_can_be_sent_again(client, database, site):
    subscribe(client, site)
    site.answer = lambda handler: handler.send_error(500)
    published = fact(StoryPublished)
    announce(database, published)
    drain(database)
    site.answer = lambda handler: handler.send_response(204) or handler.end_headers()

    assert client.post(f"/stories/{published.story_id}/versions/1/resend").json() == {"resent": 1}
    drain(database)

    [told] = client.get(f"/stories/{published.story_id}/deliveries").json()
    assert (told["state"], told["attempts"], told["status_code"]) == ("delivered", 2, 204)


def test_a_message_lost_in_a_crash_of_the_database_is_made_again_under_the_same_webhook_id(client, database, site):
    subscribe(client, site)
    announce(database, fact(StoryPublished))
    drain(database)
    with database.connection() as connection:
        connection.execute("DELETE FROM delivery; DELETE FROM message; DELETE FROM attempt")

    announce(database, fact(StoryPublished))
    drain(database)

    [first, again] = [headers["webhook-id"] for headers, _ in site.got]
    assert first == again


def test_any_order_and_any_repetition_of_a_story_s_facts_leaves_the_newest_standing_at_the_site(
    database_for, settings_for, bearer
):
    told = [fact(StoryPublished), fact(StoryCorrected, 2), fact(StoryCorrected, 3), fact(StoryKilled, 4)]
    sites = []

    def world():
        database = database_for("delivery")
        sites.append(Site())
        client = TestClient(create_app(desk_settings(settings_for)), headers=bearer)
        subscribe(client, sites[-1])
        return database, (database, sites[-1])

    def hear(event, uow, where):
        handlers.announce(event, uow)
        drain(where[0])

    def shown(where):
        _, last = where[1].got[-1]
        message = json.loads(last)
        got = [json.loads(body)["data"]["version"] for _, body in where[1].got]
        assert got == sorted(set(got))
        return message["type"], message["data"]["version"]

    try:
        end = assert_any_order_ends_alike(told, world, hear, shown)
    finally:
        for one in sites:
            one.close()

    assert end == ("story.killed", "4")


def test_attempts_of_days_long_gone_are_dropped_and_the_next_days_have_their_place(database, stack):
    attempt = "INSERT INTO attempt (day, delivery_id, number, at, error, answer, elapsed_ms) VALUES (%s, 1, 1, now(), '', '', 1)"
    with psycopg.connect(stack.admin_url, autocommit=True) as admin:
        admin.execute(
            "CREATE TABLE IF NOT EXISTS delivery.attempt_20200102 PARTITION OF delivery.attempt FOR VALUES FROM ('2020-01-02') TO ('2020-01-03')"
        )
        admin.execute("ALTER TABLE delivery.attempt_20200102 OWNER TO delivery_owner")
    with database.connection() as connection:
        for day in (date(2020, 1, 1), date(2020, 1, 2), datetime.now(UTC).date()):
            connection.execute(attempt, (day,))

    handlers.keep_house(database)

    with database.connection() as connection:
        assert connection.execute("SELECT day FROM attempt").fetchall() == [(datetime.now(UTC).date(),)]
        assert connection.execute("SELECT to_regclass('attempt_20200102')").fetchone() == (None,)
        ahead = connection.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'attempt'::regclass").fetchone()
    assert ahead == (5,)  # today, three days ahead, and the default
