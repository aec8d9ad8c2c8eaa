"""What happens to texts: each revision gets its proposals; what editors keep and throw out teaches the ranking."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol
from uuid import UUID

from chassis.database import Database
from chassis.errors import Refusal
from chassis.pool import Pool
from chassis.unit_of_work import UnitOfWork
from contracts.content import StoryContent
from contracts.events import StoryReceived, StoryRevised, StoryTagged, TagsReviewed
from tagging.domain.choice import respect
from tagging.domain.propose import Acceptance, Proposals
from tagging.domain.ranking import SHIPPED_VERSION, fit
from tagging.domain.rubrics import Rule
from tagging.store.models import Models
from tagging.store.stories import Feedback, Stories, Suggestions
from tagging.store.vocabulary import Concepts

STORIES_LEARNED_FROM = 3_000
"""The newest reviewed ones; what editors wanted years ago is forgotten."""


class Tagger(Protocol):
    """What looks at a text, with the versions of what it looked with."""

    def __call__(self, content: StoryContent, accepted: Acceptance, day: date | None) -> Proposals: ...
    def versions(self) -> tuple[str, str]:
        """(model, vocabulary)."""


def tag_story(event: StoryReceived | StoryRevised, uow: UnitOfWork, open_tagger: Callable[[], Tagger]) -> None:
    """Propose tags and rubrics for a revision; one that comes late changes nothing."""
    day = (event.received_at if isinstance(event, StoryReceived) else event.revised_at).date()
    tagger = open_tagger()
    with uow.database.connection() as connection:
        is_late = Suggestions(connection).revision(event.story_id) > event.revision
        day = Stories(connection).day(event.story_id) or day
    if is_late:
        return
    proposals = look(event.content, day, tagger, uow.database)

    with uow:
        if Suggestions(uow.connection).save(event.story_id, event.revision, proposals):
            Stories(uow.connection).save(event.story_id, event.revision, event.content, day)
            uow.publish(verdict_on(event.story_id, event.revision, proposals, tagger, uow))


def look(content: StoryContent, day: date, tagger: Tagger, database: Pool) -> Proposals:
    """Slow and pure, but for one question to the database: what editors thought of these tags so far."""
    with database.connection() as connection:
        return tagger(content, Feedback(connection).acceptance, day)


def verdict_on(story_id: UUID, revision: int, proposals: Proposals, tagger: Tagger, uow: UnitOfWork) -> StoryTagged:
    """The proposals as an editor's choice binds them."""
    model_version, vocabulary_version = tagger.versions()
    return StoryTagged(
        story_id=story_id,
        revision=revision,
        language=proposals.language,
        tags=respect(proposals.tags, Feedback(uow.connection).verdict(story_id)),
        rubrics=proposals.rubrics,
        model_version=model_version,
        vocabulary_version=vocabulary_version,
    )


def take_review(event: TagsReviewed, uow: UnitOfWork) -> None:
    """Keep what an editor decided; it binds the story's next proposals at once, and teaches at the next `learn`."""
    with uow:
        Feedback(uow.connection).save(event)


def set_rules(rules: Sequence[Rule], uow: UnitOfWork) -> None:
    """Put these rules in the place of all. Raises Refusal where one names a concept that there is not."""
    with uow:
        known = Concepts(uow.connection).ids()
        for place, rule in enumerate(rules):
            if missing := sorted(set(rule.concepts) - known):
                raise Refusal(
                    f"rule {place} ({rule.rubric}): {', '.join(missing[:10])}: no such concept",
                    fields=((f"/{place}/concepts", "must be ids of the vocabulary"),),
                )
        Models(uow.connection).save("rules", [one.model_dump(mode="json") for one in rules])


def learn(database: Database) -> None:
    """Fit the ranking's weights to the newest reviewed stories, where there is a review since the last time, or a release has other weights to begin from."""
    with database.connection() as connection:
        reviewed, last_at = Feedback(connection).state()
        learned = {"reviewed": reviewed, "last_at": last_at.isoformat() if last_at else None, "from": SHIPPED_VERSION}
        kept = Models(connection).get("ranking")
        if not reviewed or (kept and learned.items() <= kept.metrics.items()):
            return
        examples = Feedback(connection).examples(STORIES_LEARNED_FROM)
    weights = fit([(one.features, one.is_kept) for one in examples])
    with database.unit_of_work() as uow:
        Models(uow.connection).save("ranking", weights, {**learned, "examples": len(examples)})
