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
from delivery.store import FIRST_SITE, Claimed, Deliveries, Endpoints, Outcome, Recoveries

if TYPE_CHECKING:
    from delivery.store.endpoints import Failing

KEEP_ATTEMPTS_DAYS: Final = 30
RECOVERY_STEP: Final = 1000
IDLE_S: Final = 0.02

log = logs.get()

LinkMaker = Callable[[str], str]
"""message_id -> the signed address of its item."""


def announce(event: StoryFact, uow: UnitOfWork, data_url: LinkMaker | None = None) -> None:
    """Write the message and a delivery for each site that wants it; one that is older than what we announced already is dropped."""
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
        had = deliveries.had(event.story_id) if message_type in REMOVALS else set()
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
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, most_s: float = 10.0, patience_s: float = 0.0) -> None:
        """Until nothing is due, or for `most_s`; waits `patience_s` more for answers of slow sites.

        The timer is free again at once, so that other processes drain beside this one. No transaction is open while
        anything is sent.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            with self.database.connection() as connection:
                ledger.mark_timer_done(connection, "delivery", "drain")
            self._work(time.monotonic() + most_s, patience_s)
        finally:
            self._lock.release()

    def _work(self, end: float, patience_s: float) -> None:
        idle_since = time.monotonic()
        while True:
            claimed = self._claim() if time.monotonic() < end else 0
            sent = self.sender.collect(0.0 if claimed and self.sender.room else IDLE_S)
            if sent:
                self._note(sent)
            if claimed or sent:
                idle_since = time.monotonic()
            elif not self.sender.in_flight or time.monotonic() - idle_since > patience_s:
                return

    def _claim(self) -> int:
        """How many were claimed; a round over all endpoints that ends empty starts again from the first."""
        if not self.sender.room:
            return 0
        batch = self._claim_after(self.after)
        if not batch and self.after != FIRST_SITE:
            batch = self._claim_after(FIRST_SITE)
        self.after = max((one.endpoint_id for one in batch), default=FIRST_SITE)
        self.sender.submit(batch)
        return len(batch)

    def _claim_after(self, after: UUID) -> list[Claimed]:
        with self.database.unit_of_work() as uow:
            return Deliveries(uow.connection).claim(min(self.batch_size, self.sender.room), after)

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
        for endpoint_id in sorted(by_site):
            group = by_site[endpoint_id]
            good = [one for one in group if one.state == "delivered"]
            shaky = [self.windows.note(endpoint_id, good=one in good) for one in group]
            if gone := next((one for one in group if one.answer.status == 410), None):
                endpoints.disable(endpoint_id, "the site answered 410 Gone")
                log.warning("a site is gone", endpoint=gone.one.endpoint_name)
            elif good:
                endpoints.note_success(endpoint_id)
                if challenged := next((one for one in good if one.one.message_type == "endpoint.verification"), None):
                    endpoints.activate(endpoint_id)
                    log.info("a site has confirmed", endpoint=challenged.one.endpoint_name)
            if not good:
                failing = endpoints.note_failures(endpoint_id, len(group))
                if failing is not None:
                    _take_care(group, failing, endpoints, is_shaky=any(shaky))
            elif any(shaky):
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


def _take_care(group: Sequence[Outcome], failing: "Failing", endpoints: Endpoints, *, is_shaky: bool) -> None:
    """Of a paused site only a probe's failure makes the pause longer: the others left before it began."""
    endpoint_id, name = group[0].one.endpoint_id, group[0].one.endpoint_name
    if (
        failing.hours >= health.DISABLE_AFTER_H
        and failing.failures_in_row >= health.DISABLE_LEAST_FAILURES
        and failing.messages >= health.DISABLE_LEAST_MESSAGES
    ):
        endpoints.disable(endpoint_id, f"no success for {health.DISABLE_AFTER_H} hours")
        log.warning("a site was disabled", endpoint=name, failures=failing.failures_in_row)
        return
    if failing.is_paused:
        if any(one.one.is_probe for one in group):
            endpoints.pause(endpoint_id, probe_after_s(failing.probe_step + 1))
    elif failing.failures_in_row >= health.FAILURES_IN_ROW or is_shaky:
        endpoints.pause(endpoint_id, probe_after_s(0))
        log.warning("a site is paused", endpoint=name, failures=failing.failures_in_row)
    if (hours := warning_due(failing.hours, failing.warned_h)) is not None:
        endpoints.change(endpoint_id, {"warned_h": hours})
        log.warning("a site does not answer", endpoint=name, hours=hours)


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
    for outcome in outcomes:
        one = outcome.one
        if one.story_id is None or one.version is None:
            continue
        key = (one.story_id, one.version)
        left[one.story_id] -= 1
        state, due_at = postponed.get(one.delivery_id, (outcome.state, None))
        if due_at is not None:
            state, due_at = ("failing", due_at) if state == "pending" else ("superseded", None)
        uow.publish(
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
    if dropped or let_go:
        log.info("kept house", dropped=dropped, let_go=let_go)
