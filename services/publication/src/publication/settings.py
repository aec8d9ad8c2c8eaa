"""What publication adds to the settings that all services have."""

from pydantic import Field

from chassis.settings import Settings as ChassisSettings


class Settings(ChassisSettings):
    site_name: str = Field(default="Степной вестник", description="as it stands on the pages")
    site_language: str = Field(default="ru", pattern="^(ru|en)$")
    site_prefix: str = Field(
        default="news", pattern=r"^[a-z0-9/-]+$", description="where the site lies in the public bucket"
    )
    site_url: str = Field(
        default="", description="the site's address without a slash at the end; empty: public URL and prefix"
    )

    @property
    def base_url(self) -> str:
        return self.site_url.rstrip("/") or f"{self.public_url}/{self.site_prefix}"
