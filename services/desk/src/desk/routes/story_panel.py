"""The panel beside the text, and the text as the page's script edits it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
from fastapi import Request
from fastapi.responses import Response

from chassis.database import Database
from contracts.content import RubricProposal, Snapshot, Tag, TagProposal
from desk.domain.choice import key_of, mentions_of
from desk.domain.draft import lead_of
from desk.domain.people import Actor
from desk.domain.photos import ImageFact, rendition_url
from desk.domain.release import build_snapshot
from desk.domain.workflow import may, steps_from
from desk.handlers import releasing
from desk.handlers.refusals import StoryUnknown
from desk.pages import Pages
from desk.store.facts import Facts
from desk.store.monitor import Monitor
from desk.store.notes import Notes
from desk.store.people import People
from desk.store.releases import Releases
from desk.store.stories import Stories, Story
from desk.store.work import Schedule

SAVED_BY_SCRIPT: Final = ("headline", "lede", "blocks")


@dataclass(frozen=True)
class Kept:
    """A tag as the panel shows it: worn, and what the machine said of it."""

    tag: Tag
    confidence: float | None
    reason: str
    mentions: list[str]


class StoryPanel:
    """Draws the panel; the answer to whatever button was pressed in it."""

    def __init__(self, database: Database, pages: Pages) -> None:
        self._database = database
        self._pages = pages

    def __call__(self, request: Request, story_id: UUID, who: Actor, *, said: str = "") -> Response:
        """The panel and nothing else is drawn anew, whoever asked."""
        with self._database.connection() as connection:
            values = panel_values(find_story(story_id, connection), who, connection)
        answer = self._pages.page("_panel.html", request, who, said=said, **values)
        answer.headers["hx-retarget"] = "#panel"
        answer.headers["hx-reswap"] = "outerMorph"
        return answer


def find_story(story_id: UUID, connection: psycopg.Connection) -> Story:
    """The story.

    Raises:
        StoryUnknown: there is none.

    """
    story = Stories(connection).get(story_id)
    if story is None:
        raise StoryUnknown(story_id)
    return story


def panel_values(story: Story, who: Actor, connection: psycopg.Connection) -> dict[str, Any]:
    """Everything that the panel beside the text shows."""
    facts = Facts(connection)
    images, proposals = facts.images(story.story_id), facts.proposals(story.story_id)
    by_key = {key_of(one.tag): one for one in (proposals.tags if proposals else ())}
    out = {key_of(tag) for tag in story.draft.tags} | set(story.tags_dismissed)
    worn_rubrics = {key_of(rubric) for rubric in story.draft.rubrics}
    return {
        "story": story,
        "images": images,
        "lead_id": lead_of(story.draft),
        "rendition_url": rendition_url,
        "tags": [_kept(tag, by_key.get(key_of(tag)), story, who.language) for tag in story.draft.tags],
        "mentions_of": lambda one: mentions_of(one, story.draft),
        "reason_of": lambda one: reason_in(one, who.language),
        "suggested": [one for key, one in by_key.items() if key not in out and one.band != "hide"],
        "suggested_rubrics": [
            one
            for one in (proposals.rubrics if proposals else ())
            if key_of(one.rubric) not in worn_rubrics and one.band != "hide"
        ],
        "is_tagged": proposals is not None,
        "rubrics": Monitor(connection).rubrics(),
        "findings": releasing.preflight_of(story, connection),
        "steps": steps_from(story.state, who.role),
        "releases": Releases(connection).of(story.story_id),
        "sites": facts.sites(story.story_id),
        "channels": facts.channel_posts(story.story_id),
        "schedule": Schedule(connection).get(story.story_id),
        "people": People(connection).all(),
        "notes_count": Notes(connection).count(story.story_id),
        "twins": Stories(connection).told_alike(story.duplicate_of),
        "has_changes": _has_changes(story, images, connection),
        "may_publish": may(who.role, "publish"),
    }


def _kept(tag: Tag, known: TagProposal | None, story: Story, language: str) -> Kept:
    if known is None:
        return Kept(tag, None, "", [tag.label])
    return Kept(tag, known.confidence, reason_in(known, language), mentions_of(known, story.draft))


def reason_in(proposal: TagProposal | RubricProposal, language: str) -> str:
    """Why a tag or a rubric was proposed, in the reader's language where the tagger speaks it."""
    return proposal.reasons.get(language) or proposal.reason


def _has_changes(story: Story, images: Mapping[UUID, ImageFact], connection: psycopg.Connection) -> bool:
    """Whether the desk holds something that the published version does not. New renditions reach the page by themselves."""
    last = Releases(connection).last_snapshot(story.story_id)
    if last is None or any(one.image_id not in images for one in story.draft.images):
        return True
    manifests = {image_id: fact.manifest for image_id, fact in images.items() if fact.manifest is not None}
    return _words_of(build_snapshot(story.draft, manifests, story.source)) != _words_of(last)


def _words_of(snapshot: Snapshot) -> dict[str, Any]:
    """All that an editor changes."""
    others = {"source": True, "correction_note": True, "embargo_until": True}
    return snapshot.model_dump(exclude={**others, "images": {"__all__": {"manifest"}}})


def document_of(story: Story, images: Mapping[UUID, ImageFact]) -> dict[str, Any]:
    """What the page's script edits: the text, the revision that each field was changed in, what its photos look like."""
    urls = {
        one.image_id: rendition_url(images[one.image_id].manifest if one.image_id in images else None, "w640")
        for one in story.draft.images
    }
    return {
        "story_id": str(story.story_id),
        "revision": story.revision,
        "seen": {name: story.field_revisions.get(name, 0) for name in SAVED_BY_SCRIPT},
        "draft": story.draft.model_dump(mode="json", include=set(SAVED_BY_SCRIPT)),
        "images": {str(image_id): url for image_id, url in urls.items()},
        "captions": {str(image.image_id): image.caption for image in story.draft.images},
        "edited_by": story.edited_by or story.source.name,
        "editable": story.state != "killed",
    }
