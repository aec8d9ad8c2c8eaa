"""Sites that receive webhooks, how they are doing, and what became of each message."""

import json
import secrets
import time
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Path, Query, Response

from chassis import ledger
from chassis.database import Database
from chassis.doors import Policy, public
from chassis.errors import Forbidden, NotFound
from chassis.ids import new_id
from chassis.vault import Vault
from chassis.web import create_app as create_chassis_app
from delivery import bootstrap
from delivery.endpoints import Subscriptions, page_hash
from delivery.forms import (
    AttemptAnswer,
    DeliveryAnswer,
    DeliveryRow,
    EndpointAnswer,
    EndpointChange,
    EndpointForm,
    NewEndpoint,
    NewSecret,
    PublicKey,
    PublicKeys,
    RecoveryAnswer,
    Rotation,
    Since,
    StatisticsRow,
)
from delivery.partner_page import make_router
from delivery.settings import Settings
from delivery.store import GAUGES, NEWEST, Deliveries, Endpoint, Endpoints, Recoveries
from delivery.wire import MessageType, message_types

DeliveryId = Annotated[int, Path(ge=1, le=NEWEST)]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


class LinkRefused(Forbidden):
    """A signed link that is not ours, or no longer good."""


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    database = bootstrap.database(settings)
    doors = Policy(settings, database, reads="deliveries:read", writes="endpoints:admin")
    app = create_chassis_app(
        service="delivery", title="Depesha delivery", database=database, gauges=GAUGES, doors=doors
    )
    subscriptions = Subscriptions(settings.vault, settings.delivery_url, allow_http=settings.allow_http)
    app.include_router(make_router(database, subscriptions))
    _add_endpoints(app, database, subscriptions)
    _add_acts(app, database, subscriptions)
    _add_deliveries(app, database)
    _add_recoveries(app, database)
    _add_wire(app, database, subscriptions, settings.vault)
    return app


def _add_endpoints(app: FastAPI, database: Database, subscriptions: Subscriptions) -> None:
    """Sites: subscribe, look, change, remove."""

    @app.post("/endpoints", status_code=201)
    def add_endpoint(form: EndpointForm) -> NewEndpoint:
        """Subscribe a site. It must first answer a signed challenge; until then what it is to have is held for it."""
        with database.unit_of_work() as uow:
            endpoint_id, secret, page = subscriptions.add(form, uow)
            made = known(endpoint_id, Endpoints(uow.connection))
        _wake(database)
        return NewEndpoint(**_shown(made), secret=secret, page_url=subscriptions.page_url(page))

    @app.get("/endpoints")
    def endpoints() -> list[EndpointAnswer]:
        with database.connection() as connection:
            return [EndpointAnswer(**_shown(one)) for one in Endpoints(connection).all()]

    @app.get("/endpoints/{endpoint_id}")
    def endpoint(endpoint_id: UUID) -> EndpointAnswer:
        with database.connection() as connection:
            return EndpointAnswer(**_shown(known(endpoint_id, Endpoints(connection))))

    @app.patch("/endpoints/{endpoint_id}")
    def change_endpoint(endpoint_id: UUID, form: EndpointChange) -> EndpointAnswer:
        """Change what is given. Another address must answer a challenge of its own first."""
        with database.unit_of_work() as uow:
            known(endpoint_id, Endpoints(uow.connection))
            subscriptions.change(endpoint_id, form, uow)
            changed = known(endpoint_id, Endpoints(uow.connection))
        _wake(database)
        return EndpointAnswer(**_shown(changed))

    @app.delete("/endpoints/{endpoint_id}", status_code=204)
    def remove_endpoint(endpoint_id: UUID) -> None:
        with database.unit_of_work() as uow:
            if not Endpoints(uow.connection).remove(endpoint_id):
                raise NotFound(f"endpoint {endpoint_id}: not known here")


def _add_acts(app: FastAPI, database: Database, subscriptions: Subscriptions) -> None:
    """What is done with one site: on, off, ping, new keys."""

    @app.post("/endpoints/{endpoint_id}/enable", status_code=202)
    def enable(endpoint_id: UUID) -> EndpointAnswer:
        """Take a disabled site up again; what was held for it, at most 14 days, goes out. One that never confirmed is challenged."""
        with database.unit_of_work() as uow:
            one = known(endpoint_id, Endpoints(uow.connection))
            subscriptions.enable(one, uow)
            one = known(endpoint_id, Endpoints(uow.connection))
        _wake(database)
        return EndpointAnswer(**_shown(one))

    @app.post("/endpoints/{endpoint_id}/disable", status_code=202)
    def disable(endpoint_id: UUID) -> EndpointAnswer:
        """Send it nothing for now; what comes is held."""
        with database.unit_of_work() as uow:
            known(endpoint_id, Endpoints(uow.connection))
            Endpoints(uow.connection).disable(endpoint_id, "by hand")
            return EndpointAnswer(**_shown(known(endpoint_id, Endpoints(uow.connection))))

    @app.post("/endpoints/{endpoint_id}/ping", status_code=202)
    def ping(endpoint_id: UUID) -> dict[str, str]:
        """Send a test message."""
        with database.unit_of_work() as uow:
            message_id = subscriptions.ping(known(endpoint_id, Endpoints(uow.connection)), uow)
        _wake(database)
        return {"message_id": message_id}

    @app.post("/endpoints/{endpoint_id}/keys", status_code=201)
    def rotate(endpoint_id: UUID, form: Rotation) -> NewSecret:
        """A new secret; the older one signs beside it for 24 hours, or ends now."""
        with database.unit_of_work() as uow:
            known(endpoint_id, Endpoints(uow.connection))
            return NewSecret(secret=subscriptions.rotate(endpoint_id, uow, revoke_now=form.revoke_now))

    @app.post("/endpoints/{endpoint_id}/page", status_code=201)
    def new_page(endpoint_id: UUID) -> dict[str, str]:
        """A new secret link to the partner's page; the older one is dead."""
        with database.unit_of_work() as uow:
            known(endpoint_id, Endpoints(uow.connection))
            token = secrets.token_urlsafe(24)
            Endpoints(uow.connection).change(endpoint_id, {"page_hash": page_hash(token)})
        return {"page_url": subscriptions.page_url(token)}


def _add_deliveries(app: FastAPI, database: Database) -> None:
    """What became of each message, and sending one again."""

    @app.get("/endpoints/{endpoint_id}/deliveries")
    def deliveries_of(
        endpoint_id: UUID,
        before: Annotated[int, Query(ge=1, le=NEWEST, description="the last delivery_id of the page before")] = NEWEST,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> list[DeliveryRow]:
        """Newest first."""
        with database.connection() as connection:
            known(endpoint_id, Endpoints(connection))
            rows = Deliveries(connection).of_endpoint(endpoint_id, before, limit)
        return [DeliveryRow(**row) for row in rows]

    @app.get("/deliveries/{delivery_id}/attempts")
    def attempts(delivery_id: DeliveryId) -> list[AttemptAnswer]:
        """Each attempt with the first 4 KiB of the answer."""
        with database.connection() as connection:
            return [AttemptAnswer(**row) for row in Deliveries(connection).attempts(delivery_id)]

    @app.post("/deliveries/{delivery_id}/resend", status_code=202)
    def resend_one(delivery_id: DeliveryId) -> dict[str, int]:
        """Send one again under the same webhook-id; refused where a newer version of the story has gone to that site."""
        with database.unit_of_work() as uow:
            if not Deliveries(uow.connection).resend_one(delivery_id):
                raise NotFound(f"delivery {delivery_id}: not known here, or a newer version has gone out")
        _wake(database)
        return {"resent": 1}

    @app.get("/stories/{story_id}/deliveries")
    def deliveries(story_id: UUID) -> list[DeliveryAnswer]:
        """Every delivery of every version of a story."""
        with database.connection() as connection:
            rows = Deliveries(connection).of_story(story_id)
        return [DeliveryAnswer.model_validate(dict(zip(DeliveryAnswer.model_fields, row, strict=True))) for row in rows]

    @app.post("/stories/{story_id}/versions/{version}/resend", status_code=202)
    def resend(story_id: UUID, version: Version) -> dict[str, int]:
        """Try all that did not arrive again now, with the same webhook-id."""
        with database.unit_of_work() as uow:
            count = Deliveries(uow.connection).resend(story_id, version)
        _wake(database)
        return {"resent": count}

    @app.get("/statistics")
    def statistics(hours: Annotated[float, Query(gt=0, le=720)] = 24) -> list[StatisticsRow]:
        """Attempts of the last hours, one row a site."""
        with database.connection() as connection:
            return [StatisticsRow(**row) for row in Deliveries(connection).statistics(hours)]


def _add_recoveries(app: FastAPI, database: Database) -> None:
    """Everything that failed for a site since a time goes out again."""

    @app.post("/endpoints/{endpoint_id}/recoveries", status_code=202)
    def recover(endpoint_id: UUID, form: Since) -> RecoveryAnswer:
        """Send all again that failed for this site since then; a job, without a cap."""
        recovery_id = new_id()
        with database.unit_of_work() as uow:
            known(endpoint_id, Endpoints(uow.connection))
            Recoveries(uow.connection).add(recovery_id, endpoint_id, form.since)
        with database.connection() as connection:
            ledger.wake(connection, "delivery", "recover")
        return recovery(recovery_id)

    @app.get("/recoveries/{recovery_id}")
    def recovery(recovery_id: UUID) -> RecoveryAnswer:
        with database.connection() as connection:
            one = Recoveries(connection).get(recovery_id)
        if one is None:
            raise NotFound(f"recovery {recovery_id}: not known here")
        return RecoveryAnswer(**{name: getattr(one, name) for name in RecoveryAnswer.model_fields})

    @app.delete("/recoveries/{recovery_id}", status_code=204)
    def cancel_recovery(recovery_id: UUID) -> None:
        with database.unit_of_work() as uow:
            if not Recoveries(uow.connection).cancel(recovery_id):
                raise NotFound(f"recovery {recovery_id}: not running")


def _add_wire(app: FastAPI, database: Database, subscriptions: Subscriptions, vault: Vault) -> None:
    """What sites themselves ask: types, public keys, the whole of a thin message."""

    @app.get("/webhooks/types")
    @public
    def types() -> list[MessageType]:
        """What a site may be sent: a JSON Schema of each body, and an example."""
        return message_types()

    @app.get("/.well-known/webhook-keys.json")
    @public
    def house_keys() -> PublicKeys:
        """The ed25519 keys that sign `v1a`, newest first."""
        with database.unit_of_work() as uow:
            rows = subscriptions.house_keys(uow)
        names = ("id", "public_key", "made_at", "ends_at")
        return PublicKeys(keys=[PublicKey(**dict(zip(names, row, strict=True))) for row in rows])

    @app.post("/keys", status_code=201)
    def rotate_house_key(form: Rotation) -> PublicKeys:
        """A new house key; the older one signs beside it for 24 hours, or ends now."""
        with database.unit_of_work() as uow:
            subscriptions.rotate(None, uow, revoke_now=form.revoke_now)
        return house_keys()

    @app.get("/messages/{message_id}/data")
    @public
    def message_data(message_id: str, expires: int, signature: str) -> Response:
        """The whole item of a message whose webhook was thin; the link is in its `data_url`."""
        if expires < time.time() or not vault.is_mac(f"{message_id}.{expires}", signature):
            raise LinkRefused("this link is not ours, or no longer good")
        with database.connection() as connection:
            body = Deliveries(connection).body(message_id)
        if body is None:
            raise NotFound(f"message {message_id}: not known here")
        data = json.dumps(json.loads(body)["data"], ensure_ascii=False)
        return Response(data, media_type="application/json", headers={"cache-control": "private, max-age=60"})


def _wake(database: Database) -> None:
    with database.connection() as connection:
        ledger.wake(connection, "delivery", "drain")


def known(endpoint_id: UUID, endpoints: Endpoints) -> Endpoint:
    found = endpoints.get(endpoint_id)
    if found is None:
        raise NotFound(f"endpoint {endpoint_id}: not known here")
    return found


def _shown(one: Endpoint) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in EndpointAnswer.model_fields if name != "paused_until"}
    return {**values, "paused_until": one.probe_at}
