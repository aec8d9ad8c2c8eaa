"""The vocabulary: completion, one concept, changes, tables in and out."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import Response

from chassis.database import Database
from chassis.errors import NotFound
from chassis.ids import new_id
from tagging import bootstrap
from tagging.domain.editing import renamed, suppressed
from tagging.domain.tables import BadTableError, read_csv, read_skos, write_csv, write_skos
from tagging.domain.vocabulary import Concept, Kind, Status
from tagging.forms import (
    AuditAnswer,
    Completion,
    ConceptAnswer,
    ConceptForm,
    ImportAnswer,
    MergeOrder,
    NewConcept,
    NewLabel,
    answers,
)
from tagging.handlers import vocabulary
from tagging.handlers.vocabulary import BadVocabulary
from tagging.store.vocabulary import Concepts

TABLE = {"text/csv": {"schema": {"type": "string"}}, "application/rdf+xml": {"schema": {"type": "string"}}}
Format = Literal["csv", "skos"]
TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "skos": "application/rdf+xml"}
EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in TYPES.values()}}
}


def router(database: Database) -> APIRouter:  # noqa: C901 - a list of routes
    routes = APIRouter()
    ensure_seeded = bootstrap.seeded(database)

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

    @routes.get("/vocabulary")
    def page(
        kind: Kind | None = None,
        status: Status | None = None,
        after: Annotated[str, Query(max_length=200, description="the last id of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[ConceptAnswer]:
        """All concepts, by id."""
        ensure_seeded()
        with database.connection() as connection:
            return answers(Concepts(connection).page(kind, status, after, limit))

    @routes.get("/vocabulary/export", response_class=Response, responses=EXPORTED)
    def export(as_: Annotated[Format, Query(alias="format")] = "csv") -> Response:
        """The whole vocabulary as a table (CSV) or as SKOS (RDF/XML); `POST /vocabulary/import` reads both."""
        ensure_seeded()
        with database.connection() as connection:
            found = Concepts(connection).all().values()
        text = write_csv(found) if as_ == "csv" else write_skos(found)
        return Response(text, media_type=TYPES[as_])

    @routes.post("/vocabulary/import")
    def import_table(
        request: Request,
        text: Annotated[bytes, Body(media_type="text/plain", min_length=1, description="the file, UTF-8")],
        as_: Annotated[Format, Query(alias="format")] = "csv",
        dry_run: Annotated[bool, Query(description="only say what would change")] = False,  # noqa: FBT002 - a query
    ) -> ImportAnswer:
        """Add and replace concepts by id; what the file does not name stays. A broken file changes nothing."""
        ensure_seeded()
        concepts = _read(text, as_)
        done = vocabulary.import_concepts(concepts, _by(request), database.unit_of_work(), dry_run=dry_run)
        return ImportAnswer(**done._asdict(), is_dry_run=dry_run)

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

    return routes


def _read(text: bytes, as_: Format) -> list[Concept]:
    try:
        plain = text.decode()
    except UnicodeDecodeError as error:
        raise BadVocabulary(f"the file is not UTF-8: byte {error.start} is {text[error.start]:#04x}") from None
    try:
        return read_csv(plain) if as_ == "csv" else read_skos(plain)
    except BadTableError as error:
        raise BadVocabulary(str(error)) from None


def _by(request: Request) -> str:
    return str(request.state.caller.name)


def _known(concept: Concept | None, concept_id: str) -> Concept:
    if concept is None:
        raise NotFound(f"concept {concept_id}: there is no such concept")
    return concept
