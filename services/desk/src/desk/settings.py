"""What the desk adds to the settings that all services have."""

from pydantic import Field, SecretStr

from chassis.settings import Settings as ChassisSettings


class Settings(ChassisSettings):
    desk_url: str = Field(default="http://127.0.0.1:8004", description="where editors open the desk, for links in mail")
    publication_url: str = Field(default="http://127.0.0.1:8005", description="publication's API: previews")
    delivery_url: str = Field(default="http://127.0.0.1:8006", description="delivery's API: sites, resends")
    ingestion_url: str = Field(default="http://127.0.0.1:8001", description="ingestion's API: sources")
    imaging_url: str = Field(default="http://127.0.0.1:8002", description="imaging's API: photos that look the same")
    tagging_url: str = Field(default="http://127.0.0.1:8003", description="tagging's API: vocabulary")
    desk_api_token: SecretStr = Field(
        default=SecretStr(""),
        description="programs that send it as a bearer token act as a chief editor; empty: none may",
    )
    oidc_issuer: str = Field(
        default="", description="the company's identity provider (OpenID Connect); empty: sign-in by password only"
    )
    oidc_client_id: str = Field(default="", description="as the provider knows the desk")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="the desk's secret at the provider")
    oidc_name: str = Field(default="SSO", description="what the button on the sign-in page calls the provider")
    oidc_new_role: str = Field(
        default="",
        pattern="^(|reporter|editor|chief|ops)$",
        description="the role of whoever the provider sends and nobody has invited; empty: they are not let in",
    )
    smtp_url: SecretStr = Field(
        default=SecretStr(""),
        description="smtp://user:password@host:587 for notifications by mail; empty: none are sent",
    )
    mail_from: str = Field(default="Depesha <depesha@localhost>", description="the sender of notifications")
