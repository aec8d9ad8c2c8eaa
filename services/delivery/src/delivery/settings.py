"""What delivery adds to the settings that all services have."""

from pydantic import Field, SecretStr, field_validator

from chassis.addresses import Network, parse_networks
from chassis.settings import Settings as ChassisSettings
from chassis.vault import Vault


class Settings(ChassisSettings):
    allowed_networks: str = Field(
        default="", description="CIDRs where endpoints may be though they are not public, e.g. 127.0.0.0/8"
    )
    allow_http: bool = Field(default=False, description="take endpoints without TLS; only for tests and intranets")
    attempt_timeout_s: float = Field(default=30, gt=0, le=30, description="no endpoint may take longer for an attempt")
    batch_size: int = Field(default=400, ge=1, le=1000)
    secret_keys: SecretStr = Field(
        description="id:key,…: seals secrets at rest, newest first; keys are 32 bytes in URL-safe base64"
    )
    delivery_url: str = Field(
        default="http://127.0.0.1:8005",
        description="where partners reach this API: links to large items and partner pages",
    )

    @field_validator("allowed_networks")
    @classmethod
    def are_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @field_validator("secret_keys")
    @classmethod
    def are_keys(cls, value: SecretStr) -> SecretStr:
        Vault(value.get_secret_value())
        return value

    @property
    def networks(self) -> tuple[Network, ...]:
        return parse_networks(self.allowed_networks)

    @property
    def vault(self) -> Vault:
        return Vault(self.secret_keys.get_secret_value())
