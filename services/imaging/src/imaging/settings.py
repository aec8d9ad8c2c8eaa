"""What imaging adds to the settings that all services have."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from chassis.settings import Settings as ChassisSettings
from imaging.credentials import Credentials, read_credentials


class Settings(ChassisSettings):
    c2pa_trust_anchors: str = Field(
        default="",
        description="PEM: certificates of those whose Content Credentials (C2PA) on photos we trust, such as the C2PA trust list",
    )
    c2pa_certificate: str = Field(
        default="",
        description="PEM: the newsroom's C2PA certificate, then those that vouch for it; with DEPESHA_C2PA_KEY every rendition of 640 px and more is signed",
    )
    c2pa_key: SecretStr = Field(default=SecretStr(""), validate_default=True, description="PEM: the certificate's key")

    @field_validator("c2pa_key")
    @classmethod
    def belongs_to_the_certificate(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        read_credentials(info.data.get("c2pa_certificate", ""), value.get_secret_value())
        return value

    @property
    def credentials(self) -> Credentials | None:
        return read_credentials(self.c2pa_certificate, self.c2pa_key.get_secret_value())
