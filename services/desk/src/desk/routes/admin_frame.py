"""What the newsroom's pages that stand over another service's API have in common."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import Response

from chassis.database import Database
from desk.domain.people import Actor
from desk.pages import Pages
from desk.store.notices import Notices
from desk.store.work import Audit


class AdminFrame:
    """Draws a page of the newsroom, and writes down who did what."""

    def __init__(self, database: Database, pages: Pages) -> None:
        self._database = database
        self._pages = pages

    def __call__(self, name: str, request: Request, who: Actor, **values: Any) -> Response:  # noqa: ANN401 - templates take anything
        with self._database.connection() as connection:
            news = Notices(connection).count_new(who.person_id)
        return self._pages.page(name, request, who, news=news, **values)

    @property
    def zone(self) -> ZoneInfo:
        """The newsroom's."""
        return ZoneInfo(self._pages.time_zone)

    def note(self, who: Actor, action: str, detail: Mapping[str, Any]) -> None:
        with self._database.unit_of_work() as uow:
            Audit(uow.connection).write(who.name, action, detail=detail)
