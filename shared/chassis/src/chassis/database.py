"""A service's database: its connections, and transactions in them; plain SQL."""

from chassis.pool import Pool
from chassis.unit_of_work import UnitOfWork


class Database(Pool):
    """A pool of connections that also begins and ends transactions."""

    def unit_of_work(self) -> UnitOfWork:
        return UnitOfWork(self)
