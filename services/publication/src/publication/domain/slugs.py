"""Addresses as Russian readers expect them, frozen at first publication."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import iuliia
from slugify import slugify

MAX_SLUG = 80


def make_slug(text: str) -> str:
    """«Делегация Оренбуржья» -> delegatsiya-orenburzhya. Transliteration: the scheme of Yandex.Maps, the most usual in addresses."""
    latin = iuliia.translate(text, iuliia.YANDEX_MAPS)
    return slugify(latin, max_length=MAX_SLUG, word_boundary=True) or "story"


def story_path(wanted_slug: str, headline: str, story_id: UUID, first_ordered_at: datetime, zone: ZoneInfo) -> str:
    """2026/11/12/delegatsiya-orenburzhya-9b1d00000001, without an ending. The story's own digits make it unique."""
    day = first_ordered_at.astimezone(zone).strftime("%Y/%m/%d")
    return f"{day}/{make_slug(wanted_slug or headline)}-{story_id.hex[-8:]}"


def rubric_path(label: str) -> str:
    return f"rubric/{make_slug(label)}"
