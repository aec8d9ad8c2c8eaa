"""The audit log, to read and to take along as a table."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from chassis.database import Database
from desk.domain.people import Actor
from desk.pages import Pages
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard
from desk.store.rules import Preferences
from desk.store.work import Audit


def make_router(database: Database, pages: Pages, frame: AdminFrame, guard: Guard) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type
    FreshAdmin = Annotated[Actor, Depends(guard.fresh_admin)]  # noqa: N806 - a type

    @router.get("/admin/log")
    def log(request: Request, who: Admin, before: int | None = None) -> Response:
        with database.connection() as connection:
            lines = Audit(connection).lines(before=before)
        return frame("admin_log.html", request, who, lines=lines)

    @router.get("/admin/log.csv")
    def export_log(
        who: FreshAdmin,
        since: Annotated[date | None, Query()] = None,
        until: Annotated[date | None, Query()] = None,
    ) -> Response:
        """The audit log as a table, oldest first; the days are the newsroom's, both included."""
        with database.unit_of_work() as uow:
            zone = ZoneInfo(Preferences(uow.connection).time_zone(pages.time_zone))
            span = {"since": str(since or ""), "until": str(until or "")}
            Audit(uow.connection).write(who.name, "export_log", detail=span)
        begins = datetime.combine(since, time.min, zone) if since else None
        ends = datetime.combine(until + timedelta(days=1), time.min, zone) if until else None
        headers = {"content-disposition": 'attachment; filename="audit.csv"', "cache-control": "no-store"}
        return StreamingResponse(
            audit_table(database, begins, ends), media_type="text/csv; charset=utf-8", headers=headers
        )

    return router


def audit_table(database: Database, begins: datetime | None, ends: datetime | None) -> Iterator[str]:
    """Lines of a CSV table, a page of the log at a time."""
    yield _csv(["audit_id", "at", "who", "action", "story_id", "headline", "detail"])
    after = 0
    while True:
        with database.connection() as connection:
            lines = Audit(connection).span(begins, ends, after=after)
        for one in lines:
            story = (one.story_id or "", one.headline or "")
            detail = json.dumps(one.detail, ensure_ascii=False)
            yield _csv([one.audit_id, one.at.astimezone(UTC).isoformat(), one.who, one.action, *story, detail])
        if not lines:
            return
        after = lines[-1].audit_id


def _csv(cells: Sequence[object]) -> str:
    """One line. A cell that a spreadsheet would take for a formula is made text. Source: OWASP, CSV Injection."""
    line = io.StringIO()
    texts = [str(cell) for cell in cells]
    csv.writer(line).writerow([f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text for text in texts])
    return line.getvalue()
