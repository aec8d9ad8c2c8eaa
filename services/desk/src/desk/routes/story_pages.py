"""A story's page: the text, and beside it everything that decides whether it goes out."""
# ruff: noqa: PLR0913, PLR0917, FBT002, ARG001 - a route's arguments are the form's fields, and whoever asks is named though not used

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from fastapi import APIRouter, Body, Depends, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.bucket import Bucket
from chassis.database import Database
from contracts.content import Box, Point, Tag
from desk.domain.choice import key_of, mentions_of
from desk.domain.diff import diff_drafts
from desk.domain.draft import draft_of, lead_of
from desk.domain.history import fold_versions
from desk.domain.people import Actor
from desk.domain.photos import rendition_url
from desk.domain.release import build_snapshot
from desk.domain.workflow import steps_from
from desk.handlers import editing, labels, releasing
from desk.handlers.refusals import StepRefused, StoryUnknown
from desk.handlers.releasing import Order
from desk.neighbours import Neighbours
from desk.pages import Pages
from desk.routes.json_api import parse_patch
from desk.routes.sign_in import Guard
from desk.store.facts import Facts
from desk.store.monitor import Monitor
from desk.store.notices import Notices
from desk.store.people import People, Presence
from desk.store.releases import Releases
from desk.store.rules import Preferences
from desk.store.stories import Stories, Story
from desk.store.work import Audit, Changes, Schedule, Versions

PREVIEW_POLICY = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline' *; font-src * data:; frame-ancestors 'self'"
)
"""A preview is somebody's words: it may show itself, and nothing of it may run. It stands in a sandboxed frame besides."""


class CropForm(BaseModel):
    """A crop of one ratio, as fractions of the photo."""

    model_config = ConfigDict(extra="forbid")

    name: Literal["16x9", "4x3", "1x1", "card"]
    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)

    @property
    def box(self) -> Box:
        return Box(x=self.x, y=self.y, width=min(self.width, 1 - self.x), height=min(self.height, 1 - self.y))


@dataclass(frozen=True)
class Kept:
    """A tag as the panel shows it: worn, and what the machine said of it."""

    tag: Tag
    confidence: float | None
    reason: str
    mentions: list[str]


def panel_values(story: Story, who: Actor, connection: psycopg.Connection) -> dict[str, Any]:
    """Everything that the panel beside the text shows."""
    facts = Facts(connection)
    images, proposals = facts.images(story.story_id), facts.proposals(story.story_id)
    by_key = {key_of(one.tag): one for one in (proposals.tags if proposals else ())}
    worn = {key_of(tag) for tag in story.draft.tags}
    worn_rubrics = {key_of(rubric) for rubric in story.draft.rubrics}
    return {
        "story": story,
        "images": images,
        "lead_id": lead_of(story.draft),
        "rendition_url": rendition_url,
        "tags": [
            Kept(
                tag,
                known.confidence if (known := by_key.get(key_of(tag))) else None,
                known.reason if known else "",
                mentions_of(known, story.draft) if known else [tag.label],
            )
            for tag in story.draft.tags
        ],
        "mentions_of": lambda one: mentions_of(one, story.draft),
        "suggested": [one for key, one in by_key.items() if key not in worn and one.band != "hide"],
        "suggested_rubrics": [
            one
            for one in (proposals.rubrics if proposals else ())
            if key_of(one.rubric) not in worn_rubrics and one.band != "hide"
        ],
        "is_tagged": proposals is not None,
        "rubrics": Monitor(connection).rubrics(),
        "known_tags": Monitor(connection).tags(),
        "findings": releasing.preflight_of(story, connection),
        "steps": steps_from(story.state, who.role),
        "releases": Releases(connection).of(story.story_id),
        "sites": facts.sites(story.story_id),
        "channels": facts.channel_posts(story.story_id),
        "schedule": Schedule(connection).get(story.story_id),
        "people": People(connection).all(),
        "has_changes": _has_changes(story, connection),
    }


def _has_changes(story: Story, connection: psycopg.Connection) -> bool:
    """Whether the desk holds something that the published version does not."""
    last = Releases(connection).last_snapshot(story.story_id)
    if last is None:
        return True
    draft = story.draft
    return (last.headline, last.lede, last.blocks, last.rubrics, last.tags) != (
        draft.headline,
        draft.lede,
        draft.blocks,
        draft.rubrics,
        draft.tags,
    ) or [(one.image_id, one.alt_text) for one in last.images] != [(one.image_id, one.alt_text) for one in draft.images]


def make_router(  # noqa: C901, PLR0915 - a list of routes
    database: Database, pages: Pages, guard: Guard, neighbours: Neighbours, originals: Bucket
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    def find(story_id: UUID, connection: psycopg.Connection) -> Story:
        story = Stories(connection).get(story_id)
        if story is None:
            raise StoryUnknown(story_id)
        return story

    def panel(request: Request, story_id: UUID, who: Actor, *, said: str = "") -> Response:
        with database.connection() as connection:
            values = panel_values(find(story_id, connection), who, connection)
        answer = pages.page("_panel.html", request, who, said=said, **values)
        # Whatever button was pressed, the panel and nothing else is drawn anew.
        answer.headers["hx-retarget"] = "#panel"
        answer.headers["hx-reswap"] = "outerMorph"
        return answer

    @router.get("/stories/{story_id}")
    def page(request: Request, story_id: UUID, who: Who) -> Response:
        with database.unit_of_work() as uow:
            Presence(uow.connection).touch(story_id, who.person_id)
        with database.connection() as connection:
            since = Changes(connection).newest()
            story = find(story_id, connection)
            values = panel_values(story, who, connection)
            others = Presence(connection).others(story_id, who.person_id)
            news = Notices(connection).count_new(who.person_id)
        document = {
            "story_id": str(story_id),
            "revision": story.revision,
            "draft": story.draft.model_dump(mode="json", include={"headline", "lede", "blocks", "slug"}),
            "images": {
                str(image.image_id): rendition_url(
                    fact.manifest if (fact := values["images"].get(image.image_id)) else None, "w640"
                )
                for image in story.draft.images
            },
            "captions": {str(image.image_id): image.caption for image in story.draft.images},
            "editable": story.state != "killed",
        }
        return pages.page(
            "story.html", request, who, document=document, others=others, since=since, news=news, said="", **values
        )

    @router.get("/stories/{story_id}/panel")
    def fresh_panel(request: Request, story_id: UUID, who: Who) -> Response:
        return panel(request, story_id, who)

    @router.patch("/stories/{story_id}")
    def save(story_id: UUID, who: Who, patch: Annotated[dict[str, Any], Body()]) -> Response:
        """The editor's autosave: {"expected_revision": 3, "headline": "…"}."""
        expected = patch.pop("expected_revision", None)
        if not isinstance(expected, int):
            raise StepRefused(
                f"story {story_id}: expected_revision is missing", fields=(("/expected_revision", "is missing"),)
            )
        saved = editing.save_draft(story_id, parse_patch(patch), expected, who, database.unit_of_work())
        return JSONResponse({"revision": saved.revision, "saved_at": saved.saved_at.isoformat()})

    @router.post("/stories/{story_id}/presence")
    def presence(request: Request, story_id: UUID, who: Who, leaving: Annotated[bool, Form()] = False) -> Response:
        with database.unit_of_work() as uow:
            store = Presence(uow.connection)
            if leaving:
                store.leave(story_id, who.person_id)
            else:
                store.touch(story_id, who.person_id)
            others = store.others(story_id, who.person_id)
        return pages.page("_presence.html", request, who, others=others)

    @router.post("/stories/{story_id}/step")
    def step(
        request: Request,
        story_id: UUID,
        who: Who,
        step: Annotated[Literal["take", "ready", "back", "spike", "unspike"], Form()],
    ) -> Response:
        editing.take_step(story_id, step, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/assign")
    def assign(request: Request, story_id: UUID, who: Who, person_id: Annotated[str, Form()] = "") -> Response:
        editing.assign(story_id, UUID(person_id) if person_id else None, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/release")
    def release(
        request: Request,
        story_id: UUID,
        who: Who,
        action: Annotated[Literal["publish", "correct", "unpublish", "kill", "revive"], Form()],
        reason: Annotated[str, Form(max_length=2000)] = "",
        note: Annotated[str, Form(max_length=2000)] = "",
        confirmation: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        if action == "kill" and confirmation.strip().casefold() not in ("kill", "аннулировать"):
            raise StepRefused(
                f"story {story_id}: the kill was not confirmed", fields=(("/confirmation", "type the word"),)
            )
        order = Order(
            "publish" if action == "revive" else action, reason=reason, note=note, revives_killed=action == "revive"
        )
        releasing.order_release(story_id, order, who, database.unit_of_work())
        return panel(request, story_id, who, said=action)

    @router.post("/stories/{story_id}/schedule")
    def schedule(
        request: Request,
        story_id: UUID,
        who: Who,
        at: Annotated[datetime, Form()],
        note: Annotated[str, Form(max_length=2000)] = "",
        embargo: Annotated[bool, Form()] = False,
    ) -> Response:
        """`at` is a wall clock's time in the newsroom's zone."""
        with database.connection() as connection:
            zone = ZoneInfo(Preferences(connection).time_zone(pages.time_zone))
            action: Literal["publish", "correct"] = (
                "correct" if find(story_id, connection).state == "published" else "publish"
            )
        due_at = at if at.tzinfo else at.replace(tzinfo=zone)
        order = Order(action, note=note, embargo_until=due_at if embargo else None)
        releasing.schedule_release(story_id, due_at.astimezone(UTC), order, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/unschedule")
    def unschedule(request: Request, story_id: UUID, who: Who) -> Response:
        releasing.cancel_schedule(story_id, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/tags")
    def tags(
        request: Request,
        story_id: UUID,
        who: Who,
        label: Annotated[str, Form(min_length=1, max_length=200)],
        drop: Annotated[bool, Form()] = False,
    ) -> Response:
        (labels.drop_tag if drop else labels.add_tag)(story_id, label, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/rubrics")
    def rubrics(
        request: Request,
        story_id: UUID,
        who: Who,
        label: Annotated[str, Form(min_length=1, max_length=200)],
        drop: Annotated[bool, Form()] = False,
    ) -> Response:
        (labels.drop_rubric if drop else labels.add_rubric)(story_id, label, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/details")
    def details(
        request: Request,
        story_id: UUID,
        who: Who,
        urgency: Annotated[int, Form(ge=1, le=9)],
        age_mark: Annotated[str, Form(max_length=3)] = "",
        slug: Annotated[str, Form(max_length=200)] = "",
        authors: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        names = [name for one in authors.split(",") if (name := " ".join(one.split()))]
        patch = parse_patch({"urgency": urgency, "age_mark": age_mark, "slug": slug.strip(), "authors": names})
        labels.change(story_id, lambda _draft: patch, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.get("/stories/{story_id}/images/{image_id}")
    def image(request: Request, story_id: UUID, image_id: UUID, who: Who) -> Response:
        """The photo's own dialog: words, focus, crops."""
        with database.connection() as connection:
            story = find(story_id, connection)
            found = next((one for one in story.draft.images if one.image_id == image_id), None)
            if found is None:
                raise StoryUnknown(story_id)
            facts = Facts(connection)
            fact = facts.images(story_id).get(image_id)
            similar = facts.similar_images(image_id)
        crops = {name: rendition_url(fact.manifest if fact else None, name) for name in ("16x9", "4x3", "1x1", "card")}
        return pages.page(
            "_image.html",
            request,
            who,
            story=story,
            image=found,
            fact=fact,
            crops=crops,
            similar=similar,
            whole=rendition_url(fact.manifest if fact else None, "w960")
            or rendition_url(fact.manifest if fact else None, "w640"),
        )

    @router.post("/stories/{story_id}/images")
    def add_image(
        request: Request, story_id: UUID, who: Who, file: UploadFile, replaces: UUID | None = None
    ) -> Response:
        """A photo from the editor's machine, at the end or in another one's place with that one's words."""
        labels.attach(
            story_id,
            labels.Upload(file.file.read(), file.content_type or ""),
            replaces,
            originals,
            who,
            database.unit_of_work(),
        )
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/images/{image_id}")
    def image_words(
        request: Request,
        story_id: UUID,
        image_id: UUID,
        who: Who,
        caption: Annotated[str, Form(max_length=4000)] = "",
        credit: Annotated[str, Form(max_length=2000)] = "",
        credit_url: Annotated[str, Form(max_length=2000)] = "",
        alt_text: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        words = {
            "caption": caption.strip(),
            "credit": credit.strip(),
            "credit_url": credit_url.strip(),
            "alt_text": alt_text.strip(),
        }
        labels.set_words(story_id, image_id, words, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/images/{image_id}/arrange")
    def arrange(
        request: Request,
        story_id: UUID,
        image_id: UUID,
        who: Who,
        how: Annotated[Literal["lead", "earlier", "later", "remove"], Form()],
    ) -> Response:
        labels.arrange(story_id, image_id, how, who, database.unit_of_work())
        return panel(request, story_id, who)

    @router.post("/stories/{story_id}/images/{image_id}/focus")
    def focus(
        story_id: UUID,
        image_id: UUID,
        who: Who,
        x: Annotated[float, Form(ge=0, le=1)],
        y: Annotated[float, Form(ge=0, le=1)],
    ) -> Response:
        editing.move_focus(story_id, image_id, Point(x=x, y=y), {}, who, database.unit_of_work())
        return Response(status_code=204)

    @router.post("/stories/{story_id}/images/{image_id}/crop")
    def draw_crop(story_id: UUID, image_id: UUID, who: Who, crop: Annotated[CropForm, Form()]) -> Response:
        """A crop drawn by hand stands above the focus for this one ratio."""
        editing.move_focus(story_id, image_id, None, {crop.name: crop.box}, who, database.unit_of_work())
        return Response(status_code=204)

    @router.get("/stories/{story_id}/source")
    def source(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            story = find(story_id, connection)
        told = draft_of(story.source_content, story.draft.urgency)
        told = told.model_copy(
            update={"tags": story.draft.tags, "rubrics": story.draft.rubrics, "images": story.draft.images}
        )
        return pages.page(
            "_source.html", request, who, story=story, told=told, differences=diff_drafts(story.draft, told)
        )

    @router.post("/stories/{story_id}/source")
    def decide_source(story_id: UUID, who: Who, take: Annotated[bool, Form()] = False) -> Response:
        """Take the source's newer words, or keep ours; then the page is loaded again, the text with it."""
        if take:
            editing.take_source(story_id, who, database.unit_of_work())
        else:
            editing.keep_ours(story_id, who, database.unit_of_work())
        return Response(status_code=204, headers={"hx-redirect": f"/stories/{story_id}"})

    @router.get("/stories/{story_id}/versions")
    def versions(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            story = find(story_id, connection)
            folds = fold_versions(Versions(connection).of(story_id))
        return pages.page("_versions.html", request, who, story=story, folds=folds)

    @router.get("/stories/{story_id}/versions/{revision}")
    def version(request: Request, story_id: UUID, revision: int, who: Who) -> Response:
        """What that version had that the desk has not now."""
        with database.connection() as connection:
            story = find(story_id, connection)
            draft = Versions(connection).draft(story_id, revision)
        if draft is None:
            raise StoryUnknown(story_id)
        return pages.page(
            "_diff.html", request, who, story=story, revision=revision, differences=diff_drafts(draft, story.draft)
        )

    @router.post("/stories/{story_id}/versions/{revision}/restore")
    def restore(story_id: UUID, revision: int, who: Who) -> Response:
        editing.restore(story_id, revision, who, database.unit_of_work())
        return Response(status_code=204, headers={"hx-redirect": f"/stories/{story_id}"})

    @router.get("/stories/{story_id}/log")
    def log(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            lines = Audit(connection).lines(story_id)
        return pages.page("_log.html", request, who, lines=lines, with_story=False)

    @router.get("/stories/{story_id}/preview")
    def preview(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            story = find(story_id, connection)
            facts = Facts(connection).images(story_id)
        lead = facts.get(lead_of(story.draft) or UUID(int=0))
        return pages.page(
            "_preview.html", request, who, story=story, card=rendition_url(lead.manifest if lead else None, "card")
        )

    @router.get("/stories/{story_id}/preview/page")
    def preview_page(story_id: UUID, who: Who) -> Response:
        """The page exactly as publication would make it now."""
        with database.connection() as connection:
            story = find(story_id, connection)
            facts = Facts(connection).images(story_id)
        manifests = {image_id: fact.manifest for image_id, fact in facts.items() if fact.manifest}
        html = neighbours.preview(build_snapshot(story.draft, manifests, story.source), datetime.now(UTC).isoformat())
        return HTMLResponse(html, headers={"content-security-policy": PREVIEW_POLICY, "cache-control": "no-store"})

    @router.post("/stories/{story_id}/resend")
    def resend(request: Request, story_id: UUID, who: Who) -> Response:
        with database.connection() as connection:
            version = find(story_id, connection).version
        neighbours.resend(story_id, version)
        with database.unit_of_work() as uow:
            Audit(uow.connection).write(who.name, "resend", story_id, {"version": version})
        return panel(request, story_id, who)

    return router
