"""What all events have in common: a type with a version, a producer, consumers, and the CloudEvents 1.0 envelope."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Service = Literal["ingestion", "imaging", "tagging", "desk", "publication", "delivery"]
Priority = Literal["urgent", "routine", "bulk"]
"""How soon an event wants to be handled: breaking news, everyday work, imports of an archive."""

TYPE_PATTERN = re.compile(r"^[a-z]+(?:\.[a-z_]+)+\.v[1-9][0-9]*$")


class Event(BaseModel):
    """A fact in the past tense. Frozen; later versions of a type only ever add optional fields.

    A subclass says who it is in its class line, and is registered by that:

        class StoryTagged(Event, type="story.tagged.v1", producer="tagging", consumers=("desk",)): ...
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    event_type: ClassVar[str]
    producer: ClassVar[Service]
    consumers: ClassVar[tuple[Service, ...]]
    registry: ClassVar[dict[str, type[Event]]] = {}

    def __init_subclass__(
        cls,
        *,
        type: str,  # noqa: A002 - CloudEvents' own word
        producer: Service,
        consumers: tuple[Service, ...],
        **kwargs: Any,  # noqa: ANN401 - pydantic's signature
    ) -> None:
        super().__init_subclass__(**kwargs)
        if not TYPE_PATTERN.match(type):
            raise ValueError(f"{cls.__name__}: type {type!r} is not of the form noun.verb.v1")
        if type in Event.registry:
            raise ValueError(f"{cls.__name__}: type {type!r} is already {Event.registry[type].__name__}")
        if not consumers:
            raise ValueError(f"{cls.__name__}: an event that nobody hears is not an event")
        cls.event_type, cls.producer, cls.consumers = type, producer, consumers
        Event.registry[type] = cls

    @property
    def subject(self) -> str:
        """What the event is about, as CloudEvents `subject`: the story's id for all that is about a story."""
        return str(getattr(self, "story_id", ""))


class Envelope(BaseModel):
    """CloudEvents 1.0 in JSON (structured mode), with the extension attribute `priority`.

    Source: CloudEvents specification 1.0.2, sections "Required attributes" and "Optional attributes".
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1, description="unique with `source`; a UUIDv7")
    source: str = Field(min_length=1, description="/depesha/<service>")
    type: str = Field(min_length=1, examples=["story.received.v1"])
    subject: str = Field(description="the story's id")
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    priority: Priority = "routine"
    traceparent: str | None = Field(default=None, description="W3C trace context, where tracing is on")
    data: dict[str, Any]

    @classmethod
    def of(
        cls,
        event: Event,
        *,
        event_id: str,
        time: datetime,
        priority: Priority = "routine",
        traceparent: str | None = None,
    ) -> Self:
        return cls(
            id=event_id,
            source=f"/depesha/{event.producer}",
            type=event.event_type,
            subject=event.subject,
            time=time,
            priority=priority,
            traceparent=traceparent,
            data=event.model_dump(mode="json"),
        )

    def open(self) -> Event:
        """The event inside.

        Raises:
            UnknownEventError: nobody here knows this type, or only an older version of it.
            pydantic.ValidationError: the data does not fit the type.

        """
        try:
            event_class = Event.registry[self.type]
        except KeyError:
            raise UnknownEventError(self.type) from None
        return event_class.model_validate(self.data)


class UnknownEventError(Exception):
    """An event of a type, or of a version of a type, that this code does not know."""

    def __init__(self, event_type: str) -> None:
        stem = event_type.rpartition(".v")[0]
        known = [name for name in Event.registry if name.rpartition(".v")[0] == stem]
        hint = f"known here: {', '.join(known)}" if known else "no version of it is known here"
        super().__init__(f"event type {event_type!r} is unknown ({hint})")
        self.event_type = event_type
