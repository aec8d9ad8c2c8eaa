"""What happens to texts: each revision gets its proposals; editors' verdicts are kept."""

from collections.abc import Callable
from typing import TypeAlias

from chassis.unit_of_work import UnitOfWork
from contracts.content import StoryContent
from contracts.events import StoryReceived, StoryRevised, StoryTagged, TagsReviewed
from tagging.domain.propose import Proposals, respect
from tagging.store import Feedback, Suggestions

Tagger: TypeAlias = Callable[[StoryContent], Proposals]


def tag_story(event: StoryReceived | StoryRevised, uow: UnitOfWork, tagger: Tagger, versions: tuple[str, str]) -> None:
    """Propose tags and rubrics for a revision; one that comes late changes nothing."""
    with uow.database.connection() as connection:
        is_late = Suggestions(connection).revision(event.story_id) > event.revision
    proposals = Proposals((), ()) if is_late else tagger(event.content)

    with uow:
        verdict = Feedback(uow.connection).verdict(event.story_id)
        tagged = StoryTagged(
            story_id=event.story_id,
            revision=event.revision,
            language=event.content.language,
            tags=respect(proposals.tags, verdict.removed, verdict.pinned),
            rubrics=proposals.rubrics,
            model_version=versions[0],
            vocabulary_version=versions[1],
        )
        if not is_late and Suggestions(uow.connection).save(tagged):
            uow.publish(tagged)


def learn(event: TagsReviewed, uow: UnitOfWork) -> None:
    with uow:
        Feedback(uow.connection).save(event)
