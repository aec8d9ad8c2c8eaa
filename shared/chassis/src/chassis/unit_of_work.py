"""One request or event is one transaction: the business change, its events and the mark "handled" stand or fall together."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import perf_counter
from types import TracebackType
from typing import Self
from uuid import UUID

import psycopg

from chassis import ledger, metrics, tracing
from chassis.ids import new_id
from chassis.pool import Pool
from contracts.event import Envelope, Event, Priority


class AlreadyHandledError(Exception):
    """Another worker has handled this delivery. Nothing is left to do; the runner catches it."""


class UnitOfWork:
    """`with uow:` is a transaction. Leaving it normally commits, an exception rolls back.

    In a handler it belongs to a delivery: entering marks that delivery handled, in the same transaction.
    """

    def __init__(self, database: Pool, delivery: ledger.Delivery | None = None) -> None:
        self.database = database
        self.delivery = delivery
        self.is_marked = False
        self._connection: psycopg.Connection | None = None
        self._published = False
        self._began = 0.0

    @property
    def connection(self) -> psycopg.Connection:
        if self._connection is None:
            raise RuntimeError("the unit of work is not open: use `with uow:`")
        return self._connection

    def __enter__(self) -> Self:
        if self._connection is not None or self.is_marked:
            raise RuntimeError("one event is one transaction: `with uow:` is entered once")
        self._published = False
        self._began = perf_counter()
        self._connection = _begin(self.database)
        if self.delivery is not None:
            self._mark_handled(self.delivery)
        return self

    def _mark_handled(self, delivery: ledger.Delivery) -> None:
        try:
            is_ours = ledger.mark_handled(self.connection, delivery)
        except BaseException:
            self._end("ROLLBACK")
            raise
        if not is_ours:
            self._end("ROLLBACK")
            raise AlreadyHandledError(f"delivery {delivery.delivery_id} is handled already")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._end("ROLLBACK")
            return
        # NOTIFY stands after COMMIT: inside a transaction it makes all commits of the database wait in line.
        self._end("COMMIT; NOTIFY ledger" if self._published and self.database.may_notify() else "COMMIT")
        self.is_marked = self.delivery is not None

    def publish(self, event: Event, *, priority: Priority | None = None) -> str:
        """Write the event and one delivery row a consumer; they are sent after the commit. Returns the event's id.

        Without a priority the event inherits that of the event being handled.
        """
        event_id, envelope = self._envelope(event, priority)
        ledger.write(self.connection, event_id, envelope, event.consumers)
        metrics.count_published(event.event_type)
        self._published = True
        return str(event_id)

    def publish_all(self, events: Sequence[Event], *, priority: Priority | None = None) -> None:
        """The same for many events in one go, in their order."""
        ledger.write_all(self.connection, [(self._envelope(event, priority)[1], event.consumers) for event in events])
        for event in events:
            metrics.count_published(event.event_type)
        self._published = self._published or bool(events)

    def _envelope(self, event: Event, priority: Priority | None = None) -> tuple[UUID, Envelope]:
        if priority is None:
            priority = self.delivery.priority if self.delivery is not None else "routine"
        event_id = new_id()
        return event_id, Envelope.of(
            event, event_id=str(event_id), time=datetime.now(UTC), priority=priority, traceparent=tracing.traceparent()
        )

    def _end(self, statement: str) -> None:
        connection, self._connection = self.connection, None
        try:
            if not connection.closed:
                connection.execute(statement.encode())
            elif statement != "ROLLBACK":
                raise psycopg.OperationalError("the connection was lost before the commit")
        except psycopg.Error:
            connection.close()
            if statement != "ROLLBACK":
                raise
        finally:
            self.database.give_back(connection)
            end = "rollback" if statement == "ROLLBACK" else "commit"
            metrics.transaction.observe(perf_counter() - self._began, self.database.schema, end)


def _begin(database: Pool) -> psycopg.Connection:
    """A connection inside a transaction; those that died in the pool (the server was restarted) are thrown away."""
    for _ in range(database.size + 1):
        connection = database.take()
        try:
            connection.execute(b"BEGIN")
        except psycopg.OperationalError:
            connection.close()
            database.give_back(connection)
        else:
            return connection
    raise psycopg.OperationalError("no connection of the pool is alive")
