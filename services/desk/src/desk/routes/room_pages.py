"""The newsroom's own pages: people and checks."""
# ruff: noqa: FBT002 - a route's arguments are the form's fields, and whoever asks is named though not used

from typing import Annotated
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from chassis.database import Database
from chassis.errors import Refusal
from desk.domain.people import Actor
from desk.domain.preflight import LEVELS, Finding, Level
from desk.domain.workflow import Role
from desk.handlers import people as people_handlers
from desk.pages import Pages
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard
from desk.store.people import People
from desk.store.rules import Preferences, PreflightRules
from desk.store.work import Audit


class FormWrong(Refusal):
    """A form of the newsroom's pages holds something that cannot be."""


def make_router(database: Database, pages: Pages, frame: AdminFrame, guard: Guard, desk_url: str) -> APIRouter:
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

    return router


def _level(text: str) -> Level:
    if text == "block":
        return "block"
    return "off" if text == "off" else "warn"
