"""The newsroom's own pages: people, checks, routing rules, the log."""
# ruff: noqa: FBT002 - a route's arguments are the form's fields, and whoever asks is named though not used

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from chassis.database import Database
from chassis.errors import Refusal
from chassis.ids import new_id
from desk.domain.people import Actor
from desk.domain.preflight import LEVELS, Finding, Level
from desk.domain.routing import Rule
from desk.domain.workflow import Role
from desk.handlers import people as people_handlers
from desk.handlers import routing
from desk.pages import Pages
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard
from desk.store.monitor import Monitor
from desk.store.people import People
from desk.store.rules import Preferences, PreflightRules, RoutingRules
from desk.store.work import Audit


class RuleForm(BaseModel):
    """A routing rule as the page's form sends it. `prefix` stands for all sources whose id begins like it."""

    rule_id: UUID | Literal[""] = ""
    name: str = Field(min_length=1, max_length=200)
    source_id: str = Field(default="", max_length=200)
    prefix: str = Field(default="", max_length=199, pattern=r"^[\w.:@-]*$")
    words: str = Field(default="", max_length=2000)
    urgency_at_most: str = Field(default="", pattern="^[1-9]?$")
    rubric: str = Field(default="", max_length=200)
    urgency: str = Field(default="", pattern="^[1-9]?$")
    assignee_id: UUID | Literal[""] = ""
    outcome: Literal["stay", "ready", "publish", "spike"] = "stay"

    def rule(self) -> Rule:
        return Rule(
            rule_id=self.rule_id or new_id(),
            name=self.name.strip() or self.name,
            source_id=f"{self.prefix}*" if self.prefix else self.source_id,
            words=tuple(word for one in self.words.split(",") if (word := one.strip())),
            urgency_at_most=int(self.urgency_at_most) if self.urgency_at_most else None,
            rubric=self.rubric.strip(),
            urgency=int(self.urgency) if self.urgency else None,
            assignee_id=self.assignee_id or None,
            outcome=self.outcome,
        )


class FormWrong(Refusal):
    """A form of the newsroom's pages holds something that cannot be."""


def make_router(  # noqa: C901, PLR0915 - a list of routes
    database: Database, pages: Pages, frame: AdminFrame, guard: Guard, desk_url: str
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type
    FreshAdmin = Annotated[Actor, Depends(guard.fresh_admin)]  # noqa: N806 - a type

    @router.get("/admin")
    def people(request: Request, who: FreshAdmin) -> Response:
        with database.connection() as connection:
            listed = People(connection).all()
        return frame("admin_people.html", request, who, people=listed, link="")

    @router.post("/admin/invitations")
    def invite(request: Request, who: FreshAdmin, role: Annotated[Role, Form()]) -> Response:
        token = people_handlers.invite(role, who.name, database.unit_of_work())
        with database.connection() as connection:
            listed = People(connection).all()
        return frame("admin_people.html", request, who, people=listed, link=f"{desk_url}/join/{token}")

    @router.post("/admin/people/{person_id}/password")
    def new_password_link(request: Request, person_id: UUID, who: FreshAdmin) -> Response:
        token = people_handlers.invite_to_new_password(person_id, who.name, database.unit_of_work())
        with database.connection() as connection:
            listed = People(connection).all()
        return frame("admin_people.html", request, who, people=listed, link=f"{desk_url}/join/{token}")

    @router.post("/admin/people/{person_id}")
    def set_role(
        person_id: UUID, who: FreshAdmin, role: Annotated[Role, Form()], is_active: Annotated[bool, Form()] = False
    ) -> Response:
        if person_id == who.person_id and (not is_active or role not in ("chief", "ops")):
            raise FormWrong("nobody takes their own rights away: ask another chief editor")
        people_handlers.set_role(person_id, role, who, database.unit_of_work(), is_active=is_active)
        return RedirectResponse("/admin", 303)

    @router.get("/admin/checks")
    def checks(request: Request, who: Admin) -> Response:
        with database.connection() as connection:
            rules, preferences = PreflightRules(connection), Preferences(connection)
            values = {
                "levels": {Finding(code, about="", place=1): level for code, level in rules.levels().items()},
                "terms": rules.footnote_terms(),
                "two_person": preferences.two_person_rule(),
                "zone": preferences.time_zone(pages.time_zone),
            }
        return frame("admin_checks.html", request, who, **values)

    @router.post("/admin/checks")
    async def set_checks(request: Request, who: Admin) -> Response:
        form = await request.form()
        levels: dict[str, Level] = {code: _level(str(form.get(code))) for code in LEVELS if code in form}
        zone = str(form.get("time_zone", pages.time_zone))
        if zone not in available_timezones():
            raise FormWrong(f"time zone {zone!r}: there is none of this name", fields=(("/time_zone", "is unknown"),))
        with database.unit_of_work() as uow:
            rules, preferences = PreflightRules(uow.connection), Preferences(uow.connection)
            rules.set(levels)
            rules.set_footnote_terms([term.strip() for term in str(form.get("terms", "")).splitlines()])
            preferences.set("two_person_rule", form.get("two_person") == "true")
            preferences.set("time_zone", zone)
            Audit(uow.connection).write(who.name, "rules", detail={"levels": levels})
        pages.set_time_zone(zone)
        return RedirectResponse("/admin/checks", 303)

    @router.get("/admin/routing")
    def rules(request: Request, who: Admin, tried: UUID | None = None, edited: UUID | None = None) -> Response:
        with database.connection() as connection:
            listed = RoutingRules(connection).all()
            values = {
                "rules": listed,
                "sources": Monitor(connection).sources(),
                "people": People(connection).all(),
                "tried": tried,
                "edited": next((one for one in listed if one.rule_id == edited), None),
                "trial": routing.try_out(listed, connection, tried) if tried else None,
            }
        return frame("admin_routing.html", request, who, **values)

    @router.post("/admin/routing")
    def save_rule(who: Admin, form: Annotated[RuleForm, Form()]) -> Response:
        """Add a rule, or change the one whose id the form has; then show what it would have taken."""
        rule = form.rule()
        with database.unit_of_work() as uow:
            RoutingRules(uow.connection).save(rule)
            Audit(uow.connection).write(who.name, "rules", detail={"routing": rule.name})
        return RedirectResponse(f"/admin/routing?tried={rule.rule_id}", 303)

    @router.post("/admin/routing/{rule_id}")
    def change_rule(
        rule_id: UUID, who: Admin, act: Annotated[Literal["up", "delete", "on", "off"], Form()]
    ) -> Response:
        with database.unit_of_work() as uow:
            store = RoutingRules(uow.connection)
            if act == "up":
                store.move_up(rule_id)
            elif act == "delete":
                store.delete(rule_id)
            else:
                for rule in store.all():
                    if rule.rule_id == rule_id:
                        store.save(rule.model_copy(update={"is_on": act == "on"}))
            Audit(uow.connection).write(who.name, "rules", detail={"routing": str(rule_id), "act": act})
        return RedirectResponse("/admin/routing", 303)

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


def _level(text: str) -> Level:
    if text == "block":
        return "block"
    return "off" if text == "off" else "warn"
