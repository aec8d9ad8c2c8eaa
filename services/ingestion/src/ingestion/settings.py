"""What ingestion adds to the settings that all services have."""

from pydantic import Field, field_validator

from chassis.addresses import Network, parse_networks
from chassis.settings import Settings as ChassisSettings


class Settings(ChassisSettings):
    allowed_networks: str = Field(
        default="",
        description="CIDRs from which images may be fetched though they are not public, e.g. 10.1.0.0/16, 127.0.0.0/8",
    )
    max_image_bytes: int = Field(default=40 * 1024 * 1024, gt=0)
    fetch_timeout_s: float = Field(default=20, gt=0, description="for one image, redirects and body included")

    @field_validator("allowed_networks")
    @classmethod
    def are_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @property
    def networks(self) -> tuple[Network, ...]:
        return parse_networks(self.allowed_networks)
