"""The newsroom's page of the vocabulary: the tagger's concepts, to look through and to take along as a table."""

from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, UploadFile
from fastapi.responses import Response

from desk.domain.people import Actor
from desk.neighbours import Neighbours, Reply
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard

Kind = Literal["person", "office", "place", "organisation", "subject", "event", "other"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
PAGE: Final = 60
MOST_BYTES: Final = 20 * 1024 * 1024


class VocabularyPage:
    """Draws the list of concepts."""

    def __init__(self, frame: AdminFrame, neighbours: Neighbours) -> None:
        self._frame = frame
        self._neighbours = neighbours

    def __call__(
        self,
        request: Request,
        who: Actor,
        *,
        q: str = "",
        kind: str = "",
        after: str = "",
        answer: Reply | None = None,
        imported: Any = None,  # noqa: ANN401 - JSON
    ) -> Response:
        found = self._find(q, kind, after)
        is_full = not q and found is not None and len(found) == PAGE
        values = {"concepts": found, "next": found[-1]["concept_id"] if found and is_full else ""}
        said = {"q": q, "kind": kind, "kinds": KINDS, "answer": answer, "imported": imported}
        return self._frame("admin_vocabulary.html", request, who, **values, **said)

    def _find(self, q: str, kind: str, after: str) -> list[Any] | None:
        only = {"kind": kind} if kind in KINDS else {}
        if q:
            return self._neighbours.list_or_nothing("tagging", f"/concepts?{urlencode({'q': q, 'limit': 50, **only})}")
        asked = urlencode({"after": after, "limit": PAGE, **only})
        return self._neighbours.list_or_nothing("tagging", f"/vocabulary?{asked}")


def make_router(frame: AdminFrame, page: VocabularyPage, guard: Guard, neighbours: Neighbours) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type

    @router.get("/admin/vocabulary")
    def vocabulary(
        request: Request,
        who: Admin,
        q: Annotated[str, Query(max_length=100)] = "",
        kind: Annotated[str, Query(max_length=20)] = "",
        after: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        return page(request, who, q=q.strip(), kind=kind, after=after)

    @router.get("/admin/vocabulary/export")
    def export(_who: Admin) -> Response:
        table = neighbours.text("tagging", "/vocabulary/export?format=csv")
        headers = {"content-disposition": 'attachment; filename="vocabulary.csv"', "cache-control": "no-store"}
        return Response(table.content, media_type="text/csv; charset=utf-8", headers=headers)

    @router.post("/admin/vocabulary/import")
    def import_table(
        request: Request, who: Admin, file: UploadFile, act: Annotated[Literal["look", "import"], Form()] = "look"
    ) -> Response:
        """Say what a table would change, or take it in."""
        path = f"/vocabulary/import?{urlencode({'format': 'csv', 'dry_run': str(act == 'look').lower()})}"
        answer = neighbours.ask("tagging", "POST", path, file.file.read(MOST_BYTES), wait_s=60)
        if act == "import":
            frame.note(who, "import_vocabulary", {"status": answer.status, "file": file.filename or ""})
        return page(request, who, answer=answer, imported=answer.body if answer.is_good else None)

    return router
