"""What happens when an editor changes tags, rubrics and photos one at a time: no two such changes are in each other's way."""

from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

from chassis.unit_of_work import UnitOfWork
from contracts.content import Image, Rubric, Tag
from desk.domain.choice import key_of
from desk.domain.draft import Draft
from desk.domain.people import Actor
from desk.handlers.editing import load, save_into
from desk.handlers.refusals import StoryUnknown
from desk.store.facts import Facts

Change = Callable[[Draft], dict[str, Any]]


def change(story_id: UUID, decide: Change, actor: Actor, uow: UnitOfWork) -> None:
    """Save what `decide` makes of the draft as it lies there now."""
    with uow:
        story = load(story_id, uow)
        save_into(story, decide(story.draft), story.revision, actor, uow)


def add_tag(story_id: UUID, label: str, actor: Actor, uow: UnitOfWork) -> None:
    """Wear a tag: the proposed one of that label with its concept, or a free word."""
    with uow:
        story = load(story_id, uow)
        proposals = Facts(uow.connection).proposals(story_id)
        known = {key_of(one.tag): one.tag for one in (proposals.tags if proposals else ())}
        tag = known.get(key_of(Tag(label=label)), Tag(label=" ".join(label.split())))
        worn = [one for one in story.draft.tags if key_of(one) != key_of(tag)]
        save_into(story, {"tags": (*worn, tag)}, story.revision, actor, uow)


def drop_tag(story_id: UUID, label: str, actor: Actor, uow: UnitOfWork) -> None:
    key = key_of(Tag(label=label))
    change(
        story_id,
        lambda draft: {"tags": tuple(tag for tag in draft.tags if key_of(tag) != key)},
        actor,
        uow,
    )


def add_rubric(story_id: UUID, label: str, actor: Actor, uow: UnitOfWork) -> None:
    with uow:
        story = load(story_id, uow)
        proposals = Facts(uow.connection).proposals(story_id)
        known = {key_of(one.rubric): one.rubric for one in (proposals.rubrics if proposals else ())}
        rubric = known.get(key_of(Rubric(label=label)), Rubric(label=" ".join(label.split())))
        worn = [one for one in story.draft.rubrics if key_of(one) != key_of(rubric)]
        save_into(story, {"rubrics": (*worn, rubric)}, story.revision, actor, uow)


def drop_rubric(story_id: UUID, label: str, actor: Actor, uow: UnitOfWork) -> None:
    key = key_of(Rubric(label=label))
    change(
        story_id,
        lambda draft: {"rubrics": tuple(one for one in draft.rubrics if key_of(one) != key)},
        actor,
        uow,
    )


def set_words(story_id: UUID, image_id: UUID, words: dict[str, str], actor: Actor, uow: UnitOfWork) -> None:
    """Caption, credit, credit_url and alt_text of a photo."""

    def decide(draft: Draft) -> dict[str, Any]:
        _image(draft, story_id, image_id)
        images = (image.model_copy(update=words) if image.image_id == image_id else image for image in draft.images)
        return {"images": tuple(images)}

    change(story_id, decide, actor, uow)


def arrange(
    story_id: UUID, image_id: UUID, how: Literal["lead", "earlier", "later", "remove"], actor: Actor, uow: UnitOfWork
) -> None:
    """Make a photo the lead, move it in the order, or take it out of the story and its text."""

    def decide(draft: Draft) -> dict[str, Any]:
        image = _image(draft, story_id, image_id)
        if how == "lead":
            return {"lead_image_id": image_id}
        rest = [one for one in draft.images if one.image_id != image_id]
        if how == "remove":
            blocks = tuple(block for block in draft.blocks if getattr(block, "image_id", None) != image_id)
            lead = draft.lead_image_id if draft.lead_image_id != image_id else None
            return {"images": tuple(rest), "blocks": blocks, "lead_image_id": lead}
        place = draft.images.index(image) + (-1 if how == "earlier" else 1)
        rest.insert(max(0, place), image)
        return {"images": tuple(rest)}

    change(story_id, decide, actor, uow)


def attach(story_id: UUID, image: Image, actor: Actor, uow: UnitOfWork) -> None:
    """Add a photo at the end; the first one is the lead."""

    def decide(draft: Draft) -> dict[str, Any]:
        rest = tuple(one for one in draft.images if one.image_id != image.image_id)
        return {"images": (*rest, image), "lead_image_id": draft.lead_image_id or image.image_id}

    change(story_id, decide, actor, uow)


def _image(draft: Draft, story_id: UUID, image_id: UUID) -> Image:
    found = next((image for image in draft.images if image.image_id == image_id), None)
    if found is None:
        raise StoryUnknown(story_id)
    return found
