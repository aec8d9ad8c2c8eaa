"""Signatures, schedule and filters, checked by a verifier that we did not write."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from contracts.catalogue import example
from contracts.event import Envelope
from contracts.events import StoryKilled, StoryPublished
from delivery.domain.messages import TYPES, encode, wants
from delivery.domain.schedule import DELAYS_S, Answer, judge, next_delay_s
from delivery.domain.signing import headers, new_secret, sign

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


def test_filters_of_an_endpoint():
    assert wants((), (), "story.published", ("Политика",))
    assert wants(("story.killed",), (), "story.killed", ())
    assert not wants(("story.killed",), (), "story.published", ())
    assert wants((), ("Политика", "Спорт"), "story.published", ("Спорт",))
    assert not wants((), ("Политика",), "story.published", ("Спорт",))


def test_every_fact_of_publication_has_a_message_type():
    facts = [Envelope.model_validate(example(event)).open() for event in (StoryPublished, StoryKilled)]

    assert [TYPES[type(fact)] for fact in facts] == ["story.published", "story.killed"]
    assert json.loads(encode("story.killed", NOW, facts[1].item))["data"]["pubStatus"] == "canceled"
