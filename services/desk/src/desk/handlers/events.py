"""What happens when the other services tell the desk something. Any order and any repetition end in the same state."""

from typing import Final
from uuid import UUID

from chassis.unit_of_work import UnitOfWork
from contracts.events import (
    ChannelChanged,
    DeliveryChanged,
    ImageProcessed,
    ImageRejected,
    Release,
    ReleaseFailed,
    StoryCorrected,
    StoryKilled,
    StoryPublished,
    StoryReceived,
    StoryRevised,
    StoryTagged,
    StoryUnpublished,
    StoryWithdrawnAtSource,
)
from desk.domain.choice import choose_rubrics, choose_tags
from desk.domain.draft import Draft, changed_fields, content_of, draft_of
from desk.domain.workflow import ReleaseAction, state_after_releases
from desk.handlers.routing import route
from desk.store.facts import Facts
from desk.store.notices import Notices
from desk.store.releases import Releases
from desk.store.stories import FromSource, Stories, Story
from desk.store.work import Versions

ACTIONS: Final[dict[type[Release], ReleaseAction]] = {
    StoryPublished: "publish",
    StoryCorrected: "correct",
    StoryUnpublished: "unpublish",
    StoryKilled: "kill",
}


def open_story(event: StoryReceived, uow: UnitOfWork) -> None:
    """Open a draft, or bring an untouched one up to the source."""
    with uow:
        stories = Stories(uow.connection)
        stories.wait_for_turn(event.story_id)
        draft = _with_choice(draft_of(event.content, event.urgency), event, uow)
        is_new = stories.add(
            event.story_id,
            draft,
            _told(event, seen=event.revision),
            external_id=event.external_id,
            published_at_source=event.published_at_source,
            received_at=event.received_at,
        )
        if is_new:
            stories.index_text(event.story_id, draft)
            Versions(uow.connection).add(event.story_id, event.revision, draft, by=event.source.name, cause="source")
            route(event.story_id, uow)
        else:
            _update_from_source(event, draft, uow)
        _settle(event.story_id, "received" if is_new else "source", uow)


def _told(event: StoryReceived, *, seen: int) -> FromSource:
    return FromSource(event.source, event.content, event.revision, seen, event.canonical_url, list(event.duplicate_of))


def _with_choice(draft: Draft, event: StoryReceived, uow: UnitOfWork) -> Draft:
    proposals = Facts(uow.connection).proposals(event.story_id)
    if proposals is None:
        return draft
    return draft.model_copy(
        update={
            "tags": choose_tags(event.content.tags, proposals.tags),
            "rubrics": choose_rubrics(event.content.rubrics, proposals.rubrics),
        }
    )


def _update_from_source(event: StoryReceived, draft: Draft, uow: UnitOfWork) -> None:
    """An untouched draft follows its source. One that an editor has touched stays, and the tagger is told that it does."""
    stories = Stories(uow.connection)
    story = stories.get(event.story_id, lock=True)
    if story is None or event.revision <= story.source_revision:
        return
    if story.is_untouched:
        stories.save_source(event.story_id, _told(event, seen=event.revision))
        _replace_draft(story, draft, event.revision, event.source.name, uow)
        return
    stories.save_source(event.story_id, _told(event, seen=story.source_seen))
    Notices(uow.connection).add(
        "source_changed", event.story_id, person_id=story.assignee_id, once=f"source:{event.story_id}:{event.revision}"
    )
    if event.revision >= story.revision:
        revision = event.revision + 1
        stories.save_draft(event.story_id, story.draft, revision, story.field_revisions)
        uow.publish(
            StoryRevised(
                story_id=event.story_id,
                revision=revision,
                content=content_of(story.draft),
                revised_at=event.received_at,
            )
        )


def _replace_draft(story: Story, draft: Draft, revision: int, by: str, uow: UnitOfWork) -> None:
    changed = changed_fields(story.draft, draft)
    stories = Stories(uow.connection)
    stories.save_draft(story.story_id, draft, revision, {**story.field_revisions, **dict.fromkeys(changed, revision)})
    stories.index_text(story.story_id, draft)
    Versions(uow.connection).add(story.story_id, revision, draft, by=by, cause="source")


def note_withdrawal(event: StoryWithdrawnAtSource, uow: UnitOfWork) -> None:
    with uow:
        if not Facts(uow.connection).save_withdrawal(event):
            return
        Notices(uow.connection).add(
            "source_withdrew", event.story_id, detail=event.reason, once=f"withdrawn:{event.story_id}:{event.revision}"
        )
        _settle(event.story_id, "source", uow)


def take_tags(event: StoryTagged, uow: UnitOfWork) -> None:
    """Keep the proposals; the story wears those that are sure, unless an editor has chosen."""
    with uow:
        stories = Stories(uow.connection)
        stories.wait_for_turn(event.story_id)
        if not Facts(uow.connection).save_proposals(event):
            return
        story = stories.get(event.story_id, lock=True)
        if story is None:
            return
        update: dict[str, object] = {}
        if not story.tags_by_editor:
            update["tags"] = choose_tags(story.source_content.tags, event.tags)
        if not story.rubrics_by_editor:
            update["rubrics"] = choose_rubrics(story.source_content.rubrics, event.rubrics)
        draft = story.draft.model_copy(update=update)
        if draft != story.draft:
            stories.save_draft(story.story_id, draft, story.revision, story.field_revisions)
            stories.index_text(story.story_id, draft)
        _settle(event.story_id, "tags", uow)


def take_image(event: ImageProcessed, uow: UnitOfWork) -> None:
    with uow:
        if Facts(uow.connection).save_manifest(event):
            _settle(event.story_id, "images", uow)


def refuse_image(event: ImageRejected, uow: UnitOfWork) -> None:
    with uow:
        if Facts(uow.connection).save_rejection(event):
            _settle(event.story_id, "images", uow)


def note_release(event: StoryPublished | StoryCorrected | StoryUnpublished | StoryKilled, uow: UnitOfWork) -> None:
    with uow:
        if Releases(uow.connection).mark_live(event, ACTIONS[type(event)]):
            _settle(event.story_id, "release", uow)


def note_failed_release(event: ReleaseFailed, uow: UnitOfWork) -> None:
    with uow:
        if not Releases(uow.connection).mark_failed(event):
            return
        if not event.will_retry:
            Notices(uow.connection).add(
                "publish_failed",
                event.story_id,
                detail=event.reason,
                faults=event.faults,
                once=f"failed:{event.release_id}",
            )
        _settle(event.story_id, "release", uow)


def note_delivery(event: DeliveryChanged, uow: UnitOfWork) -> None:
    with uow:
        if not Facts(uow.connection).save_site(event):
            return
        if event.state == "failed":
            # A site that is down fails for every story; one word an hour is enough, the board has them all.
            Notices(uow.connection).add(
                "site_failed",
                event.story_id,
                detail=f"{event.endpoint_name}: {event.detail}",
                once=f"site:{event.endpoint_id}:{event.changed_at:%Y-%m-%dT%H}",
            )
        _settle(event.story_id, "sites", uow)


def note_channel(event: ChannelChanged, uow: UnitOfWork) -> None:
    with uow:
        if Facts(uow.connection).save_channel_post(event):
            _settle(event.story_id, "sites", uow)


def _settle(story_id: UUID, what: str, uow: UnitOfWork) -> None:
    """The last thing in each transaction: the state that the releases give, and what the monitor shows."""
    stories = Stories(uow.connection)
    story = stories.get(story_id, lock=True)
    if story is None:
        return
    state = state_after_releases(story.state, Releases(uow.connection).marks(story_id))
    if state != story.state:
        stories.set_state(story_id, state)
    stories.summarise(story_id, what)
