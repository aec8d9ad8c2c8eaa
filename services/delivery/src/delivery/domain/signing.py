"""Standard Webhooks signatures. Source: Standard Webhooks specification 1.0.0, "Signature scheme"."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SYMMETRIC = "whsec_"
PRIVATE = "whsk_"
PUBLIC = "whpk_"


def new_secret() -> str:
    """`whsec_` and 24 random bytes in base64, as the specification advises (24 to 64 bytes)."""
    return SYMMETRIC + base64.b64encode(secrets.token_bytes(24)).decode()


def new_key_pair() -> tuple[str, str]:
    """(private, public) ed25519 keys: `whsk_` and `whpk_` with the raw 32 bytes in base64."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    return PRIVATE + base64.b64encode(key.private_bytes_raw()).decode(), PUBLIC + base64.b64encode(public).decode()


def sign(key: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature over "id.timestamp.body", timestamp in whole seconds: `v1` by a shared secret, `v1a` by a private key."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    if key.startswith(PRIVATE):
        raw = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key.removeprefix(PRIVATE))).sign(signed)
        return f"v1a,{base64.b64encode(raw).decode()}"
    raw = hmac.digest(base64.b64decode(key.removeprefix(SYMMETRIC)), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(raw).decode()}"


def headers(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; several keys while one is being replaced."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(key, message_id, timestamp, body) for key in keys),
    }
