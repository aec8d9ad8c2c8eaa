"""What happens when an editor changes tags, rubrics and photos one at a time: no two such changes are in each other's way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from chassis.bucket import Bucket, content_hash
from chassis.errors import Refusal
from chassis.unit_of_work import UnitOfWork
from contracts.content import Image, Rubric, StoredObject, Tag
from desk.domain.choice import key_of
from desk.domain.draft import Draft
from desk.domain.people import Actor
from desk.handlers.editing import load, save_into
from desk.handlers.refusals import StoryUnknown
from desk.store.facts import Facts
from desk.store.stories import Stories
from desk.store.work import Audit

Change = Callable[[Draft], dict[str, Any]]

MAX_UPLOAD_BYTES: Final = 40 * 1024 * 1024


def change(story_id: UUID, decide: Change, actor: Actor, uow: UnitOfWork) -> None:
    """Save what `decide` makes of the draft as it lies there now."""
    with uow:
        story = load(story_id, uow)
        save_into(story, decide(story.draft), story.revision, actor, uow)


def add_tag(story_id: UUID, wanted: Tag, actor: Actor, uow: UnitOfWork) -> None:
    """Wear a tag: the proposed one of that label with its concept, else the one that was wanted, without stray spaces."""
    with uow:
        story = load(story_id, uow)
        proposals = Facts(uow.connection).proposals(story_id)
        known = {key_of(one.tag): one.tag for one in (proposals.tags if proposals else ())}
        tag = known.get(key_of(wanted), wanted.model_copy(update={"label": " ".join(wanted.label.split())}))
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


def dismiss_tag(story_id: UUID, label: str, actor: Actor, uow: UnitOfWork) -> None:
    """Throw a proposed tag out: it is not shown again, and the machine learns it with the next release."""
    with uow:
        load(story_id, uow)
        Stories(uow.connection).dismiss_tag(story_id, key_of(Tag(label=label)))
        Audit(uow.connection).write(actor.name, "dismiss_tag", story_id, {"label": label})


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


@dataclass(frozen=True)
class Upload:
    """A file as the browser sent it."""

    body: bytes
    content_type: str


class UploadWrong(Refusal):
    """A file that cannot be a photo."""

    title = "This file cannot be taken"
    slug = "upload-wrong"


def attach(
    story_id: UUID, upload: Upload, replaces: UUID | None, originals: Bucket, actor: Actor, uow: UnitOfWork
) -> None:
    """Add a photo at the end (the first one is the lead), or put it in another one's place with that one's words.

    A photo that the story has already leaves its old place.

    Raises:
        UploadWrong: it is empty, too large, or not sent as an image. Whether it can be decoded imaging will say.

    """
    if not upload.body or len(upload.body) > MAX_UPLOAD_BYTES or not upload.content_type.startswith("image/"):
        raise UploadWrong(
            f"{len(upload.body)} bytes of {upload.content_type!r}: an image of at most {MAX_UPLOAD_BYTES} bytes is taken"
        )
    digest = content_hash(upload.body)
    key = f"originals/{digest[:2]}/{digest}"
    originals.put(key, upload.body, content_type=upload.content_type)
    stored = StoredObject(bucket="private", key=key, content_type=upload.content_type, size_bytes=len(upload.body))
    image = Image(image_id=uuid5(story_id, digest), original=stored)
    change(story_id, lambda draft: _with_image(draft, image, replaces), actor, uow)


def _with_image(draft: Draft, image: Image, replaces: UUID | None) -> dict[str, Any]:
    old = next((one for one in draft.images if one.image_id == replaces), None)
    if old is None:
        rest = tuple(one for one in draft.images if one.image_id != image.image_id)
        return {"images": (*rest, image), "lead_image_id": draft.lead_image_id or image.image_id}
    fresh = old.model_copy(update={"image_id": image.image_id, "original": image.original, "problem": ""})
    blocks = tuple(
        block.model_copy(update={"image_id": image.image_id}) if getattr(block, "image_id", None) == replaces else block
        for block in draft.blocks
    )
    lead = image.image_id if draft.lead_image_id == replaces else draft.lead_image_id
    others = (one for one in draft.images if one is old or one.image_id != image.image_id)
    return {
        "images": tuple(fresh if one is old else one for one in others),
        "blocks": blocks,
        "lead_image_id": lead,
    }


def _image(draft: Draft, story_id: UUID, image_id: UUID) -> Image:
    found = next((image for image in draft.images if image.image_id == image_id), None)
    if found is None:
        raise StoryUnknown(story_id)
    return found
