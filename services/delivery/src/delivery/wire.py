"""The body of each type of message, as JSON Schema and by example, for those who build a receiver."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

NINJS: Final = "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#"


class Worded(BaseModel):
    model_config = ConfigDict(extra="allow")

    value: str
    role: str = ""


class Item(BaseModel):
    """An IPTC ninjs 3.1 item. In the thin form it has few fields, and `data_url`: where the whole of it is."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"$comment": NINJS})

    uri: str = Field(description="names the story for good")
    version: Annotated[str, Field(pattern=r"^[1-9][0-9]*$", description="grows with each change of the story")]
    pubStatus: Literal["usable", "withheld", "canceled"] = "usable"  # noqa: N815 - as ninjs has it
    language: str = ""
    headlines: list[Worded] = []
    data_url: str | None = Field(default=None, description="signed, good for 30 days")


class Challenge(BaseModel):
    challenge: str = Field(description="answer 200 with this as the body")


class Ping(BaseModel):
    endpoint: str = Field(description="the name under which you are known")


class Message(BaseModel):
    timestamp: AwareDatetime = Field(description="when it happened")


class StoryPublished(Message):
    """A story is out: show it."""

    type: Literal["story.published"]
    data: Item


class StoryCorrected(Message):
    """A newer version of a story: put it in place of the older one."""

    type: Literal["story.corrected"]
    data: Item


class StoryUnpublished(Message):
    """A story is withdrawn: take it down."""

    type: Literal["story.unpublished"]
    data: Item


class StoryKilled(Message):
    """A story must not be shown any more, anywhere: take it down at once, out of archives and caches too."""

    type: Literal["story.killed"]
    data: Item


class EndpointPing(Message):
    """A test: nothing happened."""

    type: Literal["endpoint.ping"]
    data: Ping


class EndpointVerification(Message):
    """The first message: say that you want the others."""

    type: Literal["endpoint.verification"]
    data: Challenge


MESSAGES: Final[tuple[type[Message], ...]] = (
    StoryPublished,
    StoryCorrected,
    StoryUnpublished,
    StoryKilled,
    EndpointPing,
    EndpointVerification,
)

WORDS: Final = "Мост через Урал открыт"
URI: Final = "https://news.example.org/2026/11/12/most-cherez-ural.html"
PAST: Final = {
    "story.published": (1, "usable"),
    "story.corrected": (2, "usable"),
    "story.unpublished": (3, "withheld"),
    "story.killed": (4, "canceled"),
}


class MessageType(BaseModel):
    """A type of message. `json_schema` describes the whole body, `example` is one."""

    type: str
    description: str
    json_schema: dict[str, Any]
    example: dict[str, Any]


def message_types() -> list[MessageType]:
    return [_described(model) for model in MESSAGES]


def _described(model: type[Message]) -> MessageType:
    (name,) = model.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    example = {"type": name, "timestamp": datetime(2026, 11, 12, 9, 30, tzinfo=UTC).isoformat(), "data": _data(name)}
    return MessageType(type=name, description=str(model.__doc__), json_schema=schema, example=example)


def _data(name: str) -> dict[str, Any]:
    if name == "endpoint.ping":
        return {"endpoint": "Вечерний Орск"}
    if name == "endpoint.verification":
        return {"challenge": "Q2hhbGxlbmdlIG9mIHRoaXMgc2l0ZQ"}
    version, status = PAST[name]
    item: dict[str, Any] = {
        "uri": URI,
        "type": "text",
        "standard": {"name": "ninjs", "version": "3.1", "schema": NINJS},
        "version": str(version),
        "versionCreated": "2026-11-12T09:30:00+00:00",
        "pubStatus": status,
        "language": "ru",
        "urgency": 5,
        "altIds": [{"role": "storyId", "value": "0193a5c0-7e1a-7c4e-9b1d-000000000001"}],
    }
    if status != "usable":
        return {**item, "edNote": "Снято по просьбе источника"}
    body = {"role": "main", "contentType": "text/html", "value": f"<p>{WORDS}.</p>"}
    return {**item, "headlines": [{"role": "main", "contentType": "text/plain", "value": WORDS}], "bodies": [body]}
