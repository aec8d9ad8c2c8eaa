"""What a kind of source is: a function that reads originals, and where we go and look, one that fetches them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, SecretStr

from chassis.safe_http import SafeClient
from ingestion.domain.items import File, Part, Raw, Updates

ToldAs: TypeAlias = Literal["api", "telegram", "max", "feed", "link", "mail", "upload"]


class SourceSettings(BaseModel):
    """Base of each kind's settings. Fields of type SecretStr are sealed in the table and never shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def oldest(self, added_at: datetime) -> datetime | None:  # noqa: ARG002 - what most kinds say
        """News that was published before this was no news any more when the source was added; None: all of it is wanted."""
        return None


@dataclass
class Visit:
    """One look at a source. What a plug-in leaves here the frame obeys.

    `memory` is JSON, kept between visits: saved after each original that was taken in, and at the end.
    `wait_at_least_s`: the source asks for patience. `ended`: why the source is over and is not visited again.
    `told`: posts that came to our door in the last day and stand, each with the numbers of its messages.
    """

    settings: Any
    client: SafeClient
    memory: dict[str, Any] = field(default_factory=dict)
    wait_at_least_s: float = 0
    ended: str = ""
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)


Parse: TypeAlias = Callable[[Raw, Any], Iterator[Part]]
"""(original, the source's settings) -> what is in it. Pure, so that it can be done again with an archived original."""

Poll: TypeAlias = Callable[[Visit], Iterator[Raw | Updates]]
"""Originals that are new, or a messenger's updates, which go the way of those that come to its webhook.

Raises FetchFailed or another Refusal, whose words the editor reads beside the source.
"""

Fetch: TypeAlias = Callable[[str, Any, SafeClient], File]
"""(an image's name that no file came for, settings, client) -> its bytes."""


Subscribe: TypeAlias = Callable[[Any, str, SafeClient], None]
"""(settings, our door's address, client): ask the source to tell us of news there. Raises a Refusal."""


@dataclass(frozen=True)
class Plugin:
    """A kind of source. Without `poll` it comes in at a door of ours. `listens`: its visits wait for news for minutes."""

    kind: str
    told_as: ToldAs
    about: str
    settings: type[SourceSettings]
    parse: Parse
    poll: Poll | None = None
    fetch: Fetch | None = None
    subscribe: Subscribe | None = None
    every_s: int = 300
    listens: bool = False

    def secret_fields(self) -> frozenset[str]:
        return frozenset(
            name for name, field in self.settings.model_fields.items() if "SecretStr" in str(field.annotation)
        )


def reveal(settings: BaseModel) -> dict[str, Any]:
    """Settings as plain JSON, secrets in clear; only to seal them."""
    plain = settings.model_dump(mode="json")
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            plain[name] = value.get_secret_value()
    return plain
