"""One concept: completion, what is known of it, changes."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request

from chassis.database import Database
from chassis.errors import NotFound
from chassis.ids import new_id
from tagging.domain.editing import renamed, suppressed
from tagging.domain.vocabulary import Concept, Kind
from tagging.forms import (
    AuditAnswer,
    Completion,
    ConceptAnswer,
    ConceptForm,
    MergeOrder,
    NewConcept,
    NewLabel,
)
from tagging.handlers import vocabulary
from tagging.store.vocabulary import Concepts


def router(database: Database, ensure_seeded: Callable[[], None]) -> APIRouter:
    routes = APIRouter()

    @routes.get("/concepts")
    def complete(
        q: Annotated[
            str, Query(min_length=1, max_length=100, description="the beginning of a name, or of a word in it")
        ],
        kind: Kind | None = None,
        limit: Annotated[int, Query(ge=1, le=50)] = 10,
    ) -> list[Completion]:
        """What an editor may mean who has typed so much: concepts, then words used before; best first."""
        ensure_seeded()
        with database.connection() as connection:
            return [Completion(**one._asdict()) for one in Concepts(connection).complete(q, kind, limit)]

    @routes.get("/concepts/{concept_id}")
    def concept(concept_id: str) -> ConceptAnswer:
        ensure_seeded()
        with database.connection() as connection:
            return ConceptAnswer.of(_known(Concepts(connection).get(concept_id), concept_id))

    @routes.get("/concepts/{concept_id}/audit")
    def audit(concept_id: str) -> list[AuditAnswer]:
        """Who changed it, newest first."""
        with database.connection() as connection:
            _known(Concepts(connection).get(concept_id), concept_id)
            return [AuditAnswer.model_validate(one._asdict()) for one in Concepts(connection).audit_of(concept_id)]

    _add_changes(routes, database, ensure_seeded)
    return routes


def _add_changes(routes: APIRouter, database: Database, ensure_seeded: Callable[[], None]) -> None:
    @routes.post("/concepts", status_code=201)
    def create(request: Request, form: NewConcept) -> ConceptAnswer:
        ensure_seeded()
        made = form.concept(form.concept_id or f"{form.kind}-{new_id()}")
        return ConceptAnswer.of(vocabulary.create(made, _by(request), database.unit_of_work()))

    def change(request: Request, concept_id: str, action: str, how: vocabulary.Change) -> ConceptAnswer:
        ensure_seeded()
        done = vocabulary.edit(concept_id, how, action, _by(request), database.unit_of_work())
        return ConceptAnswer.of(done)

    @routes.put("/concepts/{concept_id}")
    def replace_concept(request: Request, concept_id: str, form: ConceptForm) -> ConceptAnswer:
        """All of it but its status."""
        return change(request, concept_id, "replace", lambda old: form.concept(concept_id, old))

    @routes.post("/concepts/{concept_id}/rename")
    def rename(request: Request, concept_id: str, form: NewLabel) -> ConceptAnswer:
        """The old label stays as an alias."""
        return change(request, concept_id, "rename", lambda old: renamed(old, form.label, form.language))

    @routes.post("/concepts/{concept_id}/suppress")
    def suppress(request: Request, concept_id: str) -> ConceptAnswer:
        """It is not proposed any more; stories that wear it keep it."""
        return change(request, concept_id, "suppress", suppressed)

    @routes.post("/concepts/{concept_id}/restore")
    def restore(request: Request, concept_id: str) -> ConceptAnswer:
        return change(request, concept_id, "restore", lambda old: suppressed(old, is_suppressed=False))

    @routes.post("/concepts/{concept_id}/merge")
    def merge(request: Request, concept_id: str, form: MergeOrder) -> ConceptAnswer:
        """Answers the concept that stays, which has the other's names now."""
        ensure_seeded()
        return ConceptAnswer.of(vocabulary.merge(concept_id, form.into, _by(request), database.unit_of_work()))


def _by(request: Request) -> str:
    return str(request.state.caller.name)


def _known(concept: Concept | None, concept_id: str) -> Concept:
    if concept is None:
        raise NotFound(f"concept {concept_id}: there is no such concept")
    return concept
