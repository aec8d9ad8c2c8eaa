"""The desk's web application: pages for editors, and the JSON API for programs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

import psycopg
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Scope

from chassis import logs
from chassis.database import Database
from chassis.doors import Policy
from chassis.errors import NotFound, Refusal
from chassis.metrics import why_down
from chassis.web import create_app as create_chassis_app
from chassis.web import problem
from desk import bootstrap
from desk.handlers import people
from desk.handlers.labels import MAX_UPLOAD_BYTES
from desk.handlers.people import ConfirmFirst
from desk.live import Hub
from desk.neighbours import NeighbourDown, Neighbours
from desk.pages import HERE, Pages
from desk.routes import (
    concept_pages,
    crop_pages,
    delivery_pages,
    identity_pages,
    joining_pages,
    json_api,
    label_pages,
    link_pages,
    live_pages,
    log_pages,
    monitor_pages,
    new_source_pages,
    ops_pages,
    photo_pages,
    preview_pages,
    release_pages,
    room_pages,
    routing_pages,
    sign_in_pages,
    site_mending_pages,
    site_pages,
    source_pages,
    story_pages,
    story_views,
    token_pages,
    view_pages,
    vocabulary_pages,
)
from desk.routes.admin_frame import AdminFrame
from desk.routes.sign_in import Guard, NotSignedIn, SameOrigin, programs_of
from desk.routes.site_frame import SiteFrame
from desk.routes.source_frame import SourceFrame
from desk.routes.story_panel import StoryPanel
from desk.routes.vocabulary_pages import VocabularyPage
from desk.settings import Settings
from desk.store.gauges import GAUGES
from desk.store.people import People
from desk.store.rules import Preferences
from desk.watching import Watch

log = logs.get()

CLOCK_S = 20.0


class Files(StaticFiles):
    """Bundled files bear a hash in their name and may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        kept = "public, max-age=31536000, immutable" if path.startswith("bundle/") else "public, max-age=300"
        answer.headers["cache-control"] = kept
        return answer


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    database, neighbours = bootstrap.database(settings), bootstrap.neighbours(settings)
    originals, provider = bootstrap.private_bucket(settings), bootstrap.identity_provider(settings)
    pages = Pages(public_url=settings.public_url, time_zone=_time_zone(database, settings.time_zone))
    guard = Guard(database)
    hub = Hub(database, lambda row, language: live_pages.draw_row(pages, row, language))
    watching = Watch(database, originals, settings, ops_pages.drawer(pages, settings.scale_folder))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        _invite_the_first(database, settings.desk_url)
        clock = asyncio.create_task(_keep_clock(pages, database))
        yield
        clock.cancel()
        await hub.stop()
        await watching.stop()
        neighbours.close()
        if provider is not None:
            provider.close()
        database.close()

    app = create_chassis_app(
        service="desk",
        title="Depesha desk",
        database=database,
        checks={"storage": originals.check},
        gauges=GAUGES,
        max_body_bytes=MAX_UPLOAD_BYTES + 64 * 1024,
        lifespan=lifespan,
        doors=Policy(
            settings, database, "desk:read", "desk:write", knows_people=True, fixed=programs_of(settings.desk_api_token)
        ),
    )
    app.add_middleware(SameOrigin)
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=4)  # it leaves event streams alone
    app.add_exception_handler(Refusal, _make_refusal(pages, guard))
    app.include_router(json_api.make_router(database, guard))
    provider_name = provider.name if provider else ""
    app.include_router(sign_in_pages.make_router(database, pages, guard, provider_name))
    app.include_router(joining_pages.make_router(database, pages, guard, settings.desk_url))
    if provider is not None:
        app.include_router(identity_pages.make_router(database, provider, settings.oidc_new_role))
    app.include_router(monitor_pages.make_router(database, pages, guard))
    app.include_router(view_pages.make_router(database, guard))
    app.include_router(live_pages.make_router(database, pages, guard, hub))
    app.include_router(link_pages.make_router(database, pages, guard, neighbours))
    panel = StoryPanel(database, pages)
    app.include_router(story_pages.make_router(database, pages, guard, panel))
    app.include_router(release_pages.make_router(database, pages, guard, panel, neighbours, provider_name))
    app.include_router(label_pages.make_router(database, pages, guard, panel, neighbours))
    app.include_router(story_views.make_router(database, pages, guard))
    app.include_router(preview_pages.make_router(database, pages, guard, neighbours))
    app.include_router(photo_pages.make_router(database, pages, guard, panel, originals, neighbours))
    app.include_router(crop_pages.make_router(database, guard))
    app.include_router(ops_pages.make_router(database, pages, guard, watching, settings.scale_folder))
    for router in _newsroom(database, pages, guard, neighbours, settings.desk_url):
        app.include_router(router)
    app.mount("/static", Files(directory=HERE / "static"))
    return app


def _newsroom(
    database: Database, pages: Pages, guard: Guard, neighbours: Neighbours, desk_url: str
) -> Iterator[APIRouter]:
    """The pages of administration; the first that fits an address answers."""
    frame = AdminFrame(database, pages)
    yield delivery_pages.make_router(database, pages, guard, neighbours)
    yield room_pages.make_router(database, pages, frame, guard, desk_url)
    yield routing_pages.make_router(database, frame, guard)
    yield log_pages.make_router(database, pages, frame, guard)
    yield token_pages.make_router(database, frame, guard)
    sources, sites = SourceFrame(frame, neighbours), SiteFrame(frame, neighbours)
    yield new_source_pages.make_router(sources, guard, neighbours)
    yield source_pages.make_router(database, frame, sources, guard, neighbours)
    yield site_pages.make_router(sites, guard)
    yield site_mending_pages.make_router(sites, frame, guard, neighbours)
    vocabulary = VocabularyPage(frame, neighbours)
    yield vocabulary_pages.make_router(frame, vocabulary, guard, neighbours)
    yield concept_pages.make_router(frame, vocabulary, guard, neighbours)


async def _keep_clock(pages: Pages, database: Database) -> None:
    """Another process may have been told that the newsroom has moved."""
    while True:
        await asyncio.sleep(CLOCK_S)
        zone = await run_in_threadpool(_time_zone, database, pages.time_zone)
        if zone != pages.time_zone:
            pages.set_time_zone(zone)


def _time_zone(database: Database, default: str) -> str:
    if why_down(database.check):  # the pool would wait for ten seconds
        return default
    try:
        with database.connection() as connection:
            return Preferences(connection).time_zone(default)
    except psycopg.Error:
        return default


def _invite_the_first(database: Database, desk_url: str) -> None:
    """Where nobody works yet, a link for the first chief editor stands in the log, once a start."""
    if reason := why_down(database.check):
        log.warning("nobody was invited: the database does not answer", reason=reason)
        return
    try:
        with database.connection() as connection:
            if People(connection).any():
                return
        token = people.invite("chief", "Depesha", database.unit_of_work())
    except psycopg.Error as error:
        log.warning("nobody was invited: the database does not answer", reason=str(error).strip())
        return
    log.info("nobody works here yet: open this link once to become the chief editor", link=f"{desk_url}/join/{token}")


def _make_refusal(pages: Pages, guard: Guard):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Starlette's own type of a handler
    def refusal(request: Request, error: Exception) -> Response:
        """A refusal as the asker understands it: a toast for a page's script, a page for a person, a problem for a program."""
        if not isinstance(error, Refusal):
            raise error
        is_script = request.headers.get("hx-request") == "true"
        wants_page = "text/html" in request.headers.get("accept", "") and request.method == "GET"
        if isinstance(error, NotSignedIn) and (is_script or wants_page):
            target = f"/sign-in?to={quote(request.url.path)}"
            return (
                Response(status_code=401, headers={"hx-redirect": target})
                if is_script
                else RedirectResponse(target, 303)
            )
        if isinstance(error, ConfirmFirst) and "text/html" in request.headers.get("accept", "") and not is_script:
            back = request.url.path if request.method == "GET" else page_of(request)
            return RedirectResponse(f"/confirm?to={quote(back)}", 303)
        if is_script:
            answer = pages.page(
                "_problem.html", request, guard.whoever(request), status=error.status, slug=error.slug, detail=""
            )
            answer.headers.update({"hx-retarget": "#toasts", "hx-reswap": "innerHTML"})
            return answer
        if wants_page:
            return pages.page(
                "refused.html",
                request,
                None,
                status=error.status,
                slug=error.slug,
                is_missing=isinstance(error, NotFound),
                is_down=isinstance(error, NeighbourDown),
            )
        return _problem(error)

    return refusal


def page_of(request: Request) -> str:
    """The page on which a form stood that was refused."""
    asked_from = urlsplit(request.headers.get("referer", ""))
    return asked_from.path if asked_from.netloc == request.url.netloc and asked_from.path else "/admin"


def _problem(error: Refusal) -> JSONResponse:
    errors = [{"pointer": pointer, "detail": detail} for pointer, detail in error.fields]
    extra = {**error.extra, **({"errors": errors} if errors else {})}
    return problem(error.status, error.title, error.detail, slug=error.slug, **extra)
