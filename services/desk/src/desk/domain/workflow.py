"""The road of a story on the desk: its states, who may take which step, and what publication's answers make of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["received", "in_work", "ready", "publishing", "published", "unpublished", "killed", "spiked"]
Step = Literal["take", "ready", "back", "spike", "unspike", "publish", "correct", "unpublish", "kill", "revive"]
ReleaseAction = Literal["publish", "correct", "unpublish", "kill"]
ReleaseState = Literal["ordered", "live", "failed", "superseded"]
Role = Literal["reporter", "editor", "chief", "ops"]

STATES: Final[tuple[State, ...]] = (
    "received",
    "in_work",
    "ready",
    "publishing",
    "published",
    "unpublished",
    "killed",
    "spiked",
)
OPEN_STATES: Final[frozenset[State]] = frozenset({"received", "in_work", "ready", "publishing"})

STEPS: Final[dict[Step, tuple[frozenset[State], State]]] = {
    "take": (frozenset({"received"}), "in_work"),
    "ready": (frozenset({"received", "in_work"}), "ready"),
    "back": (frozenset({"ready"}), "in_work"),
    "spike": (frozenset({"received", "in_work", "ready"}), "spiked"),
    "unspike": (frozenset({"spiked"}), "in_work"),
    "publish": (frozenset({"received", "in_work", "ready", "unpublished"}), "publishing"),
    "correct": (frozenset({"published"}), "published"),
    "unpublish": (frozenset({"published"}), "published"),
    "kill": (frozenset({"published", "unpublished", "publishing"}), "killed"),
    "revive": (frozenset({"killed"}), "publishing"),
}
"""step -> (states from which it may be taken, the state at once after it). Publication's answer moves it on."""

RIGHTS: Final[dict[Role, frozenset[Step]]] = {
    "reporter": frozenset({"take", "ready", "back"}),
    "editor": frozenset(STEPS) - {"kill", "revive"},
    "chief": frozenset(STEPS),
    "ops": frozenset({"take", "back", "unspike"}),
}


@dataclass(frozen=True)
class ReleaseMark:
    """What the state depends on in a release."""

    version: int
    action: ReleaseAction
    state: ReleaseState


def may(role: Role, step: Step) -> bool:
    return step in RIGHTS[role]


def next_state(state: State, step: Step) -> State | None:
    """The state after the step; None where the step cannot be taken from here."""
    sources, target = STEPS[step]
    return target if state in sources else None


def steps_from(state: State, role: Role) -> list[Step]:
    return [step for step in STEPS if next_state(state, step) is not None and may(role, step)]


def state_after_releases(state: State, releases: Iterable[ReleaseMark]) -> State:
    """The state that publication's answers give, whatever order they came in.

    The newest release that is live decides; a newer one that is still ordered shows only for a first publication and for
    a kill, which holds from the moment it is ordered. A story whose only orders failed lies ready again.
    """
    marks = sorted(releases, key=lambda mark: mark.version)
    if not marks:
        return state
    newest = next((mark for mark in reversed(marks) if mark.state in ("ordered", "live")), None)
    live = next((mark for mark in reversed(marks) if mark.state == "live"), None)
    if newest is not None and newest.action == "kill":
        return "killed"
    if newest is not None and newest.state == "ordered" and newest.action == "publish":
        return "publishing"
    if live is not None:
        return _state_of_live(live.action)
    return "ready" if newest is None and state == "publishing" else state


def _state_of_live(action: ReleaseAction) -> State:
    if action == "kill":
        return "killed"
    return "unpublished" if action == "unpublish" else "published"
