"""The settings that every service has in common, read from DEPESHA_… variables or from files named by DEPESHA_…_FILE."""

import os
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis import redis_address

PREFIX = "DEPESHA_"


class Settings(BaseSettings):
    """Base of each service's own settings. Ages and time-outs are in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_url: SecretStr = Field(description="postgresql://role:password@host:port/database, the service's own role")
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description=f"the broker's own instance, noeviction; or who watches its master: {redis_address.FORM}",
    )

    s3_endpoint: str = "http://127.0.0.1:8333"
    s3_region: str = "us-east-1"
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    private_bucket: str = "depesha-private"
    public_bucket: str = "depesha-public"
    public_url: str = Field(
        default="http://127.0.0.1:8333/depesha-public",
        description="where the public bucket's objects are read, without a slash at the end",
    )

    time_zone: str = Field(default="Asia/Yekaterinburg", description="the newsroom's IANA time zone")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str = Field(
        default="", description="http://collector:4318, where traces go by OTLP over HTTP; empty: nothing is traced"
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="where a worker or the relay answers /metrics, /healthz and /readyz; 0: nowhere (APIs do so on their own port)",
    )
    scale_folder: str = Field(
        default="",
        description="the embedded stack's data folder, where its processes are scaled; empty: an engine scales",
    )
    service_token: SecretStr = Field(
        default=SecretStr(""), description="this service's own token, for other services' APIs"
    )
    address_per_minute: int = Field(
        default=1200, ge=0, description="requests that change something, of one IP address; 0: no limit"
    )
    pool_size: int = Field(default=4, ge=1, le=100, description="database connections of one process")

    @field_validator("time_zone")
    @classmethod
    def time_zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("must be an IANA time zone such as Asia/Yekaterinburg") from None
        return value

    @field_validator("public_url", "s3_endpoint")
    @classmethod
    def without_slash_at_the_end(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("otlp_endpoint")
    @classmethod
    def is_http_or_nothing(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://, or be empty")
        return value

    @field_validator("database_url")
    @classmethod
    def is_postgresql(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        return value

    @field_validator("redis_url")
    @classmethod
    def is_redis(cls, value: SecretStr) -> SecretStr:
        redis_address.parse(value.get_secret_value())
        return value

    @classmethod
    def from_environment(cls) -> Self:
        """The settings, or a message that names each wrong one, what it got and what it accepts.

        Raises:
            SystemExit: a setting is missing or wrong; the process must not start.

        """
        _read_secret_files()
        try:
            return cls()
        except ValidationError as error:
            raise SystemExit(
                "\n".join(
                    _complaint(cls, problem["loc"], problem["msg"], problem["type"], problem["input"])
                    for problem in error.errors()
                )
            ) from None


def _read_secret_files() -> None:
    """DEPESHA_X_FILE=/run/secrets/x gives DEPESHA_X its value, as container secrets are handed over.

    An empty DEPESHA_X is one that nobody set: the composed system hands down what its own environment may lack.
    """
    for name, path in list(os.environ.items()):
        plain = name.removesuffix("_FILE")
        if name.startswith(PREFIX) and name.endswith("_FILE") and path and not os.environ.get(plain):
            os.environ[plain] = Path(path).read_text(encoding="utf-8").strip()


def _complaint(settings: type[Settings], location: tuple[int | str, ...], message: str, kind: str, got: object) -> str:
    field = str(location[0]) if location else "?"
    known = settings.model_fields.get(field)
    secret = known is not None and known.annotation is SecretStr
    shown = "" if kind == "missing" else f" (got {'a secret' if secret else repr(got)})"
    about = f" — {known.description}" if known is not None and known.description else ""
    return f"setting {PREFIX}{field.upper()}: {message}{shown}{about}"
