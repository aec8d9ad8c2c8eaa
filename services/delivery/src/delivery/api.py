"""Sites that receive webhooks, and what became of each message."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import FastAPI
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chassis import ledger
from chassis.doors import Policy
from chassis.errors import NotFound, Refusal
from chassis.ids import new_id
from chassis.web import create_app as create_chassis_app
from delivery import bootstrap
from delivery.domain.messages import encode
from delivery.domain.signing import new_secret
from delivery.settings import Settings
from delivery.store import GAUGES, Deliveries, Endpoints


class UrlRefused(Refusal):
    """An endpoint's address is not taken."""

    title = "This address is not taken"
    slug = "url-refused"


class EndpointForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    url: Annotated[str, Field(max_length=2_000)]
    types: tuple[Literal["story.published", "story.corrected", "story.unpublished", "story.killed"], ...] = Field(
        default=(), description="empty: all"
    )
    rubrics: tuple[Annotated[str, Field(max_length=200)], ...] = Field(
        default=(), max_length=100, description="empty: all"
    )


class EndpointAnswer(BaseModel):
    endpoint_id: UUID
    name: str
    url: str
    types: tuple[str, ...]
    rubrics: tuple[str, ...]
    state: Literal["active", "disabled"]
    reason: str = ""


class NewEndpoint(EndpointAnswer):
    secret: str = Field(description="shown once; verify webhooks with it")


class DeliveryAnswer(BaseModel):
    version: int
    type: str
    endpoint_id: UUID
    endpoint_name: str
    state: Literal["pending", "delivered", "failed", "superseded"]
    attempts: int
    status_code: int | None
    detail: str
    made_at: AwareDatetime
    done_at: AwareDatetime | None
    due_at: AwareDatetime
    message_id: str


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    database = bootstrap.database(settings)
    doors = Policy(settings, database, reads="deliveries:read", writes="endpoints:admin")
    app = create_chassis_app(
        service="delivery", title="Depesha delivery", database=database, gauges=GAUGES, doors=doors
    )
    allow_http = settings.allow_http

    @app.post("/endpoints", status_code=201)
    def add_endpoint(form: EndpointForm) -> NewEndpoint:
        """Subscribe a site. The answer holds the secret that signs its webhooks."""
        _check_url(form.url, allow_http=allow_http)
        endpoint_id, secret = new_id(), new_secret()
        with database.unit_of_work() as uow:
            Endpoints(uow.connection).add(endpoint_id, form.name, form.url, secret, form.types, form.rubrics)
        return NewEndpoint(endpoint_id=endpoint_id, state="active", secret=secret, **form.model_dump())

    @app.get("/endpoints")
    def endpoints() -> list[EndpointAnswer]:
        with database.connection() as connection:
            return [EndpointAnswer.model_validate(vars(one), extra="ignore") for one in Endpoints(connection).all()]

    @app.delete("/endpoints/{endpoint_id}", status_code=204)
    def remove_endpoint(endpoint_id: UUID) -> None:
        with database.unit_of_work() as uow:
            if not Endpoints(uow.connection).remove(endpoint_id):
                raise NotFound(f"endpoint {endpoint_id}: not known here")

    @app.post("/endpoints/{endpoint_id}/ping", status_code=202)
    def ping(endpoint_id: UUID) -> dict[str, str]:
        """Send a test message."""
        message_id = f"msg_{new_id().hex}"
        with database.unit_of_work() as uow:
            known = {one.endpoint_id: one for one in Endpoints(uow.connection).all()}
            if endpoint_id not in known:
                raise NotFound(f"endpoint {endpoint_id}: not known here")
            now: Any = uow.connection.execute("SELECT now()").fetchone()
            body = encode("endpoint.ping", now[0], {"endpoint": known[endpoint_id].name})
            Deliveries(uow.connection).add_message(message_id, "endpoint.ping", None, None, body)
            Deliveries(uow.connection).add(endpoint_id, message_id, "endpoint.ping", None, None)
        _wake()
        return {"message_id": message_id}

    @app.get("/stories/{story_id}/deliveries")
    def deliveries(story_id: UUID) -> list[DeliveryAnswer]:
        """Every delivery of every version of a story."""
        with database.connection() as connection:
            rows = Deliveries(connection).of_story(story_id)
        return [DeliveryAnswer.model_validate(dict(zip(DeliveryAnswer.model_fields, row, strict=True))) for row in rows]

    @app.post("/stories/{story_id}/versions/{version}/resend", status_code=202)
    def resend(story_id: UUID, version: int) -> dict[str, int]:
        """Try all that did not arrive again now, with the same webhook-id."""
        with database.unit_of_work() as uow:
            count = Deliveries(uow.connection).resend(story_id, version)
        _wake()
        return {"resent": count}

    def _wake() -> None:
        with database.connection() as connection:
            ledger.wake(connection, "delivery", "drain")

    return app


def _check_url(url: str, *, allow_http: bool) -> None:
    schemes = ("https", "http") if allow_http else ("https",)
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and bool(parts.hostname) and not parts.username and not parts.fragment
    except ValueError:
        is_good = False
    if not is_good:
        what = f"must be {' or '.join(schemes)}://host/…, without user name and fragment"
        raise UrlRefused(f"url: {what}, not {url[:200]!r}", fields=(("/url", what),))
