"""What editors want of a photo: wishes in the order they were made, which come to the same in whatever order they are heard."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.content import Box, Point, UsageRights

THINGS: Final = ("focal_point", "caption", "credit", "alt_text", "rights")


class Wish(BaseModel):
    """What somebody changed, at the desk or over our own API; None: as it was. A crop that is None follows the focus again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: int
    said_by: Literal["desk", "api"] = "desk"
    focal_point: Point | None = None
    crops: dict[str, Box | None] = Field(default_factory=dict)
    caption: str | None = None
    credit: str | None = None
    alt_text: str | None = None
    rights: UsageRights | None = None


def said_later(wish: Wish, earlier: Wish | None) -> Wish:
    """One wish of both, where they share a revision."""
    if earlier is None:
        return wish
    said = {name: getattr(wish, name) for name in THINGS if getattr(wish, name) is not None}
    return earlier.model_copy(update={**said, "crops": {**earlier.crops, **wish.crops}})


@dataclass(frozen=True)
class Wanted:
    """What all wishes come to; None: nobody wished anything."""

    revision: int = 0
    focal_point: Point | None = None
    crops: Mapping[str, Box] = field(default_factory=dict)
    caption: str | None = None
    credit: str | None = None
    alt_text: str | None = None
    rights: UsageRights | None = None


def together(wishes: Iterable[Wish]) -> Wanted:
    """The last word on each thing. The desk counts revisions; what is said over the API comes after the newest one it finds."""
    ordered = sorted(wishes, key=lambda wish: (wish.revision, wish.said_by == "api"))
    last: dict[str, Any] = {
        name: next((value for wish in reversed(ordered) if (value := getattr(wish, name)) is not None), None)
        for name in THINGS
    }
    crops = {name: box for wish in ordered for name, box in wish.crops.items()}
    drawn = {name: box for name, box in crops.items() if box is not None}
    return Wanted(revision=ordered[-1].revision if ordered else 0, crops=drawn, **last)
