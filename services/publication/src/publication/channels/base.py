"""What all channels have in common: what they are told, what they answer, and how they talk."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

import urllib3

from publication.domain.page import Picture

TIMEOUT = urllib3.Timeout(connect=5, read=20)


@dataclass(frozen=True)
class Telling:
    """A story in the words that channels need."""

    story_id: str
    version: int
    headline: str
    lede: str
    url: str
    tags: tuple[str, ...]
    pictures: tuple[Picture, ...]
    feed_urls: tuple[str, ...] = ()
    all_urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """`reference` is what the channel needs to change or delete the post later; `url` is where readers see it."""

    reference: dict[str, Any]
    url: str = ""


class ChannelUnavailable(Exception):  # noqa: N818 - it tells a state
    """The channel does not answer, or asks us to wait (`retry_after_s`). Trying again helps."""

    def __init__(self, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ChannelRefused(Exception):  # noqa: N818 - it tells a state
    """The channel says no: wrong token, no such chat, a limit. Trying the same again does not help."""


class Channel(Protocol):
    """`show` posts, or edits what `reference` names; `hide` deletes it. Each may be asked twice for the same."""

    def show(self, telling: Telling, reference: dict[str, Any] | None) -> Told: ...

    def hide(self, telling: Telling, reference: dict[str, Any]) -> Told: ...


class Talk:
    """HTTP to one service, over kept connections."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=4, timeout=TIMEOUT, retries=False)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,  # noqa: ANN401 - any JSON
        fields: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, JSON answer ({} where it is none), headers in lower case.

        Raises:
            ChannelUnavailable: no answer, 429 or 5xx.

        """
        given: dict[str, Any] = {"headers": headers or {}, "redirect": False}
        if raw is not None:
            given["body"] = raw
        elif body is not None:
            given["json"] = body
        elif fields is not None:
            given |= {"fields": fields, "encode_multipart": False}
        try:
            answer = self._pool.request(method, self.base_url + path, **given)
        except urllib3.exceptions.HTTPError as error:
            raise ChannelUnavailable(f"{self.base_url}: no answer ({type(error).__name__})") from None
        found = {name.lower(): value for name, value in answer.headers.items()}
        value = _json(answer.data)
        if answer.status == 429 or answer.status >= 500:
            raise ChannelUnavailable(f"answered {answer.status}", _wait(value, found))
        return answer.status, value, found


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _wait(value: dict[str, Any], headers: dict[str, str]) -> float | None:
    """What the answer asks us to wait, in seconds: Telegram's parameters.retry_after, or Retry-After."""
    parameters = value.get("parameters")
    asked = parameters.get("retry_after") if isinstance(parameters, dict) else headers.get("retry-after")
    try:
        return float(asked) if asked is not None else None
    except (TypeError, ValueError):
        return None
