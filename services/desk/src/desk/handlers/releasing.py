"""What happens when an editor presses the button: the checks, the snapshot, the order; now or at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg

from chassis import logs
from chassis.database import Database
from chassis.errors import Refusal
from chassis.ids import new_id
from chassis.unit_of_work import UnitOfWork
from contracts.content import Fault, Manifest
from contracts.events import ReleaseOrdered, TagsReviewed
from desk.domain.choice import review_tags
from desk.domain.people import Actor
from desk.domain.preflight import Finding, Situation, find_problems
from desk.domain.release import build_snapshot
from desk.domain.workflow import ReleaseAction, Step, next_state, state_after_releases
from desk.handlers.editing import check_right, check_step, load
from desk.handlers.refusals import PreflightBlocked, SamePerson, StepRefused
from desk.store.facts import Facts
from desk.store.notices import Notices
from desk.store.releases import Releases
from desk.store.rules import Preferences, PreflightRules
from desk.store.stories import Stories, Story
from desk.store.work import Audit, Schedule, Scheduled

log = logs.get()

SCHEDULER: Final = "Scheduler"
SCHEDULER_ID: Final = UUID(int=2)
PASSING: Final = frozenset({"image_waiting"})
"""What stops a release for a moment only."""
BEFORE_TAGS: Final = PASSING | {"rubric_missing", "tags_missing"}
"""The same while the tagger has not spoken."""
PATIENCE: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class Order:
    """What an editor asks for. `reason` is shown to partners, `note` to readers."""

    action: ReleaseAction
    reason: str = ""
    note: str = ""
    embargo_until: datetime | None = None
    revives_killed: bool = False
    overrides_warnings: bool = True


@dataclass(frozen=True)
class Ordered:
    release_id: UUID
    version: int
    state: str


def order_release(story_id: UUID, order: Order, actor: Actor, uow: UnitOfWork) -> Ordered:
    """Order a release: the whole story as it lies on the desk now, under the next version.

    Raises:
        PreflightBlocked: a check that blocks found something; for publish and correct only.
        RightMissing, StepRefused, SamePerson: this person may not, or not now.

    """
    with uow:
        story = load(story_id, uow)
        _check_embargo(story, order, datetime.now(UTC))
        return order_inside(story, order, actor, uow)


def order_inside(story: Story, order: Order, actor: Actor, uow: UnitOfWork) -> Ordered:
    """`order_release` inside a transaction that is open already, on a locked story."""
    step: Step = "revive" if order.revives_killed else order.action
    check_step(story, step, actor)
    _check_order(story, order, actor, uow)
    version = story.version + 1
    event = ReleaseOrdered(
        release_id=new_id(),
        story_id=story.story_id,
        version=version,
        action=order.action,
        snapshot=build_snapshot(
            story.draft,
            manifests_of(story, uow),
            story.source,
            correction_note=order.note,
            embargo_until=order.embargo_until,
        ),
        reason=order.reason,
        ordered_by=actor.name,
        ordered_at=datetime.now(UTC),
        revives_killed=order.revives_killed,
    )
    releases = Releases(uow.connection)
    releases.add(event)
    uow.publish(event, priority="urgent" if order.action == "kill" or story.draft.urgency <= 3 else None)
    if order.action in ("publish", "correct"):
        _tell_review(story, uow)
    stories = Stories(uow.connection)
    stories.set_version(story.story_id, version)
    target = next_state(story.state, step)
    assert target is not None  # noqa: S101 - check_step said so
    stories.set_state(story.story_id, state_after_releases(target, releases.marks(story.story_id)))
    Schedule(uow.connection).cancel(story.story_id)
    Audit(uow.connection).write(
        actor.name, step, story.story_id, {"version": version, "reason": order.reason, "note": order.note}
    )
    stories.summarise(story.story_id, "release")
    return Ordered(event.release_id, version, "ordered")


def _check_order(story: Story, order: Order, actor: Actor, uow: UnitOfWork) -> None:
    if order.action in ("unpublish", "kill") and not order.reason.strip():
        raise StepRefused(
            f"story {story.story_id}: {order.action} needs a reason", fields=(("/reason", "must not be empty"),)
        )
    if order.action not in ("publish", "correct"):
        return
    _check_two_persons(story, actor, uow)
    blocking = [one for one in preflight_of(story, uow.connection) if one.level == "block"]
    if blocking:
        raise PreflightBlocked(
            f"story {story.story_id}: {', '.join(one.code for one in blocking)}",
            codes=frozenset(one.code for one in blocking),
            findings=[{"code": one.code, "level": one.level, "image_id": one.image_id} for one in blocking],
        )


def _check_embargo(story: Story, order: Order, goes_out_at: datetime) -> None:
    if order.embargo_until is not None and order.embargo_until > goes_out_at:
        raise StepRefused(
            f"story {story.story_id}: under embargo until {order.embargo_until.isoformat()}; schedule it for then",
            fields=(("/embargo_until", "is later than the release; the release must be scheduled for then or later"),),
        )


def _check_two_persons(story: Story, actor: Actor, uow: UnitOfWork) -> None:
    if story.edited_by_id == actor.person_id and Preferences(uow.connection).two_person_rule():
        raise SamePerson(f"story {story.story_id}: {actor.name} edited it last; somebody else must publish it")


def manifests_of(story: Story, uow: UnitOfWork) -> dict[UUID, Manifest]:
    return {
        image_id: fact.manifest
        for image_id, fact in Facts(uow.connection).images(story.story_id).items()
        if fact.manifest is not None
    }


def preflight_of(story: Story, connection: psycopg.Connection) -> list[Finding]:
    """What the checks say of the story as it lies on the desk now, the blocking ones first."""
    facts = Facts(connection)
    situation = Situation(
        draft=story.draft,
        images=facts.images(story.story_id),
        duplicates_live=Stories(connection).live_among(story.duplicate_of),
        has_new_source=story.source_revision > story.source_seen,
        is_withdrawn=story.withdrawn_reason is not None,
        now=datetime.now(UTC),
    )
    rules = PreflightRules(connection)
    return find_problems(situation, rules.levels(), rules.footnote_terms())


def _tell_review(story: Story, uow: UnitOfWork) -> None:
    """The machine learns from what went out."""
    proposals = Facts(uow.connection).proposals(story.story_id)
    review = review_tags(proposals.tags if proposals else (), story.draft.tags, story.tags_dismissed)
    uow.publish(
        TagsReviewed(
            story_id=story.story_id,
            revision=story.revision,
            kept=review.kept,
            removed=review.removed,
            added=review.added,
            rubrics=story.draft.rubrics,
            reviewed_at=datetime.now(UTC),
        ),
        priority="routine",
    )


def schedule_release(story_id: UUID, due_at: datetime, order: Order, actor: Actor, uow: UnitOfWork) -> None:
    """Put a release on the schedule. The checks run when it fires, on what lies on the desk then; here they warn early.

    Raises:
        StepRefused: the time has passed, an embargo ends after it, or the story cannot be published from its state.

    """
    with uow:
        story = load(story_id, uow)
        check_step(story, order.action, actor)
        _check_two_persons(story, actor, uow)
        if due_at <= datetime.now(UTC):
            raise StepRefused(f"story {story_id}: {due_at.isoformat()} has passed", fields=(("/due_at", "has passed"),))
        _check_embargo(story, order, due_at)
        Schedule(uow.connection).set(
            story_id, due_at, order.action, note=order.note, embargo_until=order.embargo_until, by=actor
        )
        Audit(uow.connection).write(actor.name, "schedule", story_id, {"due_at": due_at.isoformat()})
        Stories(uow.connection).summarise(story_id, "state")


def cancel_schedule(story_id: UUID, actor: Actor, uow: UnitOfWork) -> None:
    """Take it off the schedule.

    Raises:
        RightMissing: the role does not publish.

    """
    with uow:
        check_right(load(story_id, uow), "publish", actor)
        if Schedule(uow.connection).cancel(story_id):
            Audit(uow.connection).write(actor.name, "unschedule", story_id)
            Stories(uow.connection).summarise(story_id, "state")


def fire_due(database: Database) -> None:
    """Order every release whose time has come. One that cannot be ordered is set aside with the reason and stops no other."""
    with database.connection() as connection:
        due = Schedule(connection).due()
    for story_id in due:
        _fire(story_id, database)


def _fire(story_id: UUID, database: Database) -> None:
    passing = PASSING
    try:
        with database.unit_of_work() as uow:
            entry = Schedule(uow.connection).take(story_id)
            if entry is None:
                return
            story = load(story_id, uow)
            if Facts(uow.connection).proposals(story_id) is None:
                passing = BEFORE_TAGS
            action: ReleaseAction = "correct" if story.state == "published" else "publish"
            order = Order(action, note=entry.note, embargo_until=entry.embargo_until)
            order_inside(story, order, scheduler_for(entry), uow)
    except PreflightBlocked as refusal:
        if refusal.codes <= passing and _put_off(story_id, database):
            return
        _set_aside(story_id, refusal.detail, database, refusal.slug)
    except Refusal as refusal:
        _set_aside(story_id, refusal.detail, database, refusal.slug)
    except psycopg.OperationalError:
        raise  # the database went away: the story stays due
    except Exception as error:
        log.exception("a scheduled story did not fire", story_id=str(story_id))
        _set_aside(story_id, f"{type(error).__name__}: {error}", database)


def _put_off(story_id: UUID, database: Database) -> bool:
    """Look again in a moment, for at most `PATIENCE`; photos that were still being made are then there."""
    with database.unit_of_work() as uow:
        return Schedule(uow.connection).put_off(story_id, PATIENCE)


def scheduler_for(entry: Scheduled) -> Actor:
    """The scheduler acts for whoever set the time; that person's rights were checked then."""
    return Actor(entry.set_by_id or SCHEDULER_ID, f"{entry.set_by} ({SCHEDULER})", "chief")


def _set_aside(story_id: UUID, reason: str, database: Database, code: str = "") -> None:
    faults = (Fault(code=code),) if code else ()
    with database.unit_of_work() as uow:
        Schedule(uow.connection).mark_problem(story_id, reason, faults)
        Notices(uow.connection).add("schedule_failed", story_id, detail=reason, faults=faults)
        Audit(uow.connection).write(SCHEDULER, "schedule_failed", story_id, {"reason": reason})
        Stories(uow.connection).summarise(story_id, "state")
