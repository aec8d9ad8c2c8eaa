"""The ops page, live: one look at the ledger and the engines every two seconds a process, for any number of open pages."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Final

import psycopg
from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from chassis import celery_app, logs
from chassis.bucket import Bucket
from chassis.database import Database
from chassis.metrics import why_down
from desk.domain.river import River
from desk.settings import Settings
from desk.store.ops import Cell, Ops

LOOK_EVERY_S: Final = 2.0
SITES_EVERY_S: Final = 20.0
"""The sites' hours change slowly, and counting them reads a day of rows."""

log = logs.get()

Sites = Mapping[str, Mapping[int, Cell]]
Draw = Callable[[River, Sites, str], str]
"""(river, sites, language) -> the live part of the page as HTML."""


class Watch:
    """Looks as long as a page is open, and hands the drawn page to each."""

    def __init__(self, database: Database, storage: Bucket, settings: Settings, draw: Draw) -> None:
        self._database = database
        self._draw = draw
        self._checks = {
            "redis": lambda: celery_app.check(settings.redis_url.get_secret_value()),
            "storage": storage.check,
        }
        self._sites: Sites = {}
        self._sites_at = float("-inf")
        self._queues: dict[asyncio.Queue[str], str] = {}
        self._looker: asyncio.Task[None] | None = None

    def look(self) -> tuple[River, Sites]:
        """Now. A database that does not answer is a finding, too."""
        down = {name: reason for name, check in self._checks.items() if (reason := why_down(check))}
        try:
            with self._database.connection() as connection:
                store = Ops(connection)
                if time.monotonic() - self._sites_at > SITES_EVERY_S:
                    self._sites, self._sites_at = store.sites(), time.monotonic()
                return store.river(down), self._sites
        except psycopg.Error as error:
            log.warning("the ops page cannot read the ledger", reason=str(error).strip())
            return River((), down={**down, "database": str(error).strip() or type(error).__name__}), self._sites

    async def listen(self, language: str) -> AsyncIterator[ServerSentEvent]:
        """The live part of the page whenever it has changed, until the page closes."""
        inbox: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
        self._queues[inbox] = language
        if self._looker is None or self._looker.done():
            self._looker = asyncio.create_task(self._watch(), name="ops")
        shown, number = "", 0
        try:
            yield ServerSentEvent(event="hello", raw_data="{}", id="0", retry=2000)
            while True:
                html = await inbox.get()
                if html == shown:
                    yield ServerSentEvent(comment="nothing new")
                    continue
                shown, number = html, number + 1
                yield ServerSentEvent(event="river", data={"html": html}, id=str(number))
        finally:
            self._queues.pop(inbox, None)

    async def stop(self) -> None:
        if self._looker is not None:
            self._looker.cancel()
            with suppress(asyncio.CancelledError):
                await self._looker

    async def _watch(self) -> None:
        while self._queues:
            river, sites = await run_in_threadpool(self.look)
            drawn = {language: self._draw(river, sites, language) for language in set(self._queues.values())}
            for inbox, language in list(self._queues.items()):
                if not inbox.empty():
                    inbox.get_nowait()  # a page that is slow sees the newest only
                if language in drawn:
                    inbox.put_nowait(drawn[language])
            await asyncio.sleep(LOOK_EVERY_S)
