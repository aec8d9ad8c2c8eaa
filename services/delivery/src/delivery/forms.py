"""What the API takes and gives."""

import re
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, field_validator

from contracts.content import Moment

StoryMessage = Literal["story.published", "story.corrected", "story.unpublished", "story.killed"]
Label = Annotated[str, Field(min_length=1, max_length=200)]
HEADER_NAME = re.compile(r"^[A-Za-z0-9-]{1,64}$")
FORBIDDEN_HEADERS = re.compile(
    r"^(webhook-.*|content-.*|host|connection|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*|sec-.*|user-agent|cookie.*|x-forwarded-.*|forwarded|accept-encoding)$",
    re.IGNORECASE,
)


class EndpointChange(BaseModel):
    """Every field may be left out."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    url: Annotated[str, Field(max_length=2_000)] | None = None
    types: Annotated[tuple[StoryMessage, ...], Field(max_length=4)] | None = None
    rubrics: Annotated[tuple[Label, ...], Field(max_length=100)] | None = None
    tags: Annotated[tuple[Label, ...], Field(max_length=100)] | None = None
    languages: Annotated[tuple[Annotated[str, Field(pattern="^[a-z]{2,3}$")], ...], Field(max_length=20)] | None = None
    least_urgent: Annotated[int, Field(ge=1, le=9, description="ninjs urgency: 1 is the most urgent")] | None = None
    order_mode: Literal["latest", "full", "fifo"] | None = None
    form: Literal["full", "thin"] | None = None
    signatures: Annotated[tuple[Literal["v1", "v1a"], ...], Field(min_length=1, max_length=2)] | None = None
    max_in_flight: Annotated[int, Field(ge=1, le=100)] | None = None
    rate_per_s: Annotated[int, Field(ge=1, le=1000)] | None = None
    timeout_s: Annotated[float, Field(ge=1, le=30)] | None = None
    headers: Annotated[dict[str, Annotated[str, Field(max_length=1000)]], Field(max_length=20)] | None = None
    certificate: (
        Annotated[str, Field(max_length=20_000, description="PEM: client certificate and key, for mTLS")] | None
    ) = None

    @field_validator("headers")
    @classmethod
    def headers_are_free(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        for name, text in (value or {}).items():
            if not HEADER_NAME.match(name) or FORBIDDEN_HEADERS.match(name):
                raise ValueError(f"the header {name[:64]!r} is not yours to set")
            if not text.isprintable() or not text.isascii():
                raise ValueError(f"the header {name[:64]!r} must hold printable ASCII")
        return value


class EndpointForm(EndpointChange):
    """A new endpoint; what is left out has its default: everything, newest version, whole items, `v1`."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    url: Annotated[str, Field(max_length=2_000)]


class EndpointAnswer(BaseModel):
    """`paused_until`: nothing is sent before, since the site failed too often; then one probe."""

    endpoint_id: UUID
    name: str
    url: str
    types: tuple[str, ...]
    rubrics: tuple[str, ...]
    tags: tuple[str, ...]
    languages: tuple[str, ...]
    least_urgent: int
    order_mode: Literal["latest", "full", "fifo"]
    form: Literal["full", "thin"]
    signatures: tuple[str, ...]
    max_in_flight: int
    rate_per_s: int
    timeout_s: float
    state: Literal["unverified", "active", "disabled"]
    reason: str
    failures_in_row: int
    failing_since: AwareDatetime | None
    last_success_at: AwareDatetime | None
    paused_until: AwareDatetime | None


class NewEndpoint(EndpointAnswer):
    secret: str = Field(description="shown once; verify `v1` signatures with it")
    page_url: str = Field(description="the partner's own page, for whoever has this link")


class Rotation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    revoke_now: StrictBool = Field(default=False, description="the older keys end now, not in 24 hours")


class NewSecret(BaseModel):
    secret: str = Field(description="shown once")


class PublicKey(BaseModel):
    id: UUID
    kind: Literal["ed25519"] = "ed25519"
    public_key: str = Field(description="`whpk_` and 32 bytes in base64")
    made_at: AwareDatetime
    ends_at: AwareDatetime | None


class PublicKeys(BaseModel):
    keys: list[PublicKey]


class DeliveryRow(BaseModel):
    delivery_id: int
    type: str
    story_id: UUID | None
    version: int | None
    state: Literal["pending", "held", "delivered", "failed", "superseded"]
    attempts: int
    status_code: int | None
    detail: str
    made_at: AwareDatetime
    done_at: AwareDatetime | None
    due_at: AwareDatetime
    message_id: str


class DeliveryAnswer(BaseModel):
    """A delivery of a story."""

    version: int
    type: str
    endpoint_id: UUID
    endpoint_name: str
    state: Literal["pending", "held", "delivered", "failed", "superseded"]
    attempts: int
    status_code: int | None
    detail: str
    made_at: AwareDatetime
    done_at: AwareDatetime | None
    due_at: AwareDatetime
    message_id: str
    delivery_id: int


class AttemptAnswer(BaseModel):
    """`dns_ms`, `connect_ms` and `tls_ms` are missing where an open connection was used."""

    number: int
    at: AwareDatetime
    status_code: int | None
    error: str
    answer: str
    elapsed_ms: float
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None


class Since(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: Moment


class RecoveryAnswer(BaseModel):
    recovery_id: UUID
    endpoint_id: UUID
    since: AwareDatetime
    state: Literal["running", "done", "cancelled"]
    resent: int
    seen: int = Field(description="of the total, so many were looked at")
    total: int = Field(description="how many had failed when it began")


class StatisticsRow(BaseModel):
    endpoint_id: UUID
    attempts: int
    good: int
    p50_ms: float
    p95_ms: float
