"""What happens when an editor changes a story: field by field, against the revision that the editor last saw."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.unit_of_work import UnitOfWork
from contracts.content import Box, Point
from contracts.events import FocalPointMoved, ImageAttached, StoryRevised
from desk.domain.cleaning import clean_draft
from desk.domain.draft import TEXT_FIELDS, Draft, Seen, changed_fields, conflicting_fields, content_of, draft_of
from desk.domain.people import Actor
from desk.domain.workflow import Step, may, next_state
from desk.handlers.refusals import EditConflict, PersonUnknown, RightMissing, StepRefused, StoryUnknown
from desk.store.facts import Facts
from desk.store.people import People
from desk.store.stories import Stories, Story
from desk.store.work import Audit, Versions


@dataclass(frozen=True)
class Saved:
    """The answer to a save: the revision that now holds, and when."""

    revision: int
    saved_at: datetime
    changed: frozenset[str]


def load(story_id: UUID, uow: UnitOfWork) -> Story:
    """The story, locked until the transaction ends.

    Raises:
        StoryUnknown: there is none.

    """
    story = Stories(uow.connection).get(story_id, lock=True)
    if story is None:
        raise StoryUnknown(story_id)
    return story


def save_draft(
    story_id: UUID,
    patch: Mapping[str, Any],
    seen: Seen,
    actor: Actor,
    uow: UnitOfWork,
    *,
    cause: str = "edit",
) -> Saved:
    """Save the fields of `patch` (names and values of a Draft). Saving what stands already changes nothing.

    Raises:
        EditConflict: somebody else changed one of these fields after what was `seen` of it; nothing is saved.
        StepRefused: the story is killed.

    """
    with uow:
        story = load(story_id, uow)
        return save_into(story, patch, seen, actor, uow, cause=cause)


def save_into(
    story: Story,
    patch: Mapping[str, Any],
    seen: Seen,
    actor: Actor,
    uow: UnitOfWork,
    *,
    cause: str = "edit",
) -> Saved:
    """`save_draft` inside a transaction that is open already, on a locked story."""
    if story.state == "killed":
        raise StepRefused(f"story {story.story_id}: it is killed and cannot be edited")
    now = datetime.now(UTC)
    clean = clean_draft(story.draft.model_copy(update=dict(patch)))
    draft = story.draft.model_copy(update={name: getattr(clean, name) for name in patch})
    _refuse_conflict(story, draft, patch, seen)
    changed = changed_fields(story.draft, draft)
    if not changed:
        return Saved(story.revision, now, changed)
    revision = story.revision + 1
    stories = Stories(uow.connection)
    stories.save_draft(story.story_id, draft, revision, {**story.field_revisions, **dict.fromkeys(changed, revision)})
    stories.mark_edited(story.story_id, actor, tags="tags" in changed, rubrics="rubrics" in changed)
    stories.index_text(story.story_id, draft)
    Versions(uow.connection).add(story.story_id, revision, draft, by=actor.name, cause=cause)
    if story.state == "received":
        stories.set_state(story.story_id, "in_work")
    if changed & TEXT_FIELDS:
        uow.publish(StoryRevised(story_id=story.story_id, revision=revision, content=content_of(draft), revised_at=now))
    if "images" in changed:
        _tell_words(story, draft, uow)
    stories.summarise(story.story_id, "text")
    return Saved(revision, now, changed)


def _refuse_conflict(story: Story, draft: Draft, patch: Mapping[str, Any], seen: Seen) -> None:
    fields = conflicting_fields(patch, story.draft, draft, story.field_revisions, seen)
    if not fields:
        return
    theirs = story.draft.model_dump(mode="json", include=set(fields))
    raise EditConflict(
        f"story {story.story_id}: revision {seen} is older than {story.revision}; {', '.join(sorted(fields))} was changed by {story.edited_by or 'the source'}",
        fields=tuple((f"/{name}", "was changed by somebody else") for name in sorted(fields)),
        revision=story.revision,
        by=story.edited_by,
        theirs=theirs,
    )


def _tell_words(story: Story, draft: Draft, uow: UnitOfWork) -> None:
    """New captions and credits are written into the files too."""
    facts = Facts(uow.connection)
    old = {image.image_id: image for image in story.draft.images}
    ready = {image_id for image_id, fact in facts.images(story.story_id).items() if fact.manifest}
    for image in draft.images:
        before = old.get(image.image_id)
        if before is None:
            uow.publish(ImageAttached(story_id=story.story_id, image=image, attached_at=datetime.now(UTC)))
        elif image.image_id in ready and (before.caption, before.credit) != (image.caption, image.credit):
            uow.publish(
                FocalPointMoved(
                    story_id=story.story_id,
                    image_id=image.image_id,
                    revision=facts.next_focus_revision(image.image_id),
                    crops=facts.drawn_crops(image.image_id),
                    caption=image.caption,
                    credit=image.credit,
                )
            )


def move_focus(
    story_id: UUID, image_id: UUID, point: Point | None, crops: Mapping[str, Box | None], actor: Actor, uow: UnitOfWork
) -> None:
    """Show imaging what matters in a photo, or crops drawn by hand; None: that crop follows the focus again."""
    with uow:
        if all(image.image_id != image_id for image in load(story_id, uow).draft.images):
            raise StoryUnknown(story_id)
        facts = Facts(uow.connection)
        facts.save_hand_crops(image_id, crops)
        uow.publish(
            FocalPointMoved(
                story_id=story_id,
                image_id=image_id,
                revision=facts.next_focus_revision(image_id),
                focal_point=point,
                crops={**facts.drawn_crops(image_id), **crops},
            ),
            priority="urgent",
        )
        Audit(uow.connection).write(actor.name, "focus", story_id, {"image_id": str(image_id)})


def take_step(story_id: UUID, step: Step, actor: Actor, uow: UnitOfWork) -> None:
    """A step of the workflow that publication need not know of: take, ready, back, spike, unspike.

    Raises:
        RightMissing: the role does not include it.
        StepRefused: the story is in another state.

    """
    with uow:
        story = load(story_id, uow)
        check_step(story, step, actor)
        target = next_state(story.state, step)
        assert target is not None  # noqa: S101 - check_step said so
        stories = Stories(uow.connection)
        stories.set_state(story_id, target)
        if step == "take":
            stories.assign(story_id, actor.person_id)
        Audit(uow.connection).write(actor.name, step, story_id)
        stories.summarise(story_id, "state")


def check_right(story: Story, step: Step, actor: Actor) -> None:
    if not may(actor.role, step):
        raise RightMissing(f"story {story.story_id}: {step} is not among the rights of the role {actor.role}")


def check_step(story: Story, step: Step, actor: Actor) -> None:
    check_right(story, step, actor)
    if next_state(story.state, step) is None:
        raise StepRefused(f"story {story.story_id}: {step} is not possible, the story is {story.state}")


def assign(story_id: UUID, person_id: UUID | None, actor: Actor, uow: UnitOfWork) -> None:
    """Give the story to somebody, or to nobody.

    Raises:
        PersonUnknown: nobody of this id works here.

    """
    with uow:
        load(story_id, uow)
        person = People(uow.connection).get(person_id) if person_id else None
        if person_id and (person is None or not person.is_active):
            raise PersonUnknown(person_id)
        stories = Stories(uow.connection)
        stories.assign(story_id, person_id)
        person = People(uow.connection).get(person_id) if person_id else None
        told = {"person_id": str(person.person_id), "name": person.name} if person else {}
        Audit(uow.connection).write(actor.name, "assign", story_id, told)
        stories.summarise(story_id, "state")


def take_source(story_id: UUID, actor: Actor, uow: UnitOfWork) -> Saved:
    """Put the source's newer words in the place of the draft's; what was there stays among the versions."""
    with uow:
        story = load(story_id, uow)
        told = draft_of(story.source_content, story.draft.urgency)
        patch = {
            name: getattr(told, name) for name in ("headline", "lede", "blocks", "images", "lead_image_id", "authors")
        }
        saved = save_into(story, patch, story.revision, actor, uow, cause="source")
        Stories(uow.connection).see_source(story_id)
        Audit(uow.connection).write(actor.name, "take_source", story_id, {"source_revision": story.source_revision})
        Stories(uow.connection).summarise(story_id, "source")
        return saved


def keep_ours(story_id: UUID, actor: Actor, uow: UnitOfWork) -> None:
    """An editor has seen that the source changed and keeps the draft."""
    with uow:
        story = load(story_id, uow)
        Stories(uow.connection).see_source(story_id)
        Audit(uow.connection).write(actor.name, "keep_ours", story_id, {"source_revision": story.source_revision})
        Stories(uow.connection).summarise(story_id, "source")


def restore(story_id: UUID, revision: int, actor: Actor, uow: UnitOfWork) -> Saved:
    """Bring an older version back, as a new one.

    Raises:
        StoryUnknown: there is no such story, or no such version.

    """
    with uow:
        story = load(story_id, uow)
        draft = Versions(uow.connection).draft(story_id, revision)
        if draft is None:
            raise StoryUnknown(story_id)
        patch = {name: getattr(draft, name) for name in Draft.model_fields}
        saved = save_into(story, patch, story.revision, actor, uow, cause="restore")
        Audit(uow.connection).write(actor.name, "restore", story_id, {"revision": revision})
        return saved
