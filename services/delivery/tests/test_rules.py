"""Signatures, schedule and filters, checked by a verifier that we did not write."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from contracts.catalogue import example
from contracts.content import Rubric, Tag
from contracts.event import Envelope
from contracts.events import StoryKilled, StoryPublished
from delivery.domain import health
from delivery.domain.health import Windows, probe_after_s, warning_due
from delivery.domain.messages import TYPES, Filters, encode, thin, wants
from delivery.domain.schedule import DELAYS_S, Answer, judge, next_delay_s
from delivery.domain.signing import headers, new_key_pair, new_secret, sign

NOW = datetime(2026, 11, 12, 9, 0, tzinfo=UTC)


def test_standardwebhooks_verifies_our_signature():
    secret = new_secret()
    body = encode("story.published", NOW, {"headline": "Орск «достроит» дамбу"})
    now = int(datetime.now(UTC).timestamp())

    message = Webhook(secret).verify(body, headers([secret], "msg_1", now, body))

    assert message == {
        "type": "story.published",
        "timestamp": "2026-11-12T09:00:00+00:00",
        "data": {"headline": "Орск «достроит» дамбу"},
    }


def test_either_key_verifies_while_one_is_being_replaced():
    old, new = new_secret(), new_secret()
    signed = headers([old, new], "msg_1", int(datetime.now(UTC).timestamp()), b"{}")

    for secret in (old, new):
        assert Webhook(secret).verify(b"{}", signed) == {}


@pytest.mark.parametrize(
    "change", [{"webhook-id": "msg_2"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,AAAA"}]
)
def test_nothing_signed_may_be_changed(change):
    secret = new_secret()
    signed = {**headers([secret], "msg_1", int(datetime.now(UTC).timestamp()), b"{}"), **change}

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"{}", signed)


def test_the_signature_is_the_specifications():
    assert sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    ) == ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")


def test_the_body_is_encoded_without_escapes_and_spaces():
    assert (
        encode("endpoint.ping", NOW, {"а": 1})
        == '{"type":"endpoint.ping","timestamp":"2026-11-12T09:00:00+00:00","data":{"а":1}}'.encode()
    )


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, "delivered"),
        (204, "delivered"),
        (299, "delivered"),
        (301, "retry"),
        (400, "retry"),
        (404, "retry"),
        (410, "gone"),
        (429, "retry"),
        (500, "retry"),
        (None, "retry"),
    ],
)
def test_an_answer_is_judged(status, verdict):
    assert judge(Answer(status)) == verdict


def test_retries_follow_the_schedule_with_jitter_and_end():
    for attempts, delay in enumerate(DELAYS_S, 1):
        assert 0.8 * delay <= next_delay_s(attempts, Answer(500), NOW) <= 1.2 * delay
    assert next_delay_s(len(DELAYS_S) + 1, Answer(500), NOW) is None


@pytest.mark.parametrize(
    ("status", "value", "least", "most"),
    [
        (429, "120", 120, 120),
        (503, "Thu, 12 Nov 2026 09:02:00 GMT", 120, 120),
        (429, "86400", 3600, 3600),
        (500, "120", 4, 6),
        (429, "soon", 4, 6),
        (429, "-5", 4, 6),
    ],
)
def test_retry_after_is_obeyed_up_to_an_hour(status, value, least, most):
    assert least <= next_delay_s(1, Answer(status, retry_after=value), NOW) <= most


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (Filters(), True),
        (Filters(types=("story.published",)), True),
        (Filters(types=("story.killed",)), False),
        (Filters(rubrics=("Спорт", "Политика")), True),
        (Filters(rubrics=("Спорт",)), False),
        (Filters(tags=("Казахстан",)), True),
        (Filters(tags=("Орск",)), False),
        (Filters(languages=("en",)), False),
        (Filters(least_urgent=5), True),
        (Filters(least_urgent=4), False),
    ],
)
def test_an_endpoint_gets_what_it_asked_for(filters, wanted):
    story = Envelope.model_validate(example(StoryPublished)).open()
    story = story.model_copy(
        update={
            "rubrics": (Rubric(label="Политика"),),
            "tags": (Tag(label="Казахстан"),),
            "urgency": 5,
            "language": "ru",
        }
    )

    assert wants(filters, "story.published", story) is wanted


def test_a_thin_item_says_where_the_whole_is_and_stays_small():
    item = {"uri": "u", "version": "1", "headlines": [{"value": "З"}], "bodies": [{"value": "x" * 300_000}]}

    small = thin({**item, "subjects": [{"name": "я" * 300}] * 100}, "https://d.example/messages/1/data")

    assert small == {
        "uri": "u",
        "version": "1",
        "representationType": "partial",
        "data_url": "https://d.example/messages/1/data",
    }


def test_an_ed25519_signature_is_verified_by_the_public_key_alone():
    private, public = new_key_pair()

    scheme, _, signature = sign(private, "msg_1", 1614265330, "тело".encode()).partition(",")

    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    key.verify(base64.b64decode(signature), "msg_1.1614265330.тело".encode())
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), "msg_2.1614265330.тело".encode())
    assert (scheme, len(base64.b64decode(signature))) == ("v1a", 64)


def test_probes_come_at_30_s_a_minute_2_5_and_then_every_10_minutes():
    assert [probe_after_s(step) for step in range(7)] == [30, 60, 120, 300, 600, 600, 600]


@pytest.mark.parametrize(
    ("failing_h", "warned_h", "due"),
    [(0.5, 0, None), (1, 0, 1), (2, 1, None), (24, 1, 24), (97, 1, 96), (200, 96, None)],
)
def test_a_silent_site_is_told_of_after_1_24_and_96_hours(failing_h, warned_h, due):
    assert warning_due(failing_h, warned_h) == due


def test_half_of_twenty_failures_within_a_minute_pause_a_site(monkeypatch):
    windows, clock = Windows(), iter(range(1000))
    monkeypatch.setattr(health.time, "monotonic", lambda: next(clock))

    assert [windows.note("a", good=place % 2 == 0) for place in range(20)] == [False] * 19 + [True]
    monkeypatch.setattr(health.time, "monotonic", lambda: 2000.0)
    assert windows.note("a", good=False) is False


def test_every_fact_of_publication_has_a_message_type():
    facts = [Envelope.model_validate(example(event)).open() for event in (StoryPublished, StoryKilled)]

    assert [TYPES[type(fact)] for fact in facts] == ["story.published", "story.killed"]
    assert json.loads(encode("story.killed", NOW, facts[1].item))["data"]["pubStatus"] == "canceled"
