"""The pages of partner sites as they are drawn: all of them, or one with whatever was just said of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from desk.domain.people import Actor
from desk.neighbours import Neighbours, Reply
from desk.routes.admin_frame import AdminFrame

ONE_DAY: Final = timedelta(days=1)


class SiteFrame:
    """Asks delivery for its endpoints, draws them, and writes down who did what to which."""

    def __init__(self, frame: AdminFrame, neighbours: Neighbours) -> None:
        self._frame = frame
        self._neighbours = neighbours

    def listed(self, request: Request, who: Actor, *, answer: Reply | None = None, **said: Any) -> Response:  # noqa: ANN401 - templates take anything
        statistics = self._neighbours.list_or_nothing("delivery", "/statistics?hours=24") or []
        values = {
            "sites": self._neighbours.list_or_nothing("delivery", "/endpoints"),
            "statistics": {one["endpoint_id"]: one for one in statistics},
        }
        said = {"secret": "", "page_url": "", **said}
        return self._frame("admin_sites.html", request, who, answer=answer, **values, **said)

    def shown(
        self,
        request: Request,
        who: Actor,
        endpoint_id: UUID,
        *,
        answer: Reply | None = None,
        **said: Any,  # noqa: ANN401 - templates take anything
    ) -> Response:
        path = f"/endpoints/{endpoint_id}"
        site = self._neighbours.ask("delivery", "GET", path)
        if not site.is_good:
            return self.listed(request, who, answer=site)
        sent = self._neighbours.list_or_nothing("delivery", f"{path}/deliveries?limit=50")
        values = {"site": site.body, "deliveries": sent or [], "now": datetime.now(UTC), "one_day": ONE_DAY}
        said = {"secret": "", "page_url": "", "done": "", "recovery": None, **said}
        return self._frame("admin_site.html", request, who, answer=answer, **values, **said)

    def act(self, who: Actor, action: str, endpoint_id: UUID, call: tuple[str, str, Any], **detail: Any) -> Reply:  # noqa: ANN401 - JSON
        """What delivery answers to a call: method, path below the endpoint, body. The log has it by the site's name."""
        method, path, body = call
        name = self._name_of(endpoint_id)
        answer = self._neighbours.ask("delivery", method, f"/endpoints/{endpoint_id}{path}", body)
        told = {"endpoint_id": str(endpoint_id), "name": name, **detail, "status": answer.status}
        self._frame.note(who, action, told)
        return answer

    def add(self, who: Actor, wish: Mapping[str, str]) -> Reply:
        answer = self._neighbours.ask("delivery", "POST", "/endpoints", wish)
        self._frame.note(who, "add_site", {**wish, "status": answer.status})
        return answer

    def _name_of(self, endpoint_id: UUID) -> str:
        site = self._neighbours.ask("delivery", "GET", f"/endpoints/{endpoint_id}")
        return str(site.body["name"]) if site.is_good else ""
