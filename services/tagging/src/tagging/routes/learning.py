"""The rules by which rubrics are chosen: an editor can read them, and put others in their place."""

from typing import Annotated

from fastapi import APIRouter, Body

from chassis.database import Database
from tagging import bootstrap
from tagging.domain.rubrics import SHIPPED_RULES, Rule
from tagging.handlers import stories
from tagging.library import rules_of
from tagging.store.models import Models


def router(database: Database) -> APIRouter:
    routes = APIRouter()
    ensure_seeded = bootstrap.seeded(database)

    @routes.get("/rubric-rules")
    def rules() -> tuple[Rule, ...]:
        with database.connection() as connection:
            kept = Models(connection).get("rules")
        return rules_of(kept.body if kept else None)

    @routes.put("/rubric-rules")
    def replace_rules(rules: Annotated[tuple[Rule, ...], Body(max_length=500)]) -> tuple[Rule, ...]:
        """All of them anew. Concepts must exist."""
        ensure_seeded()
        stories.set_rules(rules, database.unit_of_work())
        return rules

    @routes.delete("/rubric-rules")
    def shipped_rules() -> tuple[Rule, ...]:
        """Back to the rules that came with Depesha."""
        with database.unit_of_work() as uow:
            Models(uow.connection).forget("rules")
        return SHIPPED_RULES

    return routes
