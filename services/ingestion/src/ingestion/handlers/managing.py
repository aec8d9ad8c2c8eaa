"""What editors and operators do with sources: add, change, pause, try out, delete."""

import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from chassis.database import Database
from chassis.errors import Conflict, NotFound, Refusal
from chassis.safe_http import SafeClient
from chassis.vault import Vault
from ingestion.handlers.opened import check_settings, open_source, plugin_of
from ingestion.sources.plugin import Plugin, SourceSettings, reveal
from ingestion.store.sources import SourceRow, Sources


class SourceMissing(NotFound):
    """No source of this id."""

    title = "There is no such source"
    slug = "source-missing"


class SourceTaken(Conflict):
    """Another source has this id."""

    title = "There is a source of this id"
    slug = "source-taken"


class NotVisited(Refusal):
    """The source comes in at a door of ours; there is nothing to fetch."""

    title = "Sources of this kind are not visited"
    slug = "source-not-visited"


class NotSubscribed(Refusal):
    """Sources of this kind do not come in at a door that they could be told of, or we do not know our own address."""

    title = "The source cannot be asked to tell us"
    slug = "source-not-subscribed"


class Wish(BaseModel):
    """A source as somebody wants it."""

    model_config = ConfigDict(frozen=True)

    source_id: str
    kind: str
    name: str
    url: str
    settings: dict[str, Any]
    every_s: int | None
    quiet_after_s: int


def add(wish: Wish, database: Database, vault: Vault) -> None:
    """Raises UnknownKind, WrongSettings, SourceTaken."""
    plugin = plugin_of(wish.kind)
    row = _as_row(wish, plugin, check_settings(plugin, wish.settings), vault)
    with database.unit_of_work() as uow:
        if not Sources(uow.connection).add(row, is_visited=plugin.poll is not None):
            raise SourceTaken(f"source {wish.source_id!r} is there already")


def change(source_id: str, changes: Mapping[str, Any], database: Database, vault: Vault) -> None:
    """`changes` are fields of a wish; settings replace the old ones, but secrets that are left out stay.

    Raises:
        SourceMissing, WrongSettings: nothing is changed.

    """
    with database.unit_of_work() as uow:
        sources = Sources(uow.connection)
        row = _get(sources, source_id)
        old = open_source(row, vault)
        wanted = dict(changes.get("settings", row.settings))
        kept = {name: value for name, value in reveal(old.settings).items() if name in old.plugin.secret_fields()}
        settings = check_settings(old.plugin, {**kept, **wanted})
        fields = ("source_id", "kind", "name", "url", "every_s", "quiet_after_s")
        wish = Wish(**{name: changes.get(name, getattr(row, name)) for name in fields}, settings=wanted)
        sources.change(
            source_id, _as_row(wish, old.plugin, settings, vault), forgets=reveal(settings) != reveal(old.settings)
        )


def set_state(source_id: str, state: Literal["active", "paused"], database: Database) -> None:
    """Raises SourceMissing."""
    with database.unit_of_work() as uow:
        if not Sources(uow.connection).set_state(source_id, state):
            raise _missing(source_id)


def visit_now(source_id: str, database: Database) -> None:
    """Make its next visit due. Raises SourceMissing, NotVisited, Conflict (it is not active)."""
    with database.unit_of_work() as uow:
        row = _get(Sources(uow.connection), source_id)
        if plugin_of(row.kind).poll is None:
            raise NotVisited(f"source {source_id!r}: a source of kind {row.kind} comes in by itself")
        if row.state != "active":
            raise Conflict(f"source {source_id!r} is {row.state}; resume it first")
        Sources(uow.connection).visit_now(source_id)


def subscribe(source_id: str, outside_url: str, database: Database, client: SafeClient, vault: Vault) -> str:
    """Ask the messenger to tell us of news at our door. Returns the door's address.

    Raises:
        SourceMissing, NotSubscribed; what the messenger says where it refuses.

    """
    source = open_source(get(source_id, database), vault)
    if source.plugin.subscribe is None:
        raise NotSubscribed(f"source {source_id!r}: a source of kind {source.plugin.kind} has no door to be told of")
    if not outside_url:
        raise NotSubscribed("give `outside_url`, or set DEPESHA_OUTSIDE_URL: where this API is reached from outside")
    address = f"{outside_url.rstrip('/')}/{source.plugin.kind}/{quote(source_id)}"
    source.plugin.subscribe(source.settings, address, client)
    return address


def delete(source_id: str, database: Database) -> None:
    """Raises SourceMissing. The stories that came from it stay."""
    with database.unit_of_work() as uow:
        if not Sources(uow.connection).delete(source_id):
            raise _missing(source_id)


def get(source_id: str, database: Database) -> SourceRow:
    """Raises SourceMissing."""
    with database.connection() as connection:
        return _get(Sources(connection), source_id)


def _get(sources: Sources, source_id: str) -> SourceRow:
    row = sources.get(source_id)
    if row is None:
        raise _missing(source_id)
    return row


def _missing(source_id: str) -> SourceMissing:
    return SourceMissing(f"source {source_id!r}: there is none of this id")


def _as_row(wish: Wish, plugin: Plugin, settings: SourceSettings, vault: Vault) -> dict[str, Any]:
    plain, secret = reveal(settings), plugin.secret_fields()
    sealed = {name: value for name, value in plain.items() if name in secret and value is not None}
    return {
        "source_id": wish.source_id,
        "kind": wish.kind,
        "name": wish.name,
        "url": wish.url or str(plain.get("url", "")),
        "settings": {name: value for name, value in plain.items() if name not in secret},
        "secrets": vault.seal(json.dumps(sealed)) if sealed else "",
        "every_s": wish.every_s or plugin.every_s,
        "quiet_after_s": wish.quiet_after_s,
    }
