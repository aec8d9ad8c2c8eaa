"""What a source gives: originals exactly as they came, and the items that are read from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import ValidationError

from ingestion.domain.story_form import StoryForm


@dataclass(frozen=True)
class Raw:
    """One original. `url` is where it was read, `note` what parsing must know and the bytes do not tell; JSON."""

    body: bytes
    media_type: str = "application/octet-stream"
    url: str = ""
    note: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Updates:
    """What a messenger told when it was asked: each update as its webhook would have brought it."""

    bodies: tuple[bytes, ...]


@dataclass(frozen=True)
class File:
    """An image's bytes as they came."""

    body: bytes
    content_type: str
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class Item:
    """One story in an original. `form.source` is filled in by the frame; `files` are the images that came along, by name."""

    form: StoryForm
    files: Mapping[str, File] = field(default_factory=dict)


@dataclass(frozen=True)
class Trouble:
    """A part of an original that could not be read: which one, and why, for the editor. The other parts come in."""

    place: str
    reason: str


@dataclass(frozen=True)
class Withdrawn:
    """The source took a story back."""

    external_id: str
    reason: str = ""


Part: TypeAlias = Item | Trouble | Withdrawn


def attempt(place: str, build: Callable[[], Item]) -> Item | Trouble:
    """The item, or the trouble with it; one bad item must not stop the others."""
    try:
        return build()
    except ValidationError as error:
        return Trouble(place, "; ".join(_complaint(problem["loc"], problem["msg"]) for problem in error.errors()[:5]))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, LookupError, RecursionError) as error:
        return Trouble(place, f"{type(error).__name__}: {error}")


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, location)) or 'story'}: {message}"
