"""What the desk asks of the other services' APIs: previews, resends, sites, sources, vocabulary."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import httpx2

from chassis.errors import Unavailable
from contracts.content import Snapshot, Tag
from desk.settings import Settings

SIMILAR_S: Final = 5.0
"""Nobody waits longer than this to see where a photo was used before."""


class NeighbourDown(Unavailable):
    """Another service does not answer. What is saved here is safe."""

    title = "Another part of the house does not answer"
    slug = "neighbour-down"


@dataclass(frozen=True)
class Reply:
    """What another service said: its JSON, or why it refused."""

    status: int
    body: Any

    @property
    def is_good(self) -> bool:
        return self.status < 400

    @property
    def slug(self) -> str:
        """Which refusal it is, such as `fetch-failed`; empty where there is none."""
        body = self.body if isinstance(self.body, dict) else {}
        return "" if self.is_good else str(body.get("type", "")).rpartition(":")[2]

    @property
    def detail(self) -> str:
        """The refusal in the service's own words; empty where there is none."""
        if self.is_good:
            return ""
        body = self.body if isinstance(self.body, dict) else {}
        return str(body.get("detail") or body.get("title") or self.status)

    @property
    def wrong_fields(self) -> list[tuple[str, str]]:
        """(field, what is wrong with it in the service's own words)."""
        body = self.body if isinstance(self.body, dict) and not self.is_good else {}
        return [(one["pointer"].rpartition("/")[2], one["detail"]) for one in body.get("errors", [])]


class Neighbours:
    """One HTTP client for all; its answers are JSON unless said otherwise."""

    def __init__(self, settings: Settings) -> None:
        self._urls = {
            "publication": settings.publication_url,
            "delivery": settings.delivery_url,
            "ingestion": settings.ingestion_url,
            "imaging": settings.imaging_url,
            "tagging": settings.tagging_url,
        }
        token = settings.service_token.get_secret_value()
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(10, connect=2),
            trust_env=False,
            headers={"authorization": f"Bearer {token}"} if token else {},
        )

    def close(self) -> None:
        self._client.close()

    def call(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,  # noqa: ANN401 - JSON
        *,
        wait_s: float = 10,
    ) -> httpx2.Response:
        """The answer, whatever its status.

        Raises:
            NeighbourDown: there was none.

        """
        try:
            url = f"{self._urls[service].rstrip('/')}{path}"
            content = {"content": body} if isinstance(body, bytes) else {"json": body}
            return self._client.request(method, url, timeout=httpx2.Timeout(wait_s, connect=2), **content)
        except httpx2.HTTPError as error:
            raise NeighbourDown(f"{service}: {type(error).__name__}") from error

    def ask(self, service: str, method: str, path: str, body: Any = None, *, wait_s: float = 10) -> Reply:  # noqa: ANN401 - JSON
        """The answer as JSON, also where it is a refusal.

        Raises:
            NeighbourDown: there was none, the service is broken, or it does not know our token.

        """
        answer = self.call(service, method, path, body, wait_s=wait_s)
        if answer.status_code >= 500 or answer.status_code == 401:
            raise NeighbourDown(f"{service} answers {answer.status_code}")
        is_json = "json" in answer.headers.get("content-type", "")
        return Reply(answer.status_code, answer.json() if is_json and answer.content else None)

    def text(self, service: str, path: str) -> httpx2.Response:
        """An answer that is a file."""
        answer = self.call(service, "GET", path)
        if answer.status_code != 200:
            raise NeighbourDown(f"{service} answers {answer.status_code}")
        return answer

    def preview(self, story_id: UUID, snapshot: Snapshot, at: str) -> str:
        """The page as it would be published, as HTML."""
        told = {"snapshot": snapshot.model_dump(mode="json"), "at": at, "story_id": str(story_id)}
        answer = self.call("publication", "POST", "/previews", told)
        if answer.status_code != 200:
            raise NeighbourDown(f"publication answers {answer.status_code}")
        return answer.text

    def resend(self, story_id: UUID, version: int, endpoint_id: UUID | None = None) -> int:
        """How many deliveries are tried again now: all of the version that did not arrive, or that to one site."""
        path = f"/stories/{story_id}/versions/{version}/resend"
        if endpoint_id is not None:
            found = next((one for one in self.deliveries(story_id) if _is_to(one, version, endpoint_id)), None)
            if found is None:
                return 0
            path = f"/deliveries/{found['delivery_id']}/resend"
        answer = self.call("delivery", "POST", path)
        return int(answer.json().get("resent", 0)) if answer.status_code == 202 else 0

    def deliveries(self, story_id: UUID) -> list[dict[str, Any]]:
        """Every delivery of every version of a story."""
        return self._list("delivery", f"/stories/{story_id}/deliveries")

    def attempts(self, delivery_id: int) -> list[dict[str, Any]]:
        """Each attempt with the beginning of the answer."""
        return self._list("delivery", f"/deliveries/{delivery_id}/attempts")

    def similar(self, image_id: UUID) -> list[tuple[UUID, bool]] | None:
        """(photo, whether it is the same one), nearest first; None where imaging does not answer."""
        try:
            answer = self.ask("imaging", "GET", f"/assets/{image_id}/similar", wait_s=SIMILAR_S)
        except NeighbourDown:
            return None
        found = answer.body if answer.is_good else []
        return [(UUID(one["image_id"]), bool(one["is_duplicate"])) for one in found]

    def concepts(self, beginning: str) -> list[Tag]:
        """Tags of the vocabulary that begin like this; none where the tagger does not answer: free words still do."""
        found = self.list_or_nothing("tagging", f"/concepts?{urlencode({'q': beginning[:100], 'limit': 12})}") or []
        return [Tag(label=one["label"], kind=one["kind"], concept_id=one["concept_id"]) for one in found]

    def _list(self, service: str, path: str) -> list[dict[str, Any]]:
        answer = self.call(service, "GET", path)
        if answer.status_code != 200:
            raise NeighbourDown(f"{service} answers {answer.status_code}")
        return list(answer.json())

    def list_or_nothing(self, service: str, path: str) -> list[Any] | None:
        """A JSON list; None where the service does not answer."""
        try:
            return self._list(service, path)
        except NeighbourDown:
            return None


def _is_to(delivery: dict[str, Any], version: int, endpoint_id: UUID) -> bool:
    return (delivery["version"], delivery["endpoint_id"]) == (version, str(endpoint_id))
