"""The table: event -> handler, and the timers."""

from functools import partial

from chassis.worker import Timer, Worker
from contracts.events import (
    ChannelChanged,
    DeliveryChanged,
    ImageProcessed,
    ImageRejected,
    ReleaseFailed,
    StoryCorrected,
    StoryKilled,
    StoryPublished,
    StoryReceived,
    StoryTagged,
    StoryUnpublished,
    StoryWithdrawnAtSource,
)
from desk import bootstrap
from desk.handlers import events, housekeeping, mail, releasing
from desk.settings import Settings


def create_worker(settings: Settings) -> Worker:
    database = bootstrap.database(settings)
    smtp_url = settings.smtp_url.get_secret_value()
    post_mail = partial(mail.send_mail, database, mail.smtp(smtp_url), settings.mail_from, settings.desk_url)
    return Worker(
        "desk",
        database,
        handlers={
            StoryReceived: events.open_story,
            StoryWithdrawnAtSource: events.note_withdrawal,
            StoryTagged: events.take_tags,
            ImageProcessed: events.take_image,
            ImageRejected: events.refuse_image,
            StoryPublished: events.note_release,
            StoryCorrected: events.note_release,
            StoryUnpublished: events.note_release,
            StoryKilled: events.note_release,
            ReleaseFailed: events.note_failed_release,
            DeliveryChanged: events.note_delivery,
            ChannelChanged: events.note_channel,
        },
        timers=(
            Timer("schedule", every_s=1.0, run=partial(releasing.fire_due, database)),
            Timer("keep_house", every_s=3600, run=partial(housekeeping.keep_house, database)),
            *([Timer("mail", every_s=20, run=post_mail)] if smtp_url else []),
        ),
        concurrency=4,
    )
