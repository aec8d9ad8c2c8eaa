"""The desk's web application: pages for editors, and the JSON API for programs."""

from fastapi import FastAPI

from chassis.web import create_app as create_chassis_app
from desk import bootstrap
from desk.routes import json_api
from desk.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    database = bootstrap.database(settings)
    app = create_chassis_app(service="desk", title="Depesha desk", database=database)
    app.include_router(json_api.make_router(database))
    return app
