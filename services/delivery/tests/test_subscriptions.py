"""What partners and operators see and do: types, keys, the handshake, the partner's page, resends, recoveries, retention, the command line."""

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import jsonschema
import pytest
import trustme
from typer.testing import CliRunner

from contracts.events import StoryCorrected, StoryKilled, StoryPublished, StoryUnpublished
from delivery import commands, handlers
from delivery.store import Deliveries, Recoveries
from receiver import Refused, Verifier, public_keys

from .webhooks import Site, announce, desk_settings, drain, fact, make_due, states, subscribe

pytestmark = pytest.mark.stack


@pytest.fixture
def types(client):
    return {one["type"]: one for one in client.get("/webhooks/types", headers={"authorization": ""}).json()}


def validate(schema, body):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(body)


def test_each_type_has_a_schema_that_its_example_fits_and_the_other_types_do_not(types):
    assert list(types) == [
        "story.published",
        "story.corrected",
        "story.unpublished",
        "story.killed",
        "endpoint.ping",
        "endpoint.verification",
    ]
    for name, one in types.items():
        validate(one["json_schema"], one["example"])
        for other in types:
            if other != name:
                with pytest.raises(jsonschema.ValidationError):
                    validate(one["json_schema"], types[other]["example"])


def test_what_is_sent_fits_the_schema_of_its_type(client, database, site, types):
    made = subscribe(client, site, order_mode="full")
    client.post(f"/endpoints/{made['endpoint_id']}/ping")
    for version, event in enumerate((StoryPublished, StoryCorrected, StoryUnpublished, StoryKilled), 1):
        announce(database, fact(event, version))
        drain(database)

    sent = [json.loads(body) for body in site.bodies]
    assert [one["type"] for one in sent] == [
        "endpoint.verification",
        "endpoint.ping",
        "story.published",
        "story.corrected",
        "story.unpublished",
        "story.killed",
    ]
    for one in sent:
        validate(types[one["type"]]["json_schema"], one)


def test_v1a_is_verified_by_the_published_keys_alone(client, database, site):
    subscribe(client, site, signatures=["v1a"])
    announce(database, fact(StoryPublished))
    drain(database)

    [(headers, body)] = site.got
    keys = public_keys(client.get("/.well-known/webhook-keys.json", headers={"authorization": ""}).json())
    assert Verifier(keys).verify(headers, body).version == 1
    assert headers["webhook-signature"].startswith("v1a,")


def test_both_schemes_and_every_key_sign_while_keys_are_being_changed_and_one_revoked_does_not(client, database, site):
    made = subscribe(client, site, signatures=["v1", "v1a"])
    drain(database)
    path = f"/endpoints/{made['endpoint_id']}/keys"
    second = client.post(path, json={}).json()["secret"]
    house = client.get("/.well-known/webhook-keys.json").json()
    client.post("/keys", json={})

    announce(database, fact(StoryPublished))
    drain(database)
    third = client.post(path, json={"revoke_now": True}).json()["secret"]
    announce(database, fact(StoryCorrected, 2))
    drain(database)

    [(beside, first_body), (after, second_body)] = site.got
    assert sorted(one.partition(",")[0] for one in beside["webhook-signature"].split()) == ["v1", "v1", "v1a", "v1a"]
    for key in (made["secret"], second, *public_keys(house)):
        assert Verifier(key).verify(beside, first_body)
    assert Verifier(third).verify(after, second_body)
    for key in (made["secret"], second):
        with pytest.raises(Refused):
            Verifier(key).verify(after, second_body)


def test_secrets_are_sealed_where_they_lie(client, database, site):
    made = subscribe(client, site)

    with database.connection() as connection:
        sealed = [row[0] for row in connection.execute("SELECT sealed FROM signing_key").fetchall()]
    assert len(sealed) == 2
    assert all(one.startswith("test:") for one in sealed)
    assert made["secret"].removeprefix("whsec_") not in " ".join(sealed)


def test_nobody_is_subscribed_against_their_will(client, database, site):
    site.confirms = False
    made = subscribe(client, site)
    path = f"/endpoints/{made['endpoint_id']}"
    announce(database, fact(StoryPublished))
    client.post(f"{path}/ping")
    drain(database)
    [held] = [row for row in client.get(f"{path}/deliveries").json() if row["type"] == "story.published"]

    client.post(f"/deliveries/{held['delivery_id']}/resend")
    drain(database)

    assert client.get(path).json()["state"] == "unverified"
    assert {json.loads(body)["type"] for _, body in site.got} == {"endpoint.verification"}

    site.confirms = True
    site.got.clear()
    make_due(database)
    drain(database)
    assert client.get(path).json()["state"] == "active"
    assert sorted(json.loads(body)["type"] for _, body in site.got) == ["endpoint.ping", "story.published"]


def test_another_address_must_answer_a_challenge_of_its_own(client, database, site):
    made = subscribe(client, site)
    drain(database)
    other = Site()
    other.confirms = False

    client.patch(f"/endpoints/{made['endpoint_id']}", json={"url": other.url})
    announce(database, fact(StoryPublished))
    drain(database)

    assert {json.loads(body)["type"] for _, body in other.got} == {"endpoint.verification"}
    assert site.got == []
    other.close()


def pem(authority, name):
    cert = authority.issue_cert(name)
    return cert.private_key_pem.bytes().decode(), cert.cert_chain_pems[0].bytes().decode()


@pytest.mark.parametrize(
    ("given", "pointer", "reason"),
    [
        ({"headers": {"Webhook-Id": "x"}}, "/headers", "'Webhook-Id' is not yours to set"),
        ({"headers": {"host": "x"}}, "/headers", "'host' is not yours to set"),
        ({"headers": {"Content-Length": "1"}}, "/headers", "'Content-Length' is not yours to set"),
        ({"headers": {"Accept-Encoding": "gzip"}}, "/headers", "'Accept-Encoding' is not yours to set"),
        ({"headers": {"X A": "x"}}, "/headers", "'X A' is not yours to set"),
        ({"headers": {"X-A": "x\r\nHost: y"}}, "/headers", "'X-A' must hold printable ASCII"),
        ({"timeout_s": 31}, "/timeout_s", "less than or equal to 30"),
        ({"rate_per_s": 0}, "/rate_per_s", "greater than or equal to 1"),
        ({"order_mode": "any"}, "/order_mode", "'latest', 'full' or 'fifo'"),
        ({"types": ["story.liked"]}, "/types/0", "'story.published'"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_field(client, given, pointer, reason):
    answer = client.post("/endpoints", json={"name": "x", "url": "https://x.example/", **given})

    [problem] = answer.json()["errors"]
    assert (answer.status_code, problem["pointer"]) == (422, f"/body{pointer}")
    assert reason in json.dumps(problem, ensure_ascii=False)


def test_a_certificate_wants_its_own_key(client):
    authority = trustme.CA()
    (one_key, one), (other_key, _) = pem(authority, "a.example"), pem(authority, "b.example")

    for given, reason in (
        ("topsecret", "must hold a certificate in PEM"),
        (one, "private key in PEM"),
        (one + other_key, "is not the certificate's"),
    ):
        answer = client.post("/endpoints", json={"name": "x", "url": "https://x.example/", "certificate": given})
        [problem] = answer.json()["errors"]
        assert (answer.status_code, problem["pointer"]) == (422, "/certificate")
        assert reason in problem["detail"]
        assert "topsecret" not in answer.text
    assert (
        client.post(
            "/endpoints", json={"name": "x", "url": "https://x.example/", "certificate": one + one_key}
        ).status_code
        == 201
    )


def fail_all(database):
    with database.connection() as connection:
        connection.execute(
            "UPDATE delivery SET state = 'failed', attempts = 11, done_at = now() WHERE story_id IS NOT NULL"
        )


def test_what_is_older_than_what_went_out_is_never_sent_again(client, database, site):
    made = subscribe(client, site, order_mode="full")
    drain(database)
    first = fact(StoryPublished, 1)
    announce(database, first)
    fail_all(database)
    announce(database, fact(StoryCorrected, 2))
    drain(database)
    [old] = [row for row in client.get(f"/endpoints/{made['endpoint_id']}/deliveries").json() if row["version"] == 1]

    assert client.post(f"/deliveries/{old['delivery_id']}/resend").status_code == 404
    assert client.post(f"/stories/{first.story_id}/versions/1/resend").json() == {"resent": 0}
    recover(client, database, made)
    drain(database)

    assert [json.loads(body)["data"]["version"] for _, body in site.got] == ["2"]


def recover(client, database, made, steps=1):
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    begun = client.post(f"/endpoints/{made['endpoint_id']}/recoveries", json={"since": since}).json()
    for _ in range(steps):
        handlers.recover(database)
    return client.get(f"/recoveries/{begun['recovery_id']}").json()


def many_failed(client, database, site, count):
    made = subscribe(client, site)
    drain(database)
    announce(database, *(fact(StoryPublished, 1, str(uuid4())) for _ in range(count)))
    fail_all(database)
    return made


def test_a_recovery_goes_on_by_steps_without_a_cap_and_says_how_far_it_is(client, database, site, monkeypatch):
    monkeypatch.setattr(handlers, "RECOVERY_STEP", 20)
    made = many_failed(client, database, site, 50)

    half = recover(client, database, made, steps=2)
    assert (half["state"], half["seen"], half["resent"], half["total"]) == ("running", 40, 40, 50)
    handlers.recover(database)
    whole = client.get(f"/recoveries/{half['recovery_id']}").json()
    drain(database)

    assert (whole["state"], whole["seen"], whole["resent"]) == ("done", 50, 50)
    assert len(site.got) == 50


def test_a_recovery_begins_at_a_moment_and_at_no_number(client, database, site):
    made = subscribe(client, site)

    answers = [client.post(f"/endpoints/{made['endpoint_id']}/recoveries", json={"since": at}) for at in (0, "0", 1.5)]

    assert [one.status_code for one in answers] == [422] * 3
    with database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM recovery").fetchone() == (0,)


def test_a_cancelled_recovery_stops_where_it_is(client, database, site, monkeypatch):
    monkeypatch.setattr(handlers, "RECOVERY_STEP", 20)
    made = many_failed(client, database, site, 50)
    begun = recover(client, database, made)

    assert client.delete(f"/recoveries/{begun['recovery_id']}").status_code == 204
    handlers.recover(database)

    after = client.get(f"/recoveries/{begun['recovery_id']}").json()
    assert (after["state"], after["resent"]) == ("cancelled", 20)
    assert client.delete(f"/recoveries/{begun['recovery_id']}").status_code == 404


def test_old_deliveries_are_let_go_of_but_not_what_a_site_has_of_a_story(client, database, site):
    made = subscribe(client, site, order_mode="full")
    client.post(f"/endpoints/{made['endpoint_id']}/ping")
    for version in (1, 2):
        announce(database, fact(StoryPublished if version == 1 else StoryCorrected, version))
        drain(database)
    with database.connection() as connection:
        connection.execute("UPDATE delivery SET done_at = now() - interval '91 days'")
        connection.execute("UPDATE message SET made_at = now() - interval '91 days'")

    handlers.keep_house(database)

    assert states(database) == [(2, "delivered", 1, 204)]
    with database.connection() as connection:
        assert connection.execute("SELECT type FROM message").fetchall() == [("story.corrected",)]
    site.got.clear()
    announce(database, fact(StoryPublished, 1), fact(StoryKilled, 3))
    drain(database)
    assert [json.loads(body)["type"] for _, body in site.got] == ["story.killed"]


def test_statistics_tell_attempts_and_times(client, database, site):
    made = subscribe(client, site)
    announce(database, fact(StoryPublished))
    drain(database)

    [row] = client.get("/statistics").json()
    assert (row["endpoint_id"], row["attempts"], row["good"]) == (made["endpoint_id"], 2, 2)
    assert 0 < row["p50_ms"] <= row["p95_ms"]


@pytest.mark.parametrize(
    ("language", "title", "button"),
    [
        ("ru-RU,ru", "Вебхуки для сайта", "Прислать проверочное сообщение"),
        ("en-GB,en;q=0.9,ru;q=0.8", "Webhooks for", "Send a test message"),
    ],
)
def test_a_partner_s_page_needs_its_link_alone_and_speaks_both_languages(
    client, database, site, language, title, button
):
    made = subscribe(client, site)
    announce(database, fact(StoryPublished))
    drain(database)
    link = made["page_url"].removeprefix("http://127.0.0.1:8005")
    stranger = {"authorization": "", "accept-language": language}

    page = client.get(link, headers=stranger)
    pinged = client.post(f"{link}/ping", headers=stranger)
    rotated = client.post(f"{link}/secret", headers=stranger)
    drain(database)

    assert (page.status_code, pinged.status_code, rotated.status_code) == (200, 200, 200)
    assert title in page.text
    assert button in page.text
    [(_, _), (headers, body)] = site.got
    assert json.loads(body)["type"] == "endpoint.ping"
    assert Verifier(re.search(r"whsec_[\w+/=]+", rotated.text)[0]).verify(headers, body)
    assert client.get(link + "x", headers=stranger).status_code == 404


def test_a_partner_cannot_touch_another_s_deliveries(client, database, site):
    other = Site()
    mine, theirs = subscribe(client, site, name="мой"), subscribe(client, other, name="чужой")
    announce(database, fact(StoryPublished))
    drain(database)
    [foreign] = [row for row in client.get(f"/endpoints/{theirs['endpoint_id']}/deliveries").json() if row["version"]]
    link = mine["page_url"].removeprefix("http://127.0.0.1:8005")

    answer = client.post(f"{link}/deliveries/{foreign['delivery_id']}/resend", headers={"authorization": ""})
    drain(database)

    assert answer.status_code == 404
    assert len(other.got) == 1
    other.close()


@pytest.fixture
def depesha(monkeypatch, settings_for, database):
    """The command line, with delivery's settings: what it printed, and how it ended."""
    settings = desk_settings(settings_for)
    monkeypatch.setattr(commands.Settings, "from_environment", classmethod(lambda _: settings))

    def run(*words):
        ended = CliRunner().invoke(commands.app, [str(word) for word in words], catch_exceptions=False)
        return ended.exit_code, ended.output

    return run


def test_the_command_line_adds_a_site_and_tells_what_became_of_its_messages(depesha, database, site):
    code, told = depesha("add", "Сайт", site.url, "--options", '{"order_mode": "full"}')
    assert code == 0
    site_id = re.search(r"id +(\S+)", told)[1]
    assert "whsec_" in told
    assert "/partner/" in told
    drain(database)

    message_id = depesha("ping", "Сайт")[1].strip()
    announce(database, fact(StoryPublished))
    drain(database)
    rows = json.loads(depesha("deliveries", site_id, "--json")[1])

    assert [(row["type"], row["state"]) for row in rows] == [
        ("story.published", "delivered"),
        ("endpoint.ping", "delivered"),
        ("endpoint.verification", "delivered"),
    ]
    assert rows[1]["message_id"] == message_id
    [attempt] = json.loads(depesha("attempts", rows[0]["delivery_id"], "--json")[1])
    assert (attempt["status_code"], attempt["number"]) == (204, 1)
    assert depesha("resend", rows[0]["delivery_id"])[0] == 0
    drain(database)
    assert [json.loads(body)["type"] for _, body in site.got] == ["endpoint.ping", "story.published", "story.published"]
    [statistics] = json.loads(depesha("statistics", "--json")[1])
    assert (statistics["name"], statistics["attempts"], statistics["good"]) == ("Сайт", 4, 4)
    [shown] = json.loads(depesha("endpoints", "--json")[1])
    assert (shown["endpoint_id"], shown["state"]) == (site_id, "active")
    assert "Сайт" in depesha("endpoints")[1]


def test_the_command_line_disables_enables_rotates_recovers_and_cancels(depesha, client, database, site):
    made = many_failed(client, database, site, 3)
    assert depesha("disable", made["endpoint_id"])[1] == "Сайт: disabled\n"
    assert depesha("enable", "Сайт")[1] == "Сайт: active\n"
    assert depesha("rotate", "Сайт", "--revoke-now")[1].startswith("whsec_")

    told = depesha("recover", "Сайт", "2026-01-01T00:00:00", "--no-wait")[1]
    recovery_id = re.search(r"recovery (\S+);", told)[1]
    assert depesha("cancel", recovery_id)[1] == f"recovery {recovery_id}: cancelled\n"
    assert depesha("cancel", recovery_id) == (1, f"recovery {recovery_id}: not running\n")

    with database.unit_of_work() as uow:
        Recoveries(uow.connection).add(UUID(int=5), UUID(made["endpoint_id"]), datetime(2026, 1, 1, tzinfo=UTC))
    handlers.recover(database)
    commands._watch(database, UUID(int=5))
    drain(database)
    assert len(site.got) == 3


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("ping", "никто"), "site 'никто': not known here"),
        (("add", "x", "ftp://x.example/"), "url: must be https or http"),
        (("add", "x", "https://x.example/", "--options", '{"order_mode": "any"}'), "order_mode"),
        (("resend", "77"), "delivery 77: not known here"),
    ],
)
def test_the_command_line_says_what_is_wrong(depesha, words, reason):
    code, told = depesha(*words)

    assert code == 1
    assert reason in told


def outage(client, database, site, hours, failures=9):
    """A site that has failed for so long, `failures` times in a row, on three stories."""
    made = subscribe(client, site)
    drain(database)
    site.answer = lambda handler: handler.send_error(500)
    announce(database, *(fact(StoryPublished, 1, str(uuid4())) for _ in range(3)))
    for _ in range(3):
        drain(database)
    with database.connection() as connection:
        connection.execute(
            "UPDATE endpoint SET failures_in_row = %s, failing_since = now() - %s * interval '1 hour', probe_at = NULL",
            (failures, hours),
        )
    make_due(database)
    return made


@pytest.mark.parametrize(("hours", "warned_h"), [(0.5, 0), (1.1, 1), (25, 24), (97, 96)])
def test_a_site_that_fails_is_told_of_after_1_24_and_96_hours(client, database, site, hours, warned_h):
    outage(client, database, site, hours)
    drain(database)

    with database.connection() as connection:
        assert connection.execute("SELECT warned_h, state FROM endpoint").fetchone() == (warned_h, "active")


def test_after_120_hours_a_site_is_disabled_and_what_comes_is_held_for_14_days_and_goes_out_when_it_is_back(
    client, database, site
):
    made = outage(client, database, site, 121)
    drain(database)
    path = f"/endpoints/{made['endpoint_id']}"
    shown = client.get(path).json()
    assert (shown["state"], shown["reason"]) == ("disabled", "no success for 120 hours")
    site.answer = Site.take
    site.got.clear()

    announce(database, fact(StoryPublished))
    drain(database)
    assert site.got == []
    assert {row[1] for row in states(database)} == {"held"}
    with database.connection() as connection:
        connection.execute(
            "UPDATE delivery SET made_at = now() - interval '15 days' WHERE attempts > 0 AND state = 'held'"
        )
    handlers.keep_house(database)
    client.post(f"{path}/enable")
    drain(database)

    assert sorted(row[1] for row in states(database)) == ["delivered", "failed", "failed", "failed"]
    assert len(site.got) == 1


def test_fewer_than_ten_failures_disable_nobody_however_long_ago(client, database, site):
    made = outage(client, database, site, 500, failures=2)
    drain(database)

    assert client.get(f"/endpoints/{made['endpoint_id']}").json()["state"] == "active"


@pytest.mark.parametrize(("mode", "got"), [("latest", ["3"]), ("full", ["1", "2", "3"]), ("fifo", ["1", "2", "3"])])
def test_order_is_the_site_s_choice(client, database, site, mode, got):
    subscribe(client, site, order_mode=mode)
    drain(database)
    announce(database, fact(StoryPublished, 1), fact(StoryCorrected, 2), fact(StoryCorrected, 3))

    drain(database)

    assert [json.loads(body)["data"]["version"] for _, body in site.got] == got


def test_in_fifo_the_next_story_waits_for_the_one_before_and_a_kill_does_not(client, database, site):
    subscribe(client, site, order_mode="fifo")
    drain(database)
    site.answer = lambda handler: handler.send_error(500)
    announce(database, fact(StoryPublished, 1, str(uuid4())))
    drain(database)
    site.answer = Site.take
    site.got.clear()

    announce(database, fact(StoryPublished, 1, str(uuid4())), fact(StoryKilled, 4))
    drain(database)

    assert [json.loads(body)["type"] for _, body in site.got] == ["story.killed"]


def test_a_first_attempt_goes_before_a_retry(client, database, site):
    subscribe(client, site)
    drain(database)
    announce(database, fact(StoryPublished, 1, str(UUID(int=1))), fact(StoryPublished, 1, str(UUID(int=2))))
    with database.connection() as connection:
        connection.execute("UPDATE delivery SET attempts = 1 WHERE story_id = %s", (UUID(int=1),))

    with database.unit_of_work() as uow:
        [first] = Deliveries(uow.connection).claim(1)[0]

    assert first.story_id == UUID(int=2)


def test_two_workers_never_send_the_same_at_once_nor_more_than_the_site_allows(client, database, site):
    subscribe(client, site, max_in_flight=4)
    drain(database)
    announce(database, *(fact(StoryPublished, 1, str(uuid4())) for _ in range(10)))

    with database.unit_of_work() as uow:
        one = Deliveries(uow.connection).claim(3)[0]
    with database.unit_of_work() as uow:
        other = Deliveries(uow.connection).claim(10)[0]

    assert (len(one), len(other)) == (3, 1)
    assert {row.delivery_id for row in one}.isdisjoint(row.delivery_id for row in other)
