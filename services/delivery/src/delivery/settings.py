"""What delivery adds to the settings that all services have."""

from pydantic import Field, field_validator

from chassis.addresses import Network, parse_networks
from chassis.settings import Settings as ChassisSettings


class Settings(ChassisSettings):
    allowed_networks: str = Field(
        default="", description="CIDRs where endpoints may be though they are not public, e.g. 127.0.0.0/8"
    )
    allow_http: bool = Field(default=False, description="take endpoints without TLS; only for tests and intranets")
    attempt_timeout_s: float = Field(default=15, gt=0, le=30, description="for one attempt, the answer's body included")
    batch_size: int = Field(default=200, ge=1, le=1000)

    @field_validator("allowed_networks")
    @classmethod
    def are_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @property
    def networks(self) -> tuple[Network, ...]:
        return parse_networks(self.allowed_networks)
