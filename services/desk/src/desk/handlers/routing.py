"""What happens with a new story by the newsroom's rules, and how a rule is tried out before it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg

from chassis.unit_of_work import UnitOfWork
from contracts.content import Rubric
from desk.domain.choice import merge
from desk.domain.draft import body_text
from desk.domain.people import Actor
from desk.domain.routing import Incoming, Rule, first_fitting
from desk.store.rules import RoutingRules
from desk.store.stories import Stories, Story
from desk.store.work import Audit, Schedule

PUBLISH_AFTER: Final = timedelta(seconds=5)
"""A trusted source's story waits this long for its tags and photos; while photos are still being made it waits on."""

ROUTER: Final = Actor(UUID(int=3), "Routing", "chief")


def incoming_of(story: Story) -> Incoming:
    draft = story.draft
    return Incoming(
        source_id=story.source.source_id,
        text=f"{draft.headline}\n{draft.lede}\n{body_text(draft)}",
        urgency=draft.urgency,
    )


def route(story_id: UUID, uow: UnitOfWork) -> None:
    """Apply the first rule that fits a story which has just been opened, in the same transaction."""
    rules = RoutingRules(uow.connection).all()
    story = Stories(uow.connection).get(story_id, lock=True) if rules else None
    if story is None or (rule := first_fitting(rules, incoming_of(story))) is None:
        return
    _apply(rule, story, uow)
    Audit(uow.connection).write(ROUTER.name, "routing", story_id, {"reason": rule.name})


def _apply(rule: Rule, story: Story, uow: UnitOfWork) -> None:
    stories = Stories(uow.connection)
    draft = story.draft
    if rule.rubric:
        draft = draft.model_copy(update={"rubrics": merge((Rubric(label=rule.rubric),), draft.rubrics)})
    if rule.urgency is not None:
        draft = draft.model_copy(update={"urgency": rule.urgency})
    if draft != story.draft:
        stories.save_draft(story.story_id, draft, story.revision, story.field_revisions)
        if rule.rubric:
            stories.keep_rubrics(story.story_id)
    if rule.assignee_id is not None:
        stories.assign(story.story_id, rule.assignee_id)
    if rule.outcome == "ready":
        stories.set_state(story.story_id, "ready")
    elif rule.outcome == "spike":
        stories.set_state(story.story_id, "spiked")
    elif rule.outcome == "publish":
        stories.set_state(story.story_id, "ready")
        due_at = datetime.now(UTC) + PUBLISH_AFTER
        Schedule(uow.connection).set(story.story_id, due_at, "publish", note="", embargo_until=None, by=ROUTER)


@dataclass(frozen=True)
class Trial:
    """What the rules would have done with the stories of the last day."""

    taken: dict[UUID, list[Story]]
    looked_at: int

    def by(self, rule: Rule) -> list[Story]:
        return self.taken.get(rule.rule_id, [])


def try_out(rules: Sequence[Rule], connection: psycopg.Connection, tried: UUID | None = None) -> Trial:
    """Ask the rules for each story of the last day, in their order; the one that is `tried` as if it were on. Nothing is changed."""
    asked = [rule.model_copy(update={"is_on": True}) if rule.rule_id == tried else rule for rule in rules]
    stories = Stories(connection).of_last_day()
    taken: dict[UUID, list[Story]] = {}
    for story in stories:
        rule = first_fitting(asked, incoming_of(story))
        if rule is not None:
            taken.setdefault(rule.rule_id, []).append(story)
    return Trial(taken, len(stories))
