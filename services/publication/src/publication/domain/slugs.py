"""Addresses as Russian readers expect them, frozen at first publication."""

import hashlib
import re
from datetime import datetime
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

import iuliia
from slugify import slugify

MAX_SLUG = 80
PLAIN = re.compile(r"[\w\s\-–—«»\"'’,.№]*")
"""What a slug may lose without making two labels one."""


def make_slug(text: str) -> str:
    """«Делегация Оренбуржья» -> delegatsiya-orenburzhya; "" where nothing is left. Scheme: Yandex.Maps, the most usual in addresses."""
    return text and slugify(iuliia.YANDEX_MAPS.translate(text), max_length=MAX_SLUG, word_boundary=True)


@lru_cache(maxsize=20_000)
def label_slug(label: str) -> str:
    """For rubrics, tags and authors: «C++» and «C#», «..» and «!!» stay apart."""
    slug = make_slug(label)
    if slug and len(slug) < MAX_SLUG - 8 and PLAIN.fullmatch(label):
        return slug
    digits = hashlib.blake2b(label.casefold().encode("utf-8", "replace"), digest_size=3).hexdigest()
    return f"{slug[: MAX_SLUG - 8]}-{digits}".lstrip("-")


def story_path(wanted_slug: str, headline: str, story_id: UUID, first_ordered_at: datetime, zone: ZoneInfo) -> str:
    """2026/11/12/delegatsiya-orenburzhya-9b1d0001, without an ending. The story's own digits make it unique."""
    day = first_ordered_at.astimezone(zone).strftime("%Y/%m/%d")
    slug = make_slug(wanted_slug) or make_slug(headline) or "story"
    return f"{day}/{slug}-{story_id.hex[-8:]}"


def moved_path(path: str, wanted_slug: str) -> str:
    """The path under another slug, if the editor asks for one; day and digits stay."""
    slug = make_slug(wanted_slug)
    day, _, old = path.rpartition("/")
    return f"{day}/{slug}-{old[-8:]}" if slug else path
