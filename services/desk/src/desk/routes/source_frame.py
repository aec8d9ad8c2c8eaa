"""The pages of sources as they are drawn: the form of a new one, or one with whatever was just said of it."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response

from desk.domain.people import Actor
from desk.domain.settings_form import Line, lines_of, values_of
from desk.neighbours import Neighbours, Reply
from desk.routes.admin_frame import AdminFrame

PREFIX: Final = "settings."


class SourceFrame:
    """Asks ingestion for its sources and their kinds, and draws them."""

    def __init__(self, frame: AdminFrame, neighbours: Neighbours) -> None:
        self._frame = frame
        self._neighbours = neighbours

    def lines(self, kind: str, values: Mapping[str, Any]) -> list[Line]:
        """The settings of such a source; none where the kind is unknown."""
        return lines_of(self._kinds().get(kind, {}).get("settings", {}), values)

    def form_page(self, request: Request, who: Actor, kind: str, form: Mapping[str, str], **said: Reply) -> Response:
        """The form, with ingestion's `answer` or `trial`."""
        kinds = self._kinds()
        chosen = kinds.get(kind)
        lines = lines_of(chosen["settings"], {}) if chosen else []
        return self._frame(
            "admin_source_new.html", request, who, kinds=kinds, chosen=chosen, lines=lines, form=form, **_told(**said)
        )

    def shown(self, request: Request, who: Actor, source_id: str, *, done: str = "", **said: Reply) -> Response:
        path = path_of(source_id)
        source = self._neighbours.ask("ingestion", "GET", path)
        if not source.is_good:
            return self._frame("refused.html", request, who, is_missing=True, is_down=False, status=404)
        values = {
            "lines": self.lines(source.body["kind"], source.body["settings"]),
            "items": self._neighbours.list_or_nothing("ingestion", f"{path}/items?limit=30") or [],
            "troubles": self._neighbours.list_or_nothing("ingestion", f"{path}/troubles?limit=30") or [],
        }
        return self._frame("admin_source.html", request, who, source=source.body, done=done, **values, **_told(**said))

    def note(self, who: Actor, action: str, source_id: str, name: str, answer: Reply) -> None:
        self._frame.note(who, action, {"source_id": source_id, "name": name, "status": answer.status})

    def _kinds(self) -> dict[str, dict[str, Any]]:
        return {one["kind"]: one for one in self._neighbours.ask("ingestion", "GET", "/source-kinds").body or []}


def path_of(source_id: str) -> str:
    return f"/sources/{quote(source_id, safe='')}"


def wish_of(form: Mapping[str, str], lines: list[Line]) -> dict[str, Any]:
    """What ingestion is asked for; an empty interval is left to the kind of the source."""
    typed = {name.removeprefix(PREFIX): value for name, value in form.items() if name.startswith(PREFIX)}
    wish: dict[str, Any] = {name: form.get(name, "").strip() for name in ("source_id", "kind", "name", "url")}
    wish["settings"] = values_of(lines, typed)
    for name in ("every_s", "quiet_after_s"):
        if (text := form.get(name, "").strip()).isdigit():
            wish[name] = int(text)
    return wish


def _told(answer: Reply | None = None, trial: Reply | None = None) -> dict[str, Any]:
    return {"answer": answer or trial, "trial": trial.body if trial and trial.is_good else None}
