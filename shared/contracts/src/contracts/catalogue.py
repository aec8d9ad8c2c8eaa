"""Draws docs/events.md and docs/asyncapi.json from the event classes. `python -m contracts` writes them."""

import inspect
import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contracts import events as _events
from contracts.event import Envelope, Event

PREAMBLE = """# Events

Written by `make docs` from the classes in `shared/contracts`; a test compares the two. Every event is one
[CloudEvents 1.0](https://cloudevents.io) message in JSON; its fields below are the message's `data`.
Types only ever gain optional fields. A change that is not an addition is a new type (`.v2`) beside the old one.
"""


def catalogue() -> list[type[Event]]:
    """All events, in the order of a story's road."""
    return [Event.registry[name] for name in Event.registry if Event.registry[name].__module__ == _events.__name__]


def example(event: type[Event]) -> dict[str, Any]:
    """The newest example message of a type: a whole envelope."""
    folder = files("contracts") / "examples" / event.event_type
    newest = max((entry for entry in folder.iterdir() if entry.name.endswith(".json")), key=lambda entry: entry.name)
    message: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
    return message


def events_page() -> str:
    """docs/events.md."""
    return "\n".join([PREAMBLE, _picture(), *(_section(event) for event in catalogue())])


def _picture() -> str:
    lines = ["```mermaid", "flowchart LR"]
    arrows: dict[tuple[str, str], list[str]] = {}
    for event in catalogue():
        for consumer in event.consumers:
            arrows.setdefault((event.producer, consumer), []).append(event.__name__)
    lines += [f'    {said_by} -->|"{"<br/>".join(names)}"| {heard_by}' for (said_by, heard_by), names in arrows.items()]
    return "\n".join([*lines, "```", ""])


def _section(event: type[Event]) -> str:
    fields = "\n".join(_field_row(event, name) for name in event.model_fields)
    return f"""## {event.__name__}

`{event.event_type}` · said by **{event.producer}**, heard by {_and(f"**{consumer}**" for consumer in event.consumers)}

{inspect.cleandoc(event.__doc__ or "")}

| field | type | | |
|---|---|---|---|
{fields}
"""


def _field_row(event: type[Event], name: str) -> str:
    field = event.model_fields[name]
    kind = _type_name(event.model_json_schema()["properties"][name])
    return f"| `{name}` | {kind} | {'required' if field.is_required() else ''} | {field.description or ''} |"


def _type_name(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_type_name(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type_name(schema['items'])}" if "items" in schema else "list"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_type_name(schema['additionalProperties'])}"
    return str(schema.get("format") or schema.get("type") or "any")


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def asyncapi() -> dict[str, Any]:
    """An AsyncAPI 3.0.0 document: a channel per event type, an operation per producer and per consumer."""
    models: list[tuple[type[BaseModel], Any]] = [(event, "validation") for event in catalogue()]
    _, definitions = models_json_schema(
        [*models, (Envelope, "validation")], ref_template="#/components/schemas/{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Depesha events",
            "version": "1.0.0",
            "description": "The road of a story between Depesha's services, as CloudEvents 1.0 in JSON.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {event.__name__: _channel(event) for event in catalogue()},
        "operations": dict(operation for event in catalogue() for operation in _operations(event)),
        "components": {
            "messages": {event.__name__: _message(event) for event in catalogue()},
            "schemas": definitions["$defs"],
        },
    }


def _channel(event: type[Event]) -> dict[str, Any]:
    return {
        "address": event.event_type,
        "messages": {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}},
    }


def _operations(event: type[Event]) -> list[tuple[str, dict[str, Any]]]:
    channel = {"$ref": f"#/channels/{event.__name__}"}
    said = (f"{event.producer}.says.{event.__name__}", {"action": "send", "channel": channel})
    heard = [
        (f"{consumer}.hears.{event.__name__}", {"action": "receive", "channel": channel})
        for consumer in event.consumers
    ]
    return [said, *heard]


def _message(event: type[Event]) -> dict[str, Any]:
    payload = {
        "allOf": [
            {"$ref": "#/components/schemas/Envelope"},
            {
                "properties": {
                    "type": {"const": event.event_type},
                    "data": {"$ref": f"#/components/schemas/{event.__name__}"},
                }
            },
        ]
    }
    return {
        "name": event.event_type,
        "title": event.__name__,
        "summary": inspect.cleandoc(event.__doc__ or "").splitlines()[0],
        "payload": payload,
        "examples": [{"payload": example(event)}],
    }
