"""What ingestion adds to the settings that all services have."""

from pydantic import Field, SecretStr, field_validator

from chassis.addresses import Network, parse_networks
from chassis.safe_http import tls_context
from chassis.settings import Settings as ChassisSettings
from chassis.vault import Vault


class Settings(ChassisSettings):
    allowed_networks: str = Field(
        default="",
        description="CIDRs from which images may be fetched though they are not public, e.g. 10.1.0.0/16, 127.0.0.0/8",
    )
    max_image_bytes: int = Field(default=40 * 1024 * 1024, gt=0)
    max_original_bytes: int = Field(default=20 * 1024 * 1024, gt=0, description="of a feed or a page")
    fetch_timeout_s: float = Field(default=20, gt=0, description="for one image, redirects and body included")
    outside_url: str = Field(
        default="", description="where messengers reach this API from outside, e.g. https://news.example/ingestion"
    )
    ca_file: str = Field(
        default="",
        description="PEM file of roots that are trusted besides the usual ones, e.g. those of a national authority (НУЦ Минцифры)",
    )
    keep_originals_days: int = Field(
        default=90, ge=1, description="originals that a newer one replaced; the newest of each item is kept for ever"
    )
    visits_at_once: int = Field(default=16, ge=1, le=256, description="sources that one worker visits at the same time")
    listens_at_once: int = Field(
        default=64, ge=1, le=1024, description="mailboxes and bots that one worker waits at, at the same time"
    )
    secret_keys: SecretStr = Field(
        description="id:key,…: seals sources' secrets at rest, newest first; keys are 32 bytes in URL-safe base64"
    )

    @field_validator("allowed_networks")
    @classmethod
    def are_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @field_validator("ca_file")
    @classmethod
    def is_pem(cls, value: str) -> str:
        try:
            tls_context(value)
        except OSError as error:  # ssl.SSLError is one
            raise ValueError(f"cannot be used as a PEM file of roots: {error}") from None
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
