"""A form for settings that another service describes by a JSON schema: a line a setting, and back to values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

InputKind = Literal["text", "secret", "number", "yes", "choice", "lines"]


@dataclass(frozen=True)
class Line:
    """One setting. `value` is what stands now, as text; a secret's is never known here."""

    name: str
    kind: InputKind
    is_required: bool
    about: str
    value: str = ""
    choices: tuple[str, ...] = ()


def lines_of(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[Line]:
    """The settings in the schema's order, with what stands now, else the default."""
    required = set(schema.get("required", ()))
    return [
        Line(
            name,
            _kind(_resolved(part, schema)),
            name in required,
            str(part.get("description", "")),
            _as_text(values.get(name, part.get("default"))),
            tuple(str(one) for one in _resolved(part, schema).get("enum", ())),
        )
        for name, part in schema.get("properties", {}).items()
    ]


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part itself, what it refers to, or the first of its choices that is no null."""
    if "$ref" in part:
        found = schema.get("$defs", {}).get(str(part["$ref"]).rpartition("/")[2], {})
        return found if isinstance(found, Mapping) else {}
    others = [one for one in part.get("anyOf", ()) if one.get("type") != "null"]
    return _resolved(others[0], schema) if others else part


def _kind(part: Mapping[str, Any]) -> InputKind:
    if part.get("writeOnly") or part.get("format") == "password":
        return "secret"
    if "enum" in part:
        return "choice"
    kinds: dict[str, InputKind] = {"boolean": "yes", "integer": "number", "number": "number", "array": "lines"}
    return kinds.get(str(part.get("type")), "text")


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(str(one) for one in value)
    return str(value)


def values_of(lines: Sequence[Line], form: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as JSON values. An empty secret or an empty optional setting is left out; what is no number stays text."""
    found: dict[str, Any] = {}
    for line in lines:
        text = form.get(line.name, "").strip()
        if line.kind == "yes":
            found[line.name] = text == "true"
        elif line.kind == "lines":
            found[line.name] = [one.strip() for one in text.splitlines() if one.strip()]
        elif text:
            found[line.name] = _number(text) if line.kind == "number" else text
    return found


def _number(text: str) -> Any:  # noqa: ANN401 - what is no number goes as it is, and the service says what it takes
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text
