"""The doors to sources: which there are and how they do, and what editors change about them."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from chassis.bucket import Bucket
from chassis.database import Database
from chassis.errors import NotFound
from chassis.safe_http import SafeClient
from chassis.vault import Vault
from contracts.content import Moment
from ingestion.handlers import managing, trials
from ingestion.routes.source_forms import (
    ItemShown,
    KindShown,
    NewSource,
    SourceChanges,
    SourceShown,
    StateChange,
    Subscription,
    SubscriptionShown,
    TrialShown,
    WrongShown,
    show_all,
    show_item,
    show_one,
    show_trial,
    show_wrong,
)
from ingestion.sources import PLUGINS
from ingestion.store.items import Items, Originals, Troubles
from ingestion.store.sources import Sources


class RawMissing(NotFound):
    """No original of this number."""

    title = "There is no such original"
    slug = "original-missing"


Limit = Annotated[int, Query(ge=1, le=500)]


def source_routes(
    database: Database, bucket: Bucket, client: SafeClient, vault: Vault, outside_url: str = ""
) -> APIRouter:
    """The routes; the service's own scope opens them all."""
    routes = APIRouter(tags=["sources"])
    _add_lists(routes, database)
    _add_changes(routes, database, vault)
    _add_trials(routes, database, client, vault)
    _add_subscription(routes, database, client, vault, outside_url)
    _add_findings(routes, database, bucket)
    return routes


def _add_lists(routes: APIRouter, database: Database) -> None:
    @routes.get("/source-kinds")
    def kinds() -> list[KindShown]:
        """Which kinds of sources there are, and the settings of each."""
        return [
            KindShown(
                kind=plugin.kind,
                about=plugin.about,
                is_visited=plugin.poll is not None,
                every_s=plugin.every_s,
                settings=plugin.settings.model_json_schema(),
            )
            for plugin in PLUGINS.values()
        ]

    @routes.get("/sources")
    def sources() -> list[SourceShown]:
        """All sources with their numbers."""
        with database.connection() as connection:
            rows = Sources(connection).all()
        return show_all(rows, database)

    @routes.get("/sources/{source_id}")
    def source(source_id: str) -> SourceShown:
        return show_one(managing.get(source_id, database), database)


def _add_changes(routes: APIRouter, database: Database, vault: Vault) -> None:
    @routes.post("/sources", status_code=201)
    def add(new: NewSource) -> SourceShown:
        """Add a source; one that is visited is visited at once."""
        managing.add(new.as_wish(), database, vault)
        return show_one(managing.get(new.source_id, database), database)

    @routes.patch("/sources/{source_id}")
    def change(source_id: str, changes: SourceChanges) -> SourceShown:
        """Change what is given. New settings make the source forget what it had seen of the place."""
        given = changes.model_dump(exclude_unset=True, exclude_none=True)
        managing.change(source_id, given, database, vault)
        return show_one(managing.get(source_id, database), database)

    @routes.delete("/sources/{source_id}", status_code=204)
    def delete(source_id: str) -> Response:
        """Forget a source and its troubles. Its stories stay."""
        managing.delete(source_id, database)
        return Response(status_code=204)

    @routes.put("/sources/{source_id}/state")
    def set_state(source_id: str, change: StateChange) -> SourceShown:
        """Pause, or resume: a resumed source is visited at once."""
        managing.set_state(source_id, change.state, database)
        return show_one(managing.get(source_id, database), database)

    @routes.post("/sources/{source_id}/visit", status_code=202)
    def visit(source_id: str) -> SourceShown:
        """Make its next visit due now."""
        managing.visit_now(source_id, database)
        return show_one(managing.get(source_id, database), database)


def _add_trials(routes: APIRouter, database: Database, client: SafeClient, vault: Vault) -> None:
    @routes.post("/sources/try")
    def try_new(new: NewSource) -> TrialShown:
        """Look at a place without adding it: what would come in, what could not be read. Nothing is kept."""
        return show_trial(trials.try_wish(new.as_wish(), database, client))

    @routes.post("/sources/{source_id}/try")
    def try_old(source_id: str) -> TrialShown:
        """What is there now, also what came in before. Nothing is kept."""
        return show_trial(trials.try_source(source_id, database, client, vault))


def _add_subscription(
    routes: APIRouter, database: Database, client: SafeClient, vault: Vault, outside_url: str
) -> None:
    @routes.put("/sources/{source_id}/subscription")
    def subscribe(source_id: str, wish: Subscription) -> SubscriptionShown:
        """Ask the messenger to tell us of news at our door (Telegram's setWebhook, MAX's subscription)."""
        return SubscriptionShown(
            address=managing.subscribe(source_id, wish.outside_url or outside_url, database, client, vault)
        )


def _add_findings(routes: APIRouter, database: Database, bucket: Bucket) -> None:
    @routes.get("/sources/{source_id}/items")
    def items(source_id: str, limit: Limit = 50, before: Moment | None = None) -> list[ItemShown]:
        """What came from it, the newest first. The next page: `before` is the last one's received_at."""
        with database.connection() as connection:
            return [show_item(row) for row in Items(connection).newest(source_id, limit, before)]

    @routes.get("/sources/{source_id}/troubles")
    def troubles(source_id: str, limit: Limit = 50) -> list[WrongShown]:
        """What could not be read, each once with how often it was met; those met last come first."""
        with database.connection() as connection:
            return [show_wrong(row) for row in Troubles(connection).newest(source_id, limit)]

    @routes.get("/originals/{raw_id}", response_class=Response)
    def original(raw_id: Annotated[int, Field(ge=1, lt=2**63)]) -> Response:
        """An original exactly as it came. It is a stranger's: a browser may save it, not show it."""
        with database.connection() as connection:
            row = Originals(connection).get(raw_id)
        if row is None:
            raise RawMissing(f"original {raw_id}: there is none of this number")
        name = f'attachment; filename="original-{raw_id}"'
        headers = {"content-disposition": name, "x-original-type": row.media_type, "x-original-url": _ascii(row.url)}
        return Response(bucket.get(row.key), media_type="application/octet-stream", headers=headers)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode().replace("\r", "").replace("\n", "")
