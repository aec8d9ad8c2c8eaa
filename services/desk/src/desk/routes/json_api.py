"""The JSON API: what other programs may ask of the desk, and order from it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, create_model

from chassis.database import Database
from chassis.doors import needs
from contracts.content import Manifest, Moment, RubricProposal, Source, TagProposal
from desk.domain.draft import Draft
from desk.domain.people import Actor
from desk.domain.query import parse_query
from desk.domain.workflow import ReleaseAction, ReleaseState, State, Step
from desk.handlers import editing, releasing
from desk.handlers.refusals import StoryUnknown
from desk.handlers.releasing import Order
from desk.routes.sign_in import Guard
from desk.store.facts import Facts
from desk.store.monitor import Monitor
from desk.store.releases import Releases
from desk.store.stories import Stories


class StoryLine(BaseModel):
    """A story in the list."""

    model_config = ConfigDict(from_attributes=True)

    story_id: UUID
    state: State
    headline: str
    source_id: str
    source_name: str
    received_at: datetime
    urgency: int
    rubric: str
    images_total: int
    images_ready: int
    images_rejected: int
    tags_known: bool
    tags_chosen: int
    version: int
    live_version: int
    live_url: str
    sites_delivered: int
    sites_total: int
    revision: int


class StoryList(BaseModel):
    stories: list[StoryLine]
    next: str = Field(description="pass it as `after` for the next page; empty: this was the last")


class ImageAnswer(BaseModel):
    image_id: UUID
    manifest: Manifest | None
    rejected: str
    detail: str


class StoryAnswer(BaseModel):
    story_id: UUID
    state: State
    revision: int
    draft: Draft
    source: Source
    external_id: str
    source_revision: int
    has_new_source: bool
    received_at: datetime
    version: int
    live_version: int
    live_url: str
    images: list[ImageAnswer]
    tag_proposals: list[TagProposal]
    rubric_proposals: list[RubricProposal]
    tagged_revision: int = Field(description="the revision that the proposals are for; 0: none yet")


def _without_defaults(schema: dict[str, Any]) -> None:
    """A field that is left out has no value at all, not null."""
    for field in schema["properties"].values():
        field.pop("default", None)


class Edit(BaseModel):
    """Fields of the draft; those left out stay as they are."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_defaults)

    expected_revision: int = Field(ge=1, description="the revision that the editor has seen")


_FIELDS: dict[str, Any] = {
    name: (Annotated[(field.annotation, Field(), *field.metadata)], None) for name, field in Draft.model_fields.items()
}
DraftPatch = create_model("DraftPatch", __base__=Edit, **_FIELDS)


class SavedAnswer(BaseModel):
    revision: int
    saved_at: datetime
    changed: list[str]


class ReleaseOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    action: Literal["publish", "correct", "unpublish", "kill"]
    reason: str = Field(default="", max_length=2_000, description="shown to partners; needed for unpublish and kill")
    correction_note: str = Field(default="", max_length=2_000, description="shown to readers under a correction")
    embargo_until: Moment | None = None
    revives_killed: StrictBool = False


class OrderedAnswer(BaseModel):
    release_id: UUID
    version: int
    state: str


class SiteAnswer(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    endpoint_id: UUID
    endpoint_name: str
    version: int
    state: str
    attempts: int
    status_code: int | None
    detail: str
    next_attempt_at: datetime | None
    changed_at: datetime


class ReleaseAnswer(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    release_id: UUID
    version: int
    action: ReleaseAction
    state: ReleaseState
    reason: str
    ordered_by: str
    ordered_at: datetime
    released_at: datetime | None
    url: str
    problem: str
    will_retry: bool


class ReleasesAnswer(BaseModel):
    """Newest release first; `sites` tell where each downstream site stands."""

    releases: list[ReleaseAnswer]
    sites: list[SiteAnswer]
    sites_delivered: int
    sites_total: int


class ScheduleForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    due_at: Moment
    action: Literal["publish", "correct"] = "publish"
    correction_note: str = Field(default="", max_length=2_000)
    embargo_until: Moment | None = None


class StepForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    step: Literal["take", "ready", "back", "spike", "unspike"]


def parse_patch(patch: Mapping[str, Any]) -> dict[str, Any]:
    """Values for a draft's fields, of their types.

    Raises:
        RequestValidationError: a field is unknown or breaks its limits.

    """
    if unknown := set(patch) - set(Draft.model_fields):
        raise _invalid(min(unknown), "is not a field of a story", patch[min(unknown)])
    try:
        whole = Draft.model_validate({"headline": "-", **patch})
    except ValidationError as error:
        raise RequestValidationError(
            [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        ) from None
    return {name: getattr(whole, name) for name in patch}


def _invalid(name: str, message: str, got: object) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", name), "msg": message, "type": "value_error", "input": got}])


def make_router(database: Database, guard: Guard) -> APIRouter:  # noqa: C901 - a list of routes
    router = APIRouter(prefix="/api", tags=["stories"])
    Who = Annotated[Actor, Depends(guard.program_or_person)]  # noqa: N806 - a type

    @router.get("/stories")
    def stories(
        request: Request,
        _who: Who,
        after: Annotated[str, Query(max_length=100)] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 60,
    ) -> StoryList:
        """Stories, newest first. Takes the monitor's filters: view, q, source, rubric, assignee, urgent, scheduled, trouble."""
        query = parse_query({"view": "all", **request.query_params})
        with database.connection() as connection:
            rows = Monitor(connection).rows(query, after=after, limit=limit)
        return StoryList(
            stories=[StoryLine.model_validate(row) for row in rows], next=rows[-1].cursor if len(rows) == limit else ""
        )

    @router.get("/stories/{story_id}")
    def story(story_id: UUID, _who: Who) -> StoryAnswer:
        with database.connection() as connection:
            found = Stories(connection).get(story_id)
            if found is None:
                raise StoryUnknown(story_id)
            facts = Facts(connection)
            images, proposals = facts.images(story_id), facts.proposals(story_id)
        return StoryAnswer(
            **{name: getattr(found, name) for name in StoryAnswer.model_fields if hasattr(found, name)},
            has_new_source=found.source_revision > found.source_seen,
            images=[ImageAnswer.model_validate(vars(fact), extra="ignore") for fact in images.values()],
            tag_proposals=list(proposals.tags) if proposals else [],
            rubric_proposals=list(proposals.rubrics) if proposals else [],
            tagged_revision=proposals.revision if proposals else 0,
        )

    @router.patch("/stories/{story_id}")
    def edit(story_id: UUID, form: DraftPatch, who: Who) -> SavedAnswer:
        """Change some fields. 409 with `theirs` where somebody else has changed one of them since `expected_revision`."""
        values = form.model_dump(exclude_unset=True)
        expected = values.pop("expected_revision")
        saved = editing.save_draft(story_id, parse_patch(values), expected, who, database.unit_of_work())
        return SavedAnswer(revision=saved.revision, saved_at=saved.saved_at, changed=sorted(saved.changed))

    @router.post("/stories/{story_id}/releases", status_code=202)
    @needs("release:order")
    def release(request: Request, story_id: UUID, form: ReleaseOrder, who: Who) -> OrderedAnswer:
        """Order a release of the story as it lies on the desk. 202: ordered; ask `GET …/releases` what came of it."""
        if form.action == "kill":
            guard.confirm_person(request)
        order = Order(
            action=form.action,
            reason=form.reason,
            note=form.correction_note,
            embargo_until=form.embargo_until,
            revives_killed=form.revives_killed,
        )
        ordered = releasing.order_release(story_id, order, who, database.unit_of_work())
        return OrderedAnswer.model_validate(vars(ordered))

    @router.get("/stories/{story_id}/releases")
    def releases(story_id: UUID, _who: Who) -> ReleasesAnswer:
        with database.connection() as connection:
            found = Stories(connection).get(story_id)
            if found is None:
                raise StoryUnknown(story_id)
            listed, sites = Releases(connection).of(story_id), Facts(connection).sites(story_id)
        return ReleasesAnswer(
            releases=[ReleaseAnswer.model_validate(one) for one in listed],
            sites=[SiteAnswer.model_validate(one) for one in sites],
            sites_delivered=found.sites_delivered,
            sites_total=found.sites_total,
        )

    @router.put("/stories/{story_id}/schedule", status_code=204)
    @needs("release:order")
    def schedule(story_id: UUID, form: ScheduleForm, who: Who) -> None:
        """Order a release for a time."""
        order = Order(action=form.action, note=form.correction_note, embargo_until=form.embargo_until)
        releasing.schedule_release(story_id, form.due_at, order, who, database.unit_of_work())

    @router.delete("/stories/{story_id}/schedule", status_code=204)
    @needs("release:order")
    def unschedule(story_id: UUID, who: Who) -> None:
        releasing.cancel_schedule(story_id, who, database.unit_of_work())

    @router.post("/stories/{story_id}/steps", status_code=204)
    def step(story_id: UUID, form: StepForm, who: Who) -> None:
        """Take a story, lay it ready, back to work, spike or unspike it."""
        wanted: Step = form.step
        editing.take_step(story_id, wanted, who, database.unit_of_work())

    return router
