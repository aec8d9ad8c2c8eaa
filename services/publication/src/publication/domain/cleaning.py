"""What no output can bear: control signs that break XML and bidi overrides that turn lines around. Taken out once, at the door."""

import re
from typing import Any

from contracts.content import Snapshot

UNBEARABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]"
)


def clean_snapshot(snapshot: Snapshot) -> Snapshot:
    """The same snapshot without unbearable signs; the very same object where there are none."""
    text = snapshot.model_dump_json()
    if not UNBEARABLE.search(text) and "\\u00" not in text and "\\ud" not in text:
        return snapshot
    return Snapshot.model_validate(_clean(snapshot.model_dump(mode="python")))


def _clean(value: Any) -> Any:  # noqa: ANN401 - a tree of plain values
    match value:
        case str():
            return UNBEARABLE.sub("", value)
        case dict():
            return {name: _clean(one) for name, one in value.items()}
        case list() | tuple():
            return [_clean(one) for one in value]
    return value
