"""What the doors to sources take and show."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chassis.database import Database
from contracts.content import StoryContent
from ingestion.handlers import trials
from ingestion.handlers.managing import Wish
from ingestion.handlers.trials import Trial
from ingestion.sources import PLUGINS
from ingestion.store.items import Listed, Wrong
from ingestion.store.sources import Figures, SourceRow, Sources

ID = r"^[\w.:@-]{1,200}$"
YEAR_S = 366 * 24 * 3600


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewSource(Form):
    """A source to add, or to try out."""

    source_id: Annotated[str, Field(pattern=ID, examples=["feed:orsk-gov"])]
    kind: Annotated[str, Field(examples=sorted(PLUGINS))]
    name: Annotated[str, Field(min_length=1, max_length=2_000, description="as editors read it")]
    url: Annotated[str, Field(max_length=2_000, description="for people; empty: its settings' own")] = ""
    settings: dict[str, Any] = Field(default={}, description="GET /source-kinds tells each kind's")
    every_s: Annotated[int, Field(ge=10, le=YEAR_S)] | None = Field(default=None, description="empty: its kind's own")
    quiet_after_s: Annotated[int, Field(ge=60, le=YEAR_S)] = Field(
        default=86_400, description="after so long without news the source counts as strangely quiet"
    )

    def as_wish(self) -> Wish:
        return Wish(**self.model_dump())


class SourceChanges(Form):
    """What is left out stays; so do secrets that are left out of new settings."""

    name: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    url: Annotated[str, Field(max_length=2_000)] | None = None
    settings: dict[str, Any] | None = None
    every_s: Annotated[int, Field(ge=10, le=YEAR_S)] | None = None
    quiet_after_s: Annotated[int, Field(ge=60, le=YEAR_S)] | None = None


class StateChange(Form):
    state: Literal["active", "paused"]


class Subscription(Form):
    outside_url: Annotated[str, Field(max_length=500, pattern=r"^(https?://[^\s?#]+)?$")] = Field(
        default="", description="where this API is reached from outside; empty: DEPESHA_OUTSIDE_URL"
    )


class SubscriptionShown(BaseModel):
    address: str = Field(description="the door that the messenger knows now")


class SourceShown(BaseModel):
    """A source and how it does. Secrets are never shown."""

    source_id: str
    kind: str
    name: str
    url: str
    settings: dict[str, Any]
    state: Literal["active", "paused", "ended"]
    every_s: int
    quiet_after_s: int
    is_quiet: bool = Field(description="nothing came for longer than quiet_after_s")
    due_at: AwareDatetime | None = Field(description="its next visit; none where it comes in by itself")
    visited_at: AwareDatetime | None
    answered_at: AwareDatetime | None = Field(description="its last visit that went well")
    last_item_at: AwareDatetime | None
    failures: int = Field(description="visits in a row that went wrong")
    problem: str = Field(description="why the last visit went wrong, or the source ended")
    items_day: int
    items_week: int
    items_all: int
    troubles_day: int
    created_at: AwareDatetime


class KindShown(BaseModel):
    kind: str
    about: str
    is_visited: bool
    every_s: int
    settings: dict[str, Any] = Field(description="JSON schema")


class StoryShown(BaseModel):
    external_id: str
    content: StoryContent
    canonical_url: str
    published_at: str
    is_known: bool = Field(description="it came in already, in these very words")
    is_too_old: bool = Field(description="it would not come in: it was no news any more when the source was added")


class TroubleShown(BaseModel):
    place: str
    reason: str


class TrialShown(BaseModel):
    stories: list[StoryShown]
    troubles: list[TroubleShown]
    is_cut: bool = Field(description=f"there is more; {trials.MOST_SHOWN} are shown")
    ended: str = Field(description="why the source is over, if it says so")


class ItemShown(BaseModel):
    external_id: str
    story_id: str
    revision: int
    headline: str
    url: str
    missing: int = Field(description="photos that could not be had")
    first_at: AwareDatetime
    received_at: AwareDatetime
    withdrawn_at: AwareDatetime | None
    raw_id: int | None


class WrongShown(BaseModel):
    trouble_id: int
    place: str
    reason: str
    raw_id: int | None = Field(description="GET /originals/{raw_id} gives the bytes as they came")
    times: int
    first_at: AwareDatetime
    last_at: AwareDatetime


def show_one(row: SourceRow, database: Database) -> SourceShown:
    return show_all([row], database)[0]


def show_all(rows: Sequence[SourceRow], database: Database) -> list[SourceShown]:
    with database.connection() as connection:
        figures = Sources(connection).figures([row.source_id for row in rows])
    return [_show_one(row, figures[row.source_id]) for row in rows]


def _show_one(row: SourceRow, figures: Figures) -> SourceShown:
    silent_since = figures.last_item_at or row.created_at
    is_quiet = row.state == "active" and datetime.now(UTC) - silent_since > timedelta(seconds=row.quiet_after_s)
    fields = set(SourceShown.model_fields) - {"is_quiet"}
    values = {name: value for name, value in {**vars(row), **vars(figures)}.items() if name in fields}
    return SourceShown(**values, is_quiet=is_quiet)


def show_trial(trial: Trial) -> TrialShown:
    return TrialShown(
        stories=[StoryShown(**vars(story)) for story in trial.stories],
        troubles=[TroubleShown(**vars(trouble)) for trouble in trial.troubles],
        is_cut=trial.is_cut,
        ended=trial.ended,
    )


def show_item(row: Listed) -> ItemShown:
    return ItemShown(**{**vars(row), "story_id": str(row.story_id)})


def show_wrong(row: Wrong) -> WrongShown:
    return WrongShown(**vars(row))
