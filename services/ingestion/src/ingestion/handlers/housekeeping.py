"""What is thrown away in time, so that tables do not grow for ever. Items and originals stay."""

from chassis.database import Database
from ingestion.store.items import Troubles
from ingestion.store.sketches import Sketches

KEEP_TROUBLES_DAYS = 90


def keep_house(database: Database) -> None:
    with database.unit_of_work() as uow:
        Troubles(uow.connection).forget_old(KEEP_TROUBLES_DAYS)
        Sketches(uow.connection).forget_old()
