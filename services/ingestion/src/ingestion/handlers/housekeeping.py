"""What is thrown away in time, so that tables and buckets do not grow for ever. Items stay, and each one's newest original."""

from chassis import logs
from ingestion.handlers.intake import Intake
from ingestion.handlers.photos import upload_key
from ingestion.store.items import Originals, Troubles
from ingestion.store.sketches import Sketches
from ingestion.store.uploads import Uploads

KEEP_TROUBLES_DAYS = 90
KEEP_UPLOADS_H = 24
"""A story names an upload within minutes, and then has a copy of its own."""
AT_ONCE = 1_000

log = logs.get()


def keep_house(intake: Intake, keep_originals_days: int) -> None:
    """A turn of all of it, each with a bound: what is left goes in the next hour."""
    with intake.database.unit_of_work() as uow:
        Troubles(uow.connection).forget_old(KEEP_TROUBLES_DAYS)
        Sketches(uow.connection).forget_old()
        replaced = Originals(uow.connection).forget_replaced(keep_originals_days, AT_ONCE)
    uploads = forget_uploads(intake)
    if replaced or uploads:
        log.info("house kept", originals_forgotten=replaced, uploads_deleted=uploads)


def forget_uploads(intake: Intake) -> int:
    """Delete files that were put up long ago, also those that no story ever named. Returns how many."""
    with intake.database.connection() as connection:
        old = Uploads(connection).old(KEEP_UPLOADS_H, AT_ONCE)
    intake.bucket.delete([upload_key(upload_id) for upload_id in old])
    with intake.database.connection() as connection:
        Uploads(connection).forget(old)
    return len(old)
