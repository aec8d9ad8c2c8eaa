"""What happens when a story goes out: one message, one delivery an endpoint; then they are sent until they arrive."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from chassis import ledger, logs
from chassis.database import Database
from chassis.unit_of_work import UnitOfWork
from contracts.events import DeliveryChanged
from delivery.domain import health
from delivery.domain.health import Windows, probe_after_s, warning_due
from delivery.domain.messages import REMOVALS, TYPES, StoryFact, encode, thin, wants
from delivery.domain.schedule import judge, next_delay_s
from delivery.sender import Sender, Sent
from delivery.store import FIRST_SITE, Deliveries, Endpoints, Outcome, Recoveries

if TYPE_CHECKING:
    from delivery.store.endpoints import Failing

KEEP_ATTEMPTS_DAYS: Final = 30
KEEP_DELIVERIES_DAYS: Final = 90
LET_GO_AT_ONCE: Final = 20_000
RECOVERY_STEP: Final = 1000
LOOK_AGAIN_S: Final = 1.0
"""While answers are awaited and nobody says that there is more to send."""

log = logs.get()

LinkMaker = Callable[[str], str]
"""message_id -> the signed address of its item."""


def announce(event: StoryFact, uow: UnitOfWork, data_url: LinkMaker | None = None) -> None:
    """Write the message and a delivery for each site that wants it; one that is older than what we announced already is dropped.

    A correction or a removal goes to whoever has the story, though it may have left what the site asks for.
    """
    message_type = TYPES[type(event)]
    with uow:
        deliveries = Deliveries(uow.connection)
        uow.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(event.story_id),))
        if deliveries.newest_version(event.story_id) >= event.version:
            return
        # The same id should PostgreSQL lose the last moments in a crash and this be done again (docs/decisions/0005).
        message_id = f"msg_{uuid5(event.story_id, f'{message_type}/{event.version}').hex}"
        deliveries.supersede(event.story_id, event.version, is_removal=message_type in REMOVALS)
        body = encode(message_type, event.released_at, event.item)
        link = data_url(message_id) if data_url else event.data_url
        small = encode(message_type, event.released_at, thin(event.item, link))
        deliveries.add_message(message_id, message_type, event.story_id, event.version, body, small)
        is_removal = message_type in REMOVALS
        had = set() if message_type == "story.published" else deliveries.had(event.story_id, is_removal=is_removal)
        takers = [
            one.endpoint_id
            for one in Endpoints(uow.connection).all()
            if wants(one.filters, message_type, event)
            or (one.endpoint_id in had and (not one.types or message_type in one.types))
        ]
        deliveries.add(takers, message_id, message_type, event.story_id, event.version)
    with uow.database.connection() as connection:
        ledger.wake(connection, "delivery", "drain")


@dataclass
class Drain:
    """Claims what is due, lets the sender send it, and writes down what became of it; at most one at a time in a process."""

    database: Database
    sender: Sender
    batch_size: int
    windows: Windows = field(default_factory=Windows)
    after: UUID = FIRST_SITE
    _unnoted: list[Sent] = field(default_factory=list)
    """What the database could not be told yet: it was away."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asked: threading.Event = field(default_factory=threading.Event)

    def run(self, most_s: float = 5.0) -> None:
        """Until nothing is due and nothing is under way, or for `most_s`; what is under way then is noted by the next run.

        The timer is free again at once, so that other processes drain beside this one. No transaction is open while
        anything is sent. Where one drains already, it is told to look again.
        """
        self._asked.set()
        self.sender.nudge()
        while self._asked.is_set() and self._lock.acquire(blocking=False):
            try:
                self._asked.clear()
                with self.database.connection() as connection:
                    ledger.mark_timer_done(connection, "delivery", "drain")
                self._work(time.monotonic() + most_s)
            finally:
                self._lock.release()

    def _work(self, end: float) -> None:
        while (left_s := end - time.monotonic()) > 0:
            claimed = self._claim()
            if not claimed and not self.sender.in_flight:
                return
            self._unnoted += self.sender.collect(0.0 if claimed and self.sender.room else min(left_s, LOOK_AGAIN_S))
            if self._unnoted:
                self._note(self._unnoted)
                self._unnoted = []

    def _claim(self) -> int:
        """How many were claimed: the next in the round over all endpoints, at most once around."""
        rounds_left = 1 if self.after == FIRST_SITE else 2
        while rounds_left and (room := self.sender.room):
            with self.database.unit_of_work() as uow:
                deliveries = Deliveries(uow.connection)
                batch, self.after = deliveries.claim(min(self.batch_size, room), self.after, self.sender.slow_sites)
            if batch:
                self.sender.submit(batch)
                return len(batch)
            rounds_left -= self.after == FIRST_SITE
        return 0

    def _note(self, sent: Sequence[Sent]) -> None:
        """One transaction for all answers that came together, and one event each for the desk."""
        outcomes = [_judge(one) for one in sent]
        with self.database.unit_of_work() as uow:
            deliveries = Deliveries(uow.connection)
            deliveries.note_attempts([(one.one, one.answer, one.at) for one in sent])
            deliveries.finish([one for one in outcomes if one.delay_s is None])
            postponed = deliveries.postpone([one for one in outcomes if one.delay_s is not None])
            self._note_health(outcomes, Endpoints(uow.connection))
            stories = [one for one in outcomes if one.one.story_id is not None and one.one.version is not None]
            if stories:
                _tell(stories, postponed, deliveries, uow)

    def _note_health(self, outcomes: Sequence[Outcome], endpoints: Endpoints) -> None:
        by_site: dict[UUID, list[Outcome]] = {}
        for one in outcomes:
            by_site.setdefault(one.one.endpoint_id, []).append(one)
        gone = {one.one.endpoint_id for one in outcomes if one.answer.status == 410}
        good = {one.one.endpoint_id for one in outcomes if one.state == "delivered"} - gone
        endpoints.note_successes(sorted(good))
        bad = endpoints.note_failures({one: len(group) for one, group in by_site.items() if one not in good | gone})
        for endpoint_id in sorted(by_site):
            group = by_site[endpoint_id]
            is_shaky = [self.windows.note(endpoint_id, good=one.state == "delivered") for one in group][-1]
            if endpoint_id in gone:
                endpoints.disable(endpoint_id, "the site answered 410 Gone")
                log.warning("a site is gone", endpoint=group[0].one.endpoint_name)
            elif failing := bad.get(endpoint_id):
                if _take_care(group, failing, endpoints, is_shaky=is_shaky):
                    self.windows.forget(endpoint_id)
            elif any(one.one.message_type == "endpoint.verification" and one.state == "delivered" for one in group):
                endpoints.activate(endpoint_id)
                log.info("a site has confirmed", endpoint=group[0].one.endpoint_name)
            elif is_shaky:
                endpoints.pause(endpoint_id, probe_after_s(0))
                self.windows.forget(endpoint_id)


def _judge(sent: Sent) -> Outcome:
    one, answer = sent.one, sent.answer
    verdict = judge(answer)
    if one.message_type == "endpoint.verification" and verdict == "delivered" and one.challenge not in answer.body:
        answer = type(answer)(**{**vars(answer), "error": "the answer does not hold the challenge"})
        verdict = "retry"
    if verdict == "delivered":
        return Outcome(one, answer, "delivered")
    delay_s = None if verdict == "gone" else next_delay_s(one.attempts, answer, datetime.now(UTC))
    return Outcome(one, answer, "failed", delay_s)


def _take_care(group: Sequence[Outcome], failing: "Failing", endpoints: Endpoints, *, is_shaky: bool) -> bool:
    """Whether the site is paused now. Of a paused one only a probe's failure makes the pause longer: the others left before it began."""
    endpoint_id, name = group[0].one.endpoint_id, group[0].one.endpoint_name
    if (
        failing.hours >= health.DISABLE_AFTER_H
        and failing.failures_in_row >= health.DISABLE_LEAST_FAILURES
        and failing.messages >= health.DISABLE_LEAST_MESSAGES
    ):
        endpoints.disable(endpoint_id, f"no success for {health.DISABLE_AFTER_H} hours")
        log.warning("a site was disabled", endpoint=name, failures=failing.failures_in_row)
        return False
    pauses = failing.failures_in_row >= health.FAILURES_IN_ROW or is_shaky
    if failing.is_paused:
        if any(one.one.is_probe for one in group):
            endpoints.pause(endpoint_id, probe_after_s(failing.probe_step + 1))
    elif pauses:
        endpoints.pause(endpoint_id, probe_after_s(0))
        log.warning("a site is paused", endpoint=name, failures=failing.failures_in_row)
    if (hours := warning_due(failing.hours, failing.warned_h)) is not None:
        endpoints.change(endpoint_id, {"warned_h": hours})
        log.warning("a site does not answer", endpoint=name, hours=hours)
    return pauses


def _tell(
    outcomes: Sequence[Outcome],
    postponed: dict[int, tuple[str, datetime]],
    deliveries: Deliveries,
    uow: UnitOfWork,
) -> None:
    """One `DeliveryChanged` an outcome, numbered in the order of the story's changes."""
    counts = Counter((one.one.story_id, one.one.version) for one in outcomes)
    progress = deliveries.progress({(story, version): n for (story, version), n in counts.items() if story and version})
    left = Counter(one.one.story_id for one in outcomes)
    changes = []
    for outcome in outcomes:
        one = outcome.one
        if one.story_id is None or one.version is None:
            continue
        key = (one.story_id, one.version)
        left[one.story_id] -= 1
        state, due_at = postponed.get(one.delivery_id, (outcome.state, None))
        if due_at is not None:
            state, due_at = ("failing", due_at) if state == "pending" else ("superseded", None)
        changes.append(
            DeliveryChanged(
                story_id=one.story_id,
                version=one.version,
                endpoint_id=one.endpoint_id,
                endpoint_name=one.endpoint_name,
                state=state,
                attempts=one.attempts,
                status_code=outcome.answer.status,
                detail=outcome.answer.error,
                next_attempt_at=due_at,
                delivered=progress[key].delivered,
                total=progress[key].total,
                sequence=progress[key].sequence - left[one.story_id],
                changed_at=datetime.now(UTC),
            )
        )
    uow.publish_all(changes)


def recover(database: Database) -> None:
    """A step of each running recovery."""
    with database.unit_of_work() as uow:
        recoveries = Recoveries(uow.connection)
        for one in recoveries.running():
            recoveries.step(one, RECOVERY_STEP)


def keep_house(database: Database) -> None:
    """Partitions for the days to come, none for those long gone; what was held too long is let go."""
    with database.unit_of_work() as uow:
        Deliveries(uow.connection).make_days(3)
        dropped = Deliveries(uow.connection).drop_days(KEEP_ATTEMPTS_DAYS)
        let_go = Endpoints(uow.connection).let_go_of_held()
        deleted = Deliveries(uow.connection).let_go_of_old(KEEP_DELIVERIES_DAYS, LET_GO_AT_ONCE)
    if dropped or let_go or deleted:
        log.info("kept house", dropped=dropped, let_go=let_go, deleted=deleted)
