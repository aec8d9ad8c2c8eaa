"""Ingestion hears no events; its worker visits sources and keeps house."""

from functools import partial

from chassis.worker import Timer, Worker
from ingestion import bootstrap
from ingestion.handlers import again, gathering, housekeeping, looking, receiving
from ingestion.settings import Settings


def create_worker(settings: Settings) -> Worker:
    intake = bootstrap.intake(settings)
    visitor, listener = bootstrap.visitor(settings, intake), bootstrap.listener(settings, intake)
    composer = gathering.Composer(intake, settings.vault)
    return Worker(
        "ingestion",
        intake.database,
        handlers={},
        checks={"storage": intake.bucket.check},
        timers=(
            Timer("visit", every_s=1, run=visitor.visit_due),
            Timer("listen", every_s=1, run=listener.visit_due),
            Timer(gathering.TIMER, every_s=1, run=composer.compose_due),
            Timer("fetch_missing_photos", every_s=30, run=partial(again.fetch_missing_photos, intake, settings.vault)),
            Timer("look_at_photos", every_s=60, run=partial(looking.look_at_photos, intake, settings.vault)),
            Timer(
                "keep_house", every_s=3600, run=partial(housekeeping.keep_house, intake, settings.keep_originals_days)
            ),
            Timer("forget_old_posts", every_s=3600, run=partial(gathering.forget_old_posts, intake.database)),
            Timer("forget_old_answers", every_s=3600, run=partial(receiving.forget_old_answers, intake.database)),
        ),
    )
