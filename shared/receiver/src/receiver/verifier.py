"""Verifies a message by any of the keys that a site was given."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SECRET: Final = "whsec_"  # noqa: S105 - how a secret begins
PUBLIC: Final = "whpk_"
TOLERANCE_S: Final = 300
"""A message that was signed longer ago, or that far ahead, may be somebody's recording."""

Check = Callable[[bytes, bytes], bool]
"""(what was signed, signature) -> whether it is good."""


class Refused(Exception):  # noqa: N818 - a message that is not the newsroom's is no fault of ours
    """The message is not to be believed; the text says why. Answer 400."""


@dataclass(frozen=True)
class Message:
    """A message that is the newsroom's. `data`: a ninjs 3.1 item where `type` is a story's."""

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]

    @property
    def version(self) -> int | None:
        """Of the story; None where the message is about none."""
        text = str(self.data.get("version", ""))
        return int(text) if self.type.startswith("story.") and text.isdecimal() else None

    @property
    def challenge(self) -> str | None:
        """What is to be answered, as it is, before anything else is sent here."""
        return self.data.get("challenge") if self.type == "endpoint.verification" else None


class Verifier:
    """`keys`: secrets (`whsec_…`) and public keys (`whpk_…`), in any number and order; one good signature is enough.

    Raises:
        ValueError: no key, or one that is neither; the message says which (by its place, never by its text).

    """

    def __init__(self, keys: str | Sequence[str], tolerance_s: float = TOLERANCE_S) -> None:
        keys = [keys] if isinstance(keys, str) else keys
        if not keys:
            raise ValueError("keys: none given; a secret `whsec_…` or a public key `whpk_…` is needed")
        self._checks: list[tuple[str, Check]] = [_check(key, place) for place, key in enumerate(keys, 1)]
        self._tolerance_s = tolerance_s

    def verify(self, headers: Mapping[str, str], body: bytes) -> Message:
        """The message in a request. `body`: its bytes as they came, before any decoding.

        Raises:
            Refused: a header is missing, the time is not now, no signature is good, or the body is no message.

        """
        given = {name.lower(): value for name, value in headers.items()}
        message_id, at, signatures = (_header(given, name) for name in ("id", "timestamp", "signature"))
        self._check_time(at)
        signed = f"{message_id}.{at}.".encode() + body
        if not any(self._is_good(signed, one) for one in signatures.split()):
            raise Refused("webhook-signature: none of them is by a key that we know")
        return _parse(message_id, body)

    def _check_time(self, at: str) -> None:
        if not at.isascii() or not at.isdigit():
            raise Refused(f"webhook-timestamp: must be whole seconds, not {at[:40]!r}")
        if abs(time.time() - int(at[:20])) > self._tolerance_s:
            raise Refused(f"webhook-timestamp: {at[:20]} is more than {self._tolerance_s:g} s from now")

    def _is_good(self, signed: bytes, signature: str) -> bool:
        scheme, _, encoded = signature.partition(",")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        return any(check(signed, raw) for known, check in self._checks if known == scheme)


def newer(message: Message, version: int | None) -> bool:
    """Whether the message tells more than the version that the site has of that story; `version` None: it has none.

    Retries come late and repeat: keep the version of each story beside it, and change nothing where this is False.
    """
    return message.version is not None and (version is None or message.version > version)


def public_keys(document: Mapping[str, Any]) -> list[str]:
    """The keys in `/.well-known/webhook-keys.json`, for `Verifier`. Fetch it over https, once a day and when a message is refused."""
    return [str(key["public_key"]) for key in document["keys"] if key.get("kind") == "ed25519"]


def _check(key: str, place: int) -> tuple[str, Check]:
    prefix = next((one for one in (SECRET, PUBLIC) if key.startswith(one)), None)
    if prefix is None:
        raise ValueError(f"key {place}: must begin with {SECRET} or {PUBLIC}")
    try:
        raw = base64.b64decode(key.removeprefix(prefix), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"key {place}: must be base64 after {prefix}") from None
    if prefix == PUBLIC and len(raw) != 32:
        raise ValueError(f"key {place}: an ed25519 public key has 32 bytes, this one {len(raw)}")
    return ("v1", _by_secret(raw)) if prefix == SECRET else ("v1a", _by_public_key(raw))


def _by_secret(secret: bytes) -> Check:
    return lambda signed, signature: hmac.compare_digest(hmac.digest(secret, signed, hashlib.sha256), signature)


def _by_public_key(raw: bytes) -> Check:
    key = Ed25519PublicKey.from_public_bytes(raw)

    def check(signed: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    return check


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(f"webhook-{name}", "")
    if not value:
        raise Refused(f"webhook-{name}: missing")
    return value


def _parse(message_id: str, body: bytes) -> Message:
    try:
        message = json.loads(body)
        kind, at, data = message["type"], message["timestamp"], message["data"]
    except (ValueError, KeyError, TypeError):
        raise Refused("the body is not {type, timestamp, data}") from None
    if not isinstance(data, dict):
        raise Refused("data: must be an object")
    return Message(message_id, str(kind), str(at), data)
