"""What happens when a story goes out: one message, one delivery an endpoint; then they are sent until they arrive."""

from datetime import UTC, datetime
from uuid import uuid5

from chassis import ledger
from chassis.database import Database
from chassis.unit_of_work import UnitOfWork
from contracts.events import DeliveryChanged
from delivery.domain.messages import TYPES, StoryFact, encode, wants
from delivery.domain.schedule import Answer, judge, next_delay_s
from delivery.sender import Sender
from delivery.store import Claimed, Deliveries, Endpoints


def announce(event: StoryFact, uow: UnitOfWork) -> None:
    """Write the message and a delivery for each site that wants it; one that is older than what we announced already is dropped."""
    message_type = TYPES[type(event)]
    with uow:
        deliveries = Deliveries(uow.connection)
        uow.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(event.story_id),))
        if deliveries.newest_version(event.story_id) >= event.version:
            return
        # The same id should PostgreSQL lose the last moments in a crash and this be done again (docs/decisions/0005).
        message_id = f"msg_{uuid5(event.story_id, f'{message_type}/{event.version}').hex}"
        deliveries.supersede(event.story_id, event.version)
        deliveries.add_message(
            message_id, message_type, event.story_id, event.version, encode(message_type, event.released_at, event.item)
        )
        rubrics = tuple(rubric.label for rubric in event.rubrics)
        for endpoint in Endpoints(uow.connection).all():
            if endpoint.state == "active" and wants(
                tuple(endpoint.types), tuple(endpoint.rubrics), message_type, rubrics
            ):
                deliveries.add(endpoint.endpoint_id, message_id, message_type, event.story_id, event.version)
    with uow.database.connection() as connection:
        ledger.wake(connection, "delivery", "drain")


def drain(database: Database, sender: Sender, batch_size: int) -> None:
    """Send all that is due. No transaction is open while anything is sent."""
    while True:
        with database.unit_of_work() as uow:
            batch = Deliveries(uow.connection).claim(batch_size)
        if not batch:
            return
        sender.send_all(batch, lambda one, answer: note(one, answer, database))


def note(one: Claimed, answer: Answer, database: Database) -> None:
    """Write down what became of an attempt, and tell the desk."""
    verdict = judge(answer)
    with database.unit_of_work() as uow:
        deliveries = Deliveries(uow.connection)
        deliveries.note_attempt(one, answer)
        next_attempt_at: datetime | None = None
        if verdict == "delivered":
            deliveries.finish(one, "delivered", answer)
            state = "delivered"
        elif verdict == "gone":
            deliveries.finish(one, "failed", answer)
            Endpoints(uow.connection).disable(one.endpoint_id, "the site answered 410 Gone")
            state = "failed"
        else:
            delay_s = next_delay_s(one.attempts, answer, datetime.now(UTC))
            if delay_s is None:
                deliveries.finish(one, "failed", answer)
                state = "failed"
            else:
                next_attempt_at = deliveries.postpone(one, delay_s, answer)
                state = "failing" if next_attempt_at else "superseded"
        if one.story_id is not None and one.version is not None:
            progress = deliveries.progress(one.story_id, one.version)
            uow.publish(
                DeliveryChanged(
                    story_id=one.story_id,
                    version=one.version,
                    endpoint_id=one.endpoint_id,
                    endpoint_name=one.endpoint_name,
                    state=state,
                    attempts=one.attempts,
                    status_code=answer.status,
                    detail=answer.error,
                    next_attempt_at=next_attempt_at,
                    delivered=progress.delivered,
                    total=progress.total,
                    sequence=progress.sequence,
                    changed_at=datetime.now(UTC),
                )
            )
