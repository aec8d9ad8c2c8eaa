"""A story as it stands on the sites: the newest release, and when it first went out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.content import ReleasedImage, Snapshot

Action = Literal["publish", "correct", "unpublish", "kill"]
State = Literal["live", "unpublished", "killed"]
STATE_AFTER: dict[Action, State] = {"publish": "live", "correct": "live", "unpublish": "unpublished", "kill": "killed"}


@dataclass(frozen=True)
class Story:
    """`path` is its address now, `old_paths` lead there; the first of all is its name for partners and never changes."""

    story_id: UUID
    version: int
    state: State
    path: str
    snapshot: Snapshot
    first_published_at: datetime
    changed_at: datetime
    reason: str = ""
    first_path: str = ""
    old_paths: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    rendering: int = 0

    @property
    def identity(self) -> str:
        return self.first_path or self.path

    @property
    def lead(self) -> ReleasedImage | None:
        images = self.snapshot.images
        chosen = next((image for image in images if image.image_id == self.snapshot.lead_image_id), None)
        return chosen or (images[0] if images else None)
