"""What an editor asks the monitor for. It lives in the address, so that a view is a link."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from desk.domain.workflow import OPEN_STATES, STATES, State

VIEWS: Final = ("open", "received", "in_work", "ready", "published", "spiked", "killed", "all")


@dataclass(frozen=True)
class Query:
    """`view` is a state, `open` (everything not yet out) or `all`. Equal queries share one live stream."""

    view: str = "open"
    text: str = ""
    source: str = ""
    rubric: str = ""
    assignee: UUID | None = None
    urgent: bool = False
    scheduled: bool = False
    trouble: bool = False
    layout: str = "list"

    @property
    def is_open(self) -> bool:
        return self.view == "open" and not self.text

    @property
    def states(self) -> tuple[State, ...]:
        """The states that are shown; all of them where the view or a search asks for that."""
        if self.view == "published":
            return ("published", "unpublished")
        return tuple(state for state in STATES if state == self.view)

    def shows(self, state: State) -> bool:
        """Whether a story of this state can be among what is found."""
        if self.is_open:
            return state in OPEN_STATES
        return not self.states or state in self.states

    @property
    def is_plain(self) -> bool:
        """Nothing but a view is asked for."""
        return self == Query(view=self.view, layout=self.layout)


def parse_query(parameters: Mapping[str, str]) -> Query:
    """A query from an address; what cannot be understood is left out, so that an old link still shows something."""
    view = parameters.get("view", "open")
    return Query(
        view=view if view in VIEWS else "open",
        text=parameters.get("q", "").replace("\x00", "").strip()[:200],
        source=parameters.get("source", "").replace("\x00", "")[:200],
        rubric=parameters.get("rubric", "").replace("\x00", "")[:200],
        assignee=_uuid(parameters.get("assignee", "")),
        urgent=parameters.get("urgent") == "1",
        scheduled=parameters.get("scheduled") == "1",
        trouble=parameters.get("trouble") == "1",
        layout="board" if parameters.get("layout") == "board" else "list",
    )


def to_address(query: Query, **changes: str) -> str:
    """The query as the part of an address behind the question mark, with some parameters changed."""
    names = {"text": "q"}
    values: dict[str, str] = {}
    for field in fields(Query):
        value = getattr(query, field.name)
        if value not in (field.default, None, False):
            values[names.get(field.name, field.name)] = "1" if value is True else str(value)
    values = {**values, **changes}
    return urlencode({name: value for name, value in values.items() if value})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
