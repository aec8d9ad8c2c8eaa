"""What publication adds to the settings that all services have."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from chassis.settings import Settings as ChassisSettings


class FootnoteSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    words: str = Field(description="a regular expression of whole words")
    note: str


class SiteSettings(BaseModel):
    """One of several sites. `url` empty: the public bucket's address and the prefix."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    name: str
    description: str = ""
    language: str = Field(default="ru", pattern="^(ru|en)$")
    prefix: str = Field(pattern=r"^[a-z0-9/-]+$")
    url: str = ""
    theme: str = "default"
    rubrics: tuple[str, ...] = ()
    license_url: str = ""
    footnotes: tuple[FootnoteSettings, ...] = ()


class ChannelSettings(BaseModel):
    """One channel. `chat`: a Telegram or MAX chat, or VK's owner id; `token`: also IndexNow's key and the CDN's secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    kind: Literal["telegram", "max", "vk", "indexnow", "websub", "cdn"]
    url: str
    token: SecretStr = SecretStr("")
    chat: str = ""


class Settings(ChassisSettings):
    site_name: str = Field(default="Степной вестник", description="as it stands on the pages")
    site_language: str = Field(default="ru", pattern="^(ru|en)$")
    site_prefix: str = Field(
        default="news", pattern=r"^[a-z0-9/-]+$", description="where the site lies in the public bucket"
    )
    site_url: str = Field(
        default="", description="the site's address without a slash at the end; empty: public URL and prefix"
    )
    sites: tuple[SiteSettings, ...] = Field(
        default=(), description="JSON list; empty: the one site of the settings above"
    )
    channels: tuple[ChannelSettings, ...] = Field(default=(), description="JSON list of channels")
    compress: bool = Field(
        default=False, description="store text gzipped; only where all readers take Content-Encoding"
    )
    write_threads: int = Field(default=16, ge=1, le=64, description="parallel writes into the bucket")

    @property
    def all_sites(self) -> tuple[SiteSettings, ...]:
        """At least one, each with its address."""
        one = SiteSettings(
            key="main", name=self.site_name, language=self.site_language, prefix=self.site_prefix, url=self.site_url
        )
        return tuple(
            site.model_copy(update={"url": site.url.rstrip("/") or f"{self.public_url}/{site.prefix}"})
            for site in self.sites or (one,)
        )
