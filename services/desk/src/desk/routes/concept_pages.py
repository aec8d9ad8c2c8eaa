"""One concept of the tagger's vocabulary: its names, what it is merged into, whether it is proposed."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from desk.domain.people import Actor
from desk.neighbours import Neighbours, Reply
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard
from desk.routes.vocabulary_pages import Kind, VocabularyPage


def make_router(frame: AdminFrame, vocabulary: VocabularyPage, guard: Guard, neighbours: Neighbours) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Admin = Annotated[Actor, Depends(guard.admin)]  # noqa: N806 - a type

    def shown(request: Request, who: Actor, concept_id: str, *, answer: Reply | None = None) -> Response:
        path = _path_of(concept_id)
        concept = neighbours.ask("tagging", "GET", path)
        if not concept.is_good:
            return vocabulary(request, who, answer=concept)
        changes = neighbours.list_or_nothing("tagging", f"{path}/audit") or []
        return frame("admin_concept.html", request, who, concept=concept.body, changes=changes, answer=answer)

    @router.post("/admin/vocabulary")
    def add_concept(
        request: Request,
        who: Admin,
        kind: Annotated[Kind, Form()],
        label: Annotated[str, Form(min_length=1, max_length=200)],
        aliases: Annotated[str, Form(max_length=4000)] = "",
    ) -> Response:
        words = [{"text": word} for one in aliases.split(",") if (word := " ".join(one.split()))]
        answer = neighbours.ask("tagging", "POST", "/concepts", {"kind": kind, "label": label, "aliases": words})
        frame.note(who, "add_concept", {"label": label, "status": answer.status})
        if not answer.is_good:
            return vocabulary(request, who, answer=answer)
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
        known = neighbours.ask("tagging", "GET", _path_of(concept_id))
        if not known.is_good:
            return shown(request, who, concept_id)
        answer = _change(act, known.body, text, neighbours)
        told = {"concept_id": concept_id, "label": known.body["label"], "text": text[:200], "status": answer.status}
        frame.note(who, f"{act}_concept", told)
        stays = answer.body["concept_id"] if act == "merge" and answer.is_good else concept_id
        return shown(request, who, stays, answer=answer)

    return router


def _change(act: str, concept: dict[str, Any], text: str, neighbours: Neighbours) -> Reply:
    path = _path_of(concept["concept_id"])
    if act == "aliases":
        return neighbours.ask("tagging", "PUT", path, with_aliases(concept, text.splitlines()))
    body = {"rename": {"label": text.strip()}, "merge": {"into": text.strip()}}.get(act)
    return neighbours.ask("tagging", "POST", f"{path}/{act}", body)


def with_aliases(concept: dict[str, Any], lines: list[str]) -> dict[str, Any]:
    """The concept as the tagger takes it, with these names; those that were there keep their marks."""
    known = {one["text"]: one for one in concept["aliases"]}
    words = dict.fromkeys(word for line in lines if (word := " ".join(line.split())))
    kept = {name: value for name, value in concept.items() if name not in ("concept_id", "status", "merged_into")}
    return {**kept, "aliases": [known.get(word, {"text": word}) for word in words]}


def _path_of(concept_id: str) -> str:
    return f"/concepts/{quote(concept_id, safe='')}"
