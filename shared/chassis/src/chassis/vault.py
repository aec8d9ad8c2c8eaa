"""Secrets at rest: sealed with the newest of the operator's keys, opened with any of them.

`DEPESHA_SECRET_KEYS` is `id:key,id:key`, the newest first; each key is 32 random bytes in URL-safe base64 (a Fernet key).
A sealed text is `id:token`, so one sees which key it needs.
"""

import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken


class SecretUnreadableError(Exception):
    """A sealed text needs a key that is not among the operator's."""


class Vault:
    """Seals and opens short texts.

    Raises:
        ValueError: no key, or one that is not a Fernet key; the message names it.

    """

    def __init__(self, keys: str) -> None:
        self._keys: dict[str, Fernet] = {}
        self._raw: dict[str, bytes] = {}
        for entry in filter(None, (part.strip() for part in keys.split(","))):
            name, _, key = entry.partition(":")
            self._raw[name] = key.encode()
            try:
                self._keys[name] = Fernet(key)
            except ValueError:
                raise ValueError(f"DEPESHA_SECRET_KEYS: the key {name!r} is not 32 bytes in URL-safe base64") from None
        if not self._keys:
            raise ValueError("DEPESHA_SECRET_KEYS: missing; `id:key`, where key is 32 random bytes in URL-safe base64")
        self.newest = next(iter(self._keys))
        self.open = lru_cache(maxsize=20_000)(self._open)

    def seal(self, text: str) -> str:
        return f"{self.newest}:{self._keys[self.newest].encrypt(text.encode()).decode()}"

    def mac(self, text: str, name: str = "") -> str:
        """`id.hex`: HMAC-SHA256 of a text by the key of this name, else the newest; for links that only we can make."""
        name = name or self.newest
        if name not in self._raw:
            return ""
        return f"{name}.{hmac.digest(self._raw[name], text.encode(), 'sha256').hex()[:32]}"

    def is_mac(self, text: str, mac: str) -> bool:
        good = self.mac(text, mac.rpartition(".")[0] or "-")
        return bool(good) and hmac.compare_digest(good, mac)

    def is_current(self, sealed: str) -> bool:
        """Whether it is sealed with the newest key; if not, rotation seals it again."""
        return sealed.partition(":")[0] == self.newest

    def _open(self, sealed: str) -> str:
        name, _, token = sealed.partition(":")
        try:
            return self._keys[name].decrypt(token.encode()).decode()
        except KeyError:
            raise SecretUnreadableError(f"sealed with the key {name!r}; known are {', '.join(self._keys)}") from None
        except InvalidToken:
            raise SecretUnreadableError(f"does not open with the key {name!r}") from None
