"""Archived originals read again: photos that could not be had, items that could not be read, and replays after a mend."""

from collections.abc import Iterator
from dataclasses import dataclass

from chassis import logs
from chassis.bucket import ObjectMissing
from chassis.errors import Refusal
from chassis.vault import SecretUnreadableError, Vault
from ingestion.domain.items import Item, Raw
from ingestion.handlers.intake import Intake, Kept, Received, take_in
from ingestion.handlers.opened import OpenSource, open_source
from ingestion.sources import push
from ingestion.store.items import Items, Original, Originals, Troubles
from ingestion.store.sources import Sources

AT_ONCE = 20

log = logs.get()


@dataclass(frozen=True)
class Replayed:
    """What became of one item. `reason` is empty where it was read."""

    source_id: str
    external_id: str
    status: str
    revision: int = 0
    reason: str = ""


def fetch_missing_photos(intake: Intake, vault: Vault) -> None:
    """Try again those that are due; an item that gets one is a new revision."""
    with intake.database.connection() as connection:
        due = Items(connection).claim_incomplete(AT_ONCE)
    for source_id, external_id, raw_id in due:
        for done in replay_original(raw_id, intake, vault, only=frozenset([external_id])):
            if done.status == "received":
                log.info("missing photos were had", source=source_id, item=external_id, revision=done.revision)


def replay_source(source_id: str, intake: Intake, vault: Vault) -> Iterator[Replayed]:
    """Read again, from the archive, the newest original of each item, and originals that had something unreadable in them.

    What reads as before changes nothing; what reads otherwise now is a new revision. Older originals are left alone,
    so that no old text comes back.
    """
    with intake.database.connection() as connection:
        newest = Items(connection).originals_of(source_id)
        broken = Troubles(connection).originals_of(source_id)
    for raw_id, wanted in newest.items():
        yield from replay_original(raw_id, intake, vault, only=frozenset(wanted))
    known = {external_id for wanted in newest.values() for external_id in wanted}
    for raw_id in broken:
        for done in replay_original(raw_id, intake, vault, without=frozenset(known)):
            known.add(done.external_id)
            yield done


def replay_original(
    raw_id: int,
    intake: Intake,
    vault: Vault,
    *,
    only: frozenset[str] = frozenset(),
    without: frozenset[str] = frozenset(),
    asks_again: bool = False,
) -> Iterator[Replayed]:
    """The items of one original; `only` some of them, or all `without` some. `asks_again`: whether their photos changed, too."""
    with intake.database.connection() as connection:
        original = Originals(connection).get(raw_id)
    if original is None:
        return
    try:
        source = _source_of(original, intake, vault)
        raw = Raw(intake.bucket.get(original.key), original.media_type, original.url, original.note)
        for part in source.plugin.parse(raw, source.settings):
            if isinstance(part, Item) and _is_wanted(part.form.external_id, only, without):
                yield _take(part, original, source, intake, is_again=not asks_again)
    except (Refusal, ObjectMissing, SecretUnreadableError) as error:
        yield Replayed(original.source_id, "", "unreadable", reason=str(error))


def _is_wanted(external_id: str, wanted: frozenset[str], without: frozenset[str]) -> bool:
    return external_id in wanted if wanted else external_id not in without


def _take(item: Item, original: Original, source: OpenSource, intake: Intake, *, is_again: bool) -> Replayed:
    kept = Kept(original.raw_id, original.key)
    try:
        received: Received = take_in(item, kept, source, intake, is_again=is_again)
    except Refusal as refusal:
        return Replayed(source.source_id, item.form.external_id, "refused", reason=refusal.detail)
    return Replayed(source.source_id, item.form.external_id, received.status, received.revision)


def _source_of(original: Original, intake: Intake, vault: Vault) -> OpenSource:
    """Programs push under any source's name, so not all of them have a row."""
    with intake.database.connection() as connection:
        row = Sources(connection).get(original.source_id)
    if row is not None:
        return open_source(row, vault)
    return OpenSource(original.source_id, original.source_id, "", push.PLUGIN, push.PLUGIN.settings())
