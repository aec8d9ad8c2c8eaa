"""The HTTP API: stories come in, sources are looked after."""

from fastapi import FastAPI

from chassis.doors import Policy
from chassis.web import MIB
from chassis.web import create_app as create_chassis_app
from ingestion import bootstrap
from ingestion.routes.links import link_routes
from ingestion.routes.sources import source_routes
from ingestion.routes.stories import story_routes
from ingestion.routes.uploads import upload_routes
from ingestion.routes.webhooks import webhook_routes
from ingestion.settings import Settings
from ingestion.store.gauges import GAUGES

MAX_BODY_BYTES = 256 * MIB


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    intake = bootstrap.intake(settings)
    app = create_chassis_app(
        service="ingestion",
        title="Depesha ingestion",
        database=intake.database,
        checks={"storage": intake.bucket.check},
        gauges=GAUGES,
        max_body_bytes=MAX_BODY_BYTES,
        doors=Policy(settings, intake.database, reads="sources:admin", writes="sources:admin"),
    )
    client = bootstrap.originals_client(settings)
    app.include_router(story_routes(intake))
    app.include_router(link_routes(intake, client))
    app.include_router(
        source_routes(
            intake.database,
            intake.bucket,
            client,
            settings.vault,
            settings.outside_url,
        )
    )
    app.include_router(upload_routes(intake, settings.vault))
    app.include_router(webhook_routes(intake.database, settings.vault))
    return app
