"""The verifier alone: what it believes, what it refuses and why. The keys and signatures here are made by `cryptography` and hmac."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from receiver import Message, Refused, Verifier, newer, public_keys

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAIR = Ed25519PrivateKey.generate()
PUBLIC = "whpk_" + base64.b64encode(PAIR.public_key().public_bytes_raw()).decode()
BODY = json.dumps({"type": "story.corrected", "timestamp": "2026-11-12T09:00:00Z", "data": {"version": "3"}}).encode()


def v1(signed, secret=SECRET):
    raw = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    return "v1," + base64.b64encode(raw).decode()


def v1a(signed):
    return "v1a," + base64.b64encode(PAIR.sign(signed)).decode()


def request(*signers, body=BODY, **changes):
    at = str(int(time.time()))
    signature = " ".join(sign(f"msg_1.{at}.".encode() + body) for sign in signers)
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": at, "Webhook-Signature": signature, **changes}


@pytest.mark.parametrize(
    ("keys", "signers"),
    [(SECRET, (v1,)), ([PUBLIC], (v1a,)), ([SECRET, PUBLIC], (v1a,)), ([PUBLIC, SECRET], (v1,)), ([SECRET], (v1a, v1))],
)
def test_a_message_signed_by_any_key_that_is_known_is_believed(keys, signers):
    assert Verifier(keys).verify(request(*signers), BODY) == Message(
        "msg_1", "story.corrected", "2026-11-12T09:00:00Z", {"version": "3"}
    )


@pytest.mark.parametrize(
    ("keys", "change", "reason"),
    [
        (SECRET, {"Webhook-Id": ""}, "webhook-id: missing"),
        (SECRET, {"Webhook-Id": "msg_2"}, "webhook-signature: none"),
        (SECRET, {"Webhook-Timestamp": "soon"}, "webhook-timestamp: must be whole seconds, not 'soon'"),
        (SECRET, {"Webhook-Timestamp": "1" * 5000}, "more than 300 s from now"),
        (SECRET, {"Webhook-Timestamp": "²"}, "must be whole seconds"),
        (SECRET, {"Webhook-Signature": "v1,ё v1, v1 ,, v1a,AAAA"}, "webhook-signature: none"),
        (PUBLIC, {}, "webhook-signature: none"),
    ],
)
def test_anything_else_is_refused_with_the_reason(keys, change, reason):
    with pytest.raises(Refused, match=reason):
        Verifier(keys).verify(request(v1, **change), BODY)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"type": "x", "timestamp": "y", "data": 1}', b"\xff"])
def test_a_signed_body_that_is_no_message_is_refused(body):
    with pytest.raises(Refused):
        Verifier(SECRET).verify(request(v1, body=body), body)


def test_a_public_key_never_serves_as_a_secret():
    """Else whoever knows it, that is everybody, could sign."""
    raw = base64.b64decode(PUBLIC.removeprefix("whpk_"))
    forged = "whsec_" + base64.b64encode(raw).decode()

    with pytest.raises(Refused):
        Verifier(PUBLIC).verify(request(lambda signed: v1(signed, forged)), BODY)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ([], "none given"),
        (["topsecret"], "key 1: must begin with whsec_ or whpk_$"),
        ([SECRET, "whsec_%"], "key 2: must be base64 after whsec_$"),
        (["whpk_AAAA"], "has 32 bytes, this one 3"),
    ],
)
def test_a_key_that_is_none_is_named_by_its_place_and_not_shown(keys, reason):
    with pytest.raises(ValueError, match=reason):
        Verifier(keys)


def test_the_newsroom_s_public_keys_are_taken_from_its_document():
    document = {"keys": [{"kind": "ed25519", "public_key": PUBLIC}, {"kind": "later", "public_key": "x"}]}

    assert public_keys(document) == [PUBLIC]


@pytest.mark.parametrize(("has", "wanted"), [(None, True), (2, True), (3, False), (4, False)])
def test_only_a_newer_version_changes_anything(has, wanted):
    assert newer(Verifier(SECRET).verify(request(v1), BODY), has) is wanted


def test_the_challenge_is_what_is_to_be_answered():
    body = json.dumps({"type": "endpoint.verification", "timestamp": "x", "data": {"challenge": "abc"}}).encode()
    message = Verifier(SECRET).verify(request(v1, body=body), body)

    assert (message.challenge, message.version, newer(message, None)) == ("abc", None, False)
