"""What the desk forgets: old changes, sessions that ended, failed sign-ins."""

from chassis.database import Database
from desk.store.people import Sessions
from desk.store.work import Changes

KEEP_CHANGES_H = 24


def keep_house(database: Database) -> None:
    with database.unit_of_work() as uow:
        Changes(uow.connection).forget_old(KEEP_CHANGES_H)
        Sessions(uow.connection).forget_old()
