"""Our tables: endpoints and their keys; messages, a delivery for each endpoint that wants one, attempts; recoveries."""

from delivery.store.deliveries import FIRST_SITE, GAUGES, NEWEST, Claimed, Deliveries, Outcome
from delivery.store.endpoints import Endpoint, Endpoints, Keys
from delivery.store.recoveries import Recoveries, Recovery

SEALED = (("endpoint", "headers"), ("endpoint", "certificate"), ("signing_key", "sealed"))
"""What the vault sealed; `depesha secrets rotate` seals it again."""

__all__ = [
    "FIRST_SITE",
    "GAUGES",
    "NEWEST",
    "SEALED",
    "Claimed",
    "Deliveries",
    "Endpoint",
    "Endpoints",
    "Keys",
    "Outcome",
    "Recoveries",
    "Recovery",
]
