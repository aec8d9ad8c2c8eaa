"""Live updates: one reader of the `change` table a process, any number of open streams.

Streams with the same query and language share one question to the database and one drawing of each row.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import psycopg
from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from chassis import logs
from chassis.database import Database
from desk.domain.changes import Tail
from desk.domain.query import Query
from desk.store.monitor import Monitor, Row
from desk.store.notices import NOTICE
from desk.store.work import Change, Changes

POLL_S: Final = 0.15
"""Half of it is the mean delay; one look at an index costs about 0.1 ms."""

HEARTBEAT_S: Final = 15.0
MOST_REPLAYED: Final = 2000
"""A stream that missed more is told to draw the page anew."""

log = logs.get()

Draw = Callable[[Row, str], str]


@dataclass(eq=False)
class Stream:
    """One open tab."""

    query: Query
    language: str
    story_id: UUID | None
    inbox: asyncio.Queue[ServerSentEvent] = field(default_factory=lambda: asyncio.Queue(maxsize=500))

    @property
    def group(self) -> tuple[Query, str, UUID | None]:
        return self.query, self.language, self.story_id


class Hub:
    """Hands changes on to the streams that show them."""

    def __init__(self, database: Database, draw: Draw) -> None:
        self._database = database
        self._draw = draw
        self._streams: set[Stream] = set()
        self._reader: asyncio.Task[None] | None = None
        self._tail = Tail(0)

    async def listen(
        self, query: Query, language: str, story_id: UUID | None, last_id: int | None
    ) -> AsyncIterator[ServerSentEvent]:
        """Events until the tab closes: first what it missed since `last_id`, then what happens."""
        stream = Stream(query, language, story_id)
        await self._start_reading()
        self._streams.add(stream)
        try:
            yield ServerSentEvent(event="hello", raw_data="{}", id=str(self._tail.safe_id), retry=2000)
            if last_id is not None:
                for event in await run_in_threadpool(self._replay, stream, last_id):
                    yield event
            while True:
                try:
                    yield await asyncio.wait_for(stream.inbox.get(), HEARTBEAT_S)
                except TimeoutError:
                    yield ServerSentEvent(comment="still here")
        finally:
            self._streams.discard(stream)

    async def _start_reading(self) -> None:
        if self._reader is None or self._reader.done():
            self._tail = Tail(await run_in_threadpool(self._newest))
            self._reader = asyncio.create_task(self._read(), name="changes")

    async def stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader

    async def _read(self) -> None:
        """Look for changes as long as anybody listens."""
        quiet_since = time.monotonic()
        while self._streams or time.monotonic() - quiet_since < HEARTBEAT_S:
            if self._streams:
                quiet_since = time.monotonic()
            await asyncio.sleep(POLL_S)
            groups = {stream.group for stream in self._streams}
            try:
                events = await run_in_threadpool(self._look, groups)
            except psycopg.Error as error:
                log.warning("live updates wait for the database", reason=str(error).strip())
                await asyncio.sleep(1)
                continue
            for stream in list(self._streams):
                self._deliver(stream, events.get(stream.group, []))

    def _deliver(self, stream: Stream, events: Sequence[ServerSentEvent]) -> None:
        for event in events:
            if stream.inbox.full():
                # A tab that takes nothing for so long draws itself anew when it wakes.
                while not stream.inbox.empty():
                    stream.inbox.get_nowait()
                stream.inbox.put_nowait(ServerSentEvent(event="reload", raw_data="{}", id=event.id))
                return
            stream.inbox.put_nowait(event)

    def _newest(self) -> int:
        with self._database.connection() as connection:
            return Changes(connection).newest()

    def _look(
        self, groups: set[tuple[Query, str, UUID | None]]
    ) -> dict[tuple[Query, str, UUID | None], list[ServerSentEvent]]:
        with self._database.connection() as connection:
            found = Changes(connection).after(self._tail.safe_id)
            new = set(self._tail.take((one.change_id for one in found), time.monotonic()))
            if not new:
                return {}
            changes = [one for one in found if one.change_id in new]
            return {group: self._events(group, changes, self._tail.safe_id, connection) for group in groups}

    def _replay(self, stream: Stream, last_id: int) -> list[ServerSentEvent]:
        with self._database.connection() as connection:
            store = Changes(connection)
            missed = store.after(last_id, MOST_REPLAYED + 1)
            if len(missed) > MOST_REPLAYED or last_id + 1 < store.oldest():
                return [ServerSentEvent(event="reload", raw_data="{}", id=str(self._tail.safe_id))]
            return self._events(stream.group, missed, self._tail.safe_id, connection)

    def _events(
        self,
        group: tuple[Query, str, UUID | None],
        changes: Sequence[Change],
        safe_id: int,
        connection: psycopg.Connection,
    ) -> list[ServerSentEvent]:
        """One event for all changes at once: rows to put in place, and ids that the query no longer finds."""
        query, language, story_id = group
        told = [ServerSentEvent(event="notices", raw_data="{}", id=str(safe_id))]
        events = told if any(one.what == NOTICE for one in changes) else []
        changes = [one for one in changes if one.what != NOTICE]
        if story_id is not None:
            what = sorted({one.what for one in changes if one.story_id == story_id})
            data = json.dumps({"what": what})
            return events + ([ServerSentEvent(event="story", raw_data=data, id=str(safe_id))] if what else [])
        ids = list(dict.fromkeys(one.story_id for one in changes))
        if not ids:
            return events
        rows = Monitor(connection).rows(query, only=ids, limit=len(ids))
        shown = [{"id": str(row.story_id), "at": row.cursor, "html": self._draw(row, language)} for row in rows]
        gone = [str(one) for one in set(ids) - {row.story_id for row in rows}]
        data = json.dumps({"rows": shown, "gone": gone}, ensure_ascii=False)
        return [*events, ServerSentEvent(event="rows", raw_data=data, id=str(safe_id))]
