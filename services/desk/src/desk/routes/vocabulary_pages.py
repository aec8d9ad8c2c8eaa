"""The newsroom's page of the vocabulary: the tagger's concepts."""

from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from desk.domain.people import Actor
from desk.neighbours import Neighbours
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard

KINDS = ("person", "office", "place", "organisation", "subject", "event", "other")
PAGE = 60
MOST_BYTES = 20 * 1024 * 1024


def make_router(frame: AdminFrame, guard: Guard, neighbours: Neighbours) -> APIRouter:  # noqa: C901 - a list of routes
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type

    def listed(request: Request, who: Actor, q: str, kind: str, after: str, **said: Any) -> Response:  # noqa: ANN401 - templates take anything
        only = {"kind": kind} if kind in KINDS else {}
        if q:
            found = neighbours.list_or_nothing("tagging", f"/concepts?{urlencode({'q': q, 'limit': 50, **only})}")
        else:
            asked = urlencode({"after": after, "limit": PAGE, **only})
            found = neighbours.list_or_nothing("tagging", f"/vocabulary?{asked}")
        is_full = not q and found is not None and len(found) == PAGE
        values = {"concepts": found, "q": q, "kind": kind, "kinds": KINDS, "next": found[-1]["concept_id"] if found and is_full else ""}  # fmt: skip
        return frame("admin_vocabulary.html", request, who, **values, **{"problem": "", "imported": None, **said})

    def shown(request: Request, who: Actor, concept_id: str, *, problem: str = "") -> Response:
        path = f"/concepts/{quote(concept_id, safe='')}"
        concept = neighbours.ask("tagging", "GET", path)
        if not concept.is_good:
            return listed(request, who, "", "", "", problem=concept.problem)
        changes = neighbours.list_or_nothing("tagging", f"{path}/audit") or []
        return frame("admin_concept.html", request, who, concept=concept.body, changes=changes, problem=problem)

    @router.get("/admin/vocabulary")
    def vocabulary(
        request: Request,
        who: Admin,
        q: Annotated[str, Query(max_length=100)] = "",
        kind: Annotated[str, Query(max_length=20)] = "",
        after: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        return listed(request, who, q.strip(), kind, after)

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
        return listed(
            request, who, "", "", "", problem=answer.problem, imported=answer.body if answer.is_good else None
        )

    @router.post("/admin/vocabulary")
    def add_concept(
        request: Request,
        who: Admin,
        kind: Annotated[Literal["person", "office", "place", "organisation", "subject", "event", "other"], Form()],
        label: Annotated[str, Form(min_length=1, max_length=200)],
        aliases: Annotated[str, Form(max_length=4000)] = "",
    ) -> Response:
        words = [{"text": word} for one in aliases.split(",") if (word := " ".join(one.split()))]
        answer = neighbours.ask("tagging", "POST", "/concepts", {"kind": kind, "label": label, "aliases": words})
        frame.note(who, "add_concept", {"label": label, "status": answer.status})
        if not answer.is_good:
            return listed(request, who, "", "", "", problem=answer.problem)
        return RedirectResponse(f"/admin/vocabulary/{quote(answer.body['concept_id'], safe='')}", 303)

    @router.get("/admin/vocabulary/{concept_id}")
    def concept(request: Request, who: Admin, concept_id: str) -> Response:
        return shown(request, who, concept_id)

    @router.post("/admin/vocabulary/{concept_id}")
    def change_concept(
        request: Request,
        who: Admin,
        concept_id: str,
        act: Annotated[Literal["rename", "suppress", "restore", "merge", "aliases"], Form()],
        text: Annotated[str, Form(max_length=4000)] = "",
    ) -> Response:
        path = f"/concepts/{quote(concept_id, safe='')}"
        if act == "aliases":
            known = neighbours.ask("tagging", "GET", path)
            if not known.is_good:
                return shown(request, who, concept_id)
            answer = neighbours.ask("tagging", "PUT", path, with_aliases(known.body, text.splitlines()))
        else:
            body = {"rename": {"label": text.strip()}, "merge": {"into": text.strip()}}.get(act)
            answer = neighbours.ask("tagging", "POST", f"{path}/{act}", body)
        frame.note(who, f"{act}_concept", {"concept_id": concept_id, "text": text[:200], "status": answer.status})
        stays = answer.body["concept_id"] if act == "merge" and answer.is_good else concept_id
        return shown(request, who, stays, problem=answer.problem)

    return router


def with_aliases(concept: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    """The concept as the tagger takes it, with these names; those that were there keep their marks."""
    known = {one["text"]: one for one in concept["aliases"]}
    words = dict.fromkeys(word for line in lines if (word := " ".join(line.split())))
    kept = {name: value for name, value in concept.items() if name not in ("concept_id", "status", "merged_into")}
    return {**kept, "aliases": [known.get(word, {"text": word}) for word in words]}
