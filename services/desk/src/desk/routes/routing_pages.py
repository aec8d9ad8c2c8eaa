"""The newsroom's page of routing rules, with a dry run over yesterday's stories."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from chassis.database import Database
from chassis.ids import new_id
from desk.domain.people import Actor
from desk.domain.routing import Rule
from desk.handlers import routing
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard
from desk.store.monitor import Monitor
from desk.store.people import People
from desk.store.rules import RoutingRules
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


def make_router(database: Database, frame: AdminFrame, guard: Guard) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type

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
            name = next((rule.name for rule in store.all() if rule.rule_id == rule_id), str(rule_id))
            if act == "up":
                store.move_up(rule_id)
            elif act == "delete":
                store.delete(rule_id)
            else:
                for rule in store.all():
                    if rule.rule_id == rule_id:
                        store.save(rule.model_copy(update={"is_on": act == "on"}))
            Audit(uow.connection).write(who.name, "rules", detail={"routing": name, "act": act})
        return RedirectResponse("/admin/routing", 303)

    return router
