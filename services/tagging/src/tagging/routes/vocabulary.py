"""The whole vocabulary: page by page, tables in and out."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import Response

from chassis.database import Database
from tagging.domain.tables import BadTableError, read_csv, read_skos, write_csv, write_skos
from tagging.domain.vocabulary import Concept, Kind, Status
from tagging.forms import ConceptAnswer, ImportAnswer, answers
from tagging.handlers.vocabulary import BadVocabulary, import_concepts
from tagging.store.vocabulary import Concepts

Format = Literal["csv", "skos"]
TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "skos": "application/rdf+xml"}
EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in TYPES.values()}}
}


def router(database: Database, ensure_seeded: Callable[[], None]) -> APIRouter:
    routes = APIRouter()

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
        done = import_concepts(concepts, str(request.state.caller.name), database.unit_of_work(), dry_run=dry_run)
        return ImportAnswer(**done._asdict(), is_dry_run=dry_run)

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
