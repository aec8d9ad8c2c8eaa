"""Test runs: what would come in from a source now. Nothing is kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from uuid import uuid5

from chassis.database import Database
from chassis.safe_http import SafeClient
from chassis.vault import Vault
from contracts.content import Image, StoryContent
from ingestion.domain.items import Item, Part, Trouble, Updates
from ingestion.domain.story_form import form_hash, to_content
from ingestion.handlers.intake import story_id_of
from ingestion.handlers.managing import NotVisited, Wish, get
from ingestion.handlers.opened import OpenSource, check_settings, open_source, plugin_of
from ingestion.handlers.photos import place_of
from ingestion.handlers.webhooks import posts_among
from ingestion.sources.plugin import Visit
from ingestion.store.items import Items, Known

MOST_SHOWN = 50
"""A test run shows so many parts of what would come in."""


@dataclass(frozen=True)
class Shown:
    """One story as it would come in."""

    external_id: str
    content: StoryContent
    canonical_url: str
    published_at: str
    is_known: bool
    is_too_old: bool


@dataclass(frozen=True)
class Trial:
    """What a visit would bring now. `is_cut`: there is more than is shown."""

    stories: tuple[Shown, ...]
    troubles: tuple[Trouble, ...]
    is_cut: bool
    ended: str = ""


def try_wish(wish: Wish, database: Database, client: SafeClient) -> Trial:
    """A test run of a source that there is not yet. Nothing is kept.

    Raises:
        UnknownKind, WrongSettings, NotVisited; what the plug-in says of a place that cannot be read.

    """
    plugin = plugin_of(wish.kind)
    settings = check_settings(plugin, wish.settings)
    oldest = settings.oldest(datetime.now(UTC))
    source = OpenSource(wish.source_id, wish.name, wish.url, plugin, settings, oldest)
    return _try(source, database, client)


def try_source(source_id: str, database: Database, client: SafeClient, vault: Vault) -> Trial:
    """A test run of a source: all that is there now, also what came in before. Nothing is kept. Raises as `try_wish`."""
    return _try(open_source(get(source_id, database), vault), database, client)


def _try(source: OpenSource, database: Database, client: SafeClient) -> Trial:
    visit = Visit(settings=source.settings, client=client)
    parts = list(islice(_would_come(source, visit), MOST_SHOWN + 1))
    shown = parts[:MOST_SHOWN]
    items = [part for part in shown if isinstance(part, Item)]
    with database.connection() as connection:
        known = Items(connection).known(source.source_id, [item.form.external_id for item in items])
    return Trial(
        stories=tuple(show(item, source, known.get(item.form.external_id)) for item in items),
        troubles=tuple(part for part in shown if isinstance(part, Trouble)),
        is_cut=len(parts) > MOST_SHOWN,
        ended=visit.ended,
    )


def _would_come(source: OpenSource, visit: Visit) -> Iterator[Part]:
    if source.plugin.poll is None:
        raise NotVisited(f"a source of kind {source.plugin.kind} comes in by itself; there is nothing to try")
    for given in source.plugin.poll(visit):
        for raw in posts_among(given, source) if isinstance(given, Updates) else (given,):
            yield from source.plugin.parse(raw, source.settings)


def show(item: Item, source: OpenSource, known: Known | None) -> Shown:
    """The item as the desk would get it; photos are named, not fetched."""
    form = source.sign(item.form)
    story_id = story_id_of(form)
    images = [Image(image_id=uuid5(story_id, place_of(image)[1]), original=None) for image in form.images]
    published = form.published_at.isoformat() if form.published_at else ""
    is_known = known is not None and known.form_hash == form_hash(form)
    is_too_old = known is None and source.is_too_old(form)
    return Shown(form.external_id, to_content(form, images), form.canonical_url, published, is_known, is_too_old)
