"""What the desk says no to."""

from typing import Any
from uuid import UUID

from chassis.errors import Conflict, Forbidden, NotFound, Refusal


class StoryUnknown(NotFound):
    """There is no such story on the desk."""

    def __init__(self, story_id: UUID) -> None:
        super().__init__(f"story {story_id}: not on the desk")


class PersonUnknown(Refusal):
    """Nobody of this id works here."""

    title = "Nobody of this id works here"
    slug = "person-unknown"

    def __init__(self, person_id: UUID) -> None:
        super().__init__(
            f"person {person_id}: nobody of this id works here",
            fields=(("/person_id", "works here no more, or never did"),),
        )


class EditConflict(Conflict):
    """Somebody else changed the same field since the editor last looked. `theirs` has their values."""

    title = "Somebody else changed the same text"
    slug = "edit-conflict"


class StepRefused(Conflict):
    """The step cannot be taken from the story's state."""

    title = "Not possible in this state"
    slug = "step-refused"


class RightMissing(Forbidden):
    """The role does not include this step."""


class PreflightBlocked(Refusal):
    """A check that blocks found something. `findings` lists all of it."""

    title = "The pre-flight checks stop this release"
    slug = "preflight-blocked"

    def __init__(self, detail: str, *, codes: frozenset[str], findings: list[dict[str, Any]]) -> None:
        super().__init__(detail, findings=findings)
        self.codes = codes


class SamePerson(Conflict):
    """Two-person rule: whoever edited last does not publish."""

    title = "A second person must publish"
    slug = "two-person-rule"
