"""Photos that may have changed under the same address: sites replace a wrong one and leave the text as it was."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from chassis import logs
from chassis.bucket import content_hash
from chassis.errors import Refusal
from chassis.safe_http import SafeClient
from chassis.vault import Vault
from ingestion.handlers.again import replay_original
from ingestion.handlers.intake import Intake
from ingestion.handlers.photos import FETCHES_AT_ONCE, as_known
from ingestion.store.items import Look, Photos

AT_ONCE = 100

log = logs.get()


def look_at_photos(intake: Intake, vault: Vault) -> None:
    """Ask for those whose time it is, if they changed; an item with a new one is a new revision."""
    with intake.database.connection() as connection:
        due = Photos(connection).claim_looks(AT_ONCE)
    with ThreadPoolExecutor(FETCHES_AT_ONCE) as threads:
        answers = list(threads.map(partial(_has_changed, client=intake.client), due))
    changed = {
        (look.source_id, look.external_id, look.raw_id) for look, is_new in zip(due, answers, strict=True) if is_new
    }
    for source_id, external_id, raw_id in sorted(changed):
        for done in replay_original(raw_id, intake, vault, only=frozenset([external_id]), asks_again=True):
            log.info("a photo changed", source=source_id, item=external_id, status=done.status, revision=done.revision)


def _has_changed(look: Look, client: SafeClient) -> bool:
    """A site that does not answer, or with a page, has not told us of another photo."""
    try:
        fetched = client.get(look.photo.place, as_known(look.photo))
    except Refusal:
        return False
    is_photo = fetched.status == 200 and not fetched.headers.get("content-type", "").startswith("text/")
    return is_photo and bool(fetched.body) and content_hash(fetched.body) != look.photo.hash
