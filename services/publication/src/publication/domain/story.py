"""A story as it stands on the site: the newest release, and when it first went out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.content import Snapshot

Action = Literal["publish", "correct", "unpublish", "kill"]
State = Literal["live", "unpublished", "killed"]
STATE_AFTER: dict[Action, State] = {"publish": "live", "correct": "live", "unpublish": "unpublished", "kill": "killed"}


@dataclass(frozen=True)
class Story:
    story_id: UUID
    version: int
    state: State
    path: str
    snapshot: Snapshot
    first_published_at: datetime
    changed_at: datetime
    reason: str = ""
