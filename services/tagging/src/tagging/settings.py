"""What tagging adds to the settings that all services have."""

from pydantic import Field

from chassis.settings import Settings as ChassisSettings


class Settings(ChassisSettings):
    home_country: str = Field(
        default="RU", pattern=r"^[A-Z]{2}$", description="ISO 3166 code; other countries are «За рубежом»"
    )
