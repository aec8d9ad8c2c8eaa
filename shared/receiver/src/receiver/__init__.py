"""For a site that receives Depesha's webhooks: whether a message is the newsroom's, and whether it is news to the site.

Source: Standard Webhooks specification 1.0.0. `v1` is HMAC-SHA256 by a secret that both know, `v1a` is ed25519 by a key pair of
which the site knows the public half.
"""

from receiver.verifier import Message, Refused, Verifier, newer, public_keys

__all__ = ["Message", "Refused", "Verifier", "newer", "public_keys"]
