"""Ingestion hears no events; its worker keeps house."""

from functools import partial

from chassis.worker import Timer, Worker
from ingestion import bootstrap, handlers
from ingestion.settings import Settings


def create_worker(settings: Settings) -> Worker:
    database = bootstrap.database(settings)
    keep_house = Timer("forget_old_answers", every_s=3600, run=partial(handlers.forget_old_answers, database))
    return Worker("ingestion", database, handlers={}, timers=(keep_house,))
