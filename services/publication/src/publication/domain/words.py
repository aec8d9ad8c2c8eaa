"""The pages' own words in Russian and English, and dates as each language writes them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from babel.dates import get_month_names

WORDS: dict[str, dict[str, str]] = {
    "ru": {
        "photo": "Фото",
        "changed": "обновлено",
        "correction": "Исправлено",
        "source": "Источник",
        "unpublished": "Материал снят с публикации",
        "killed": "Материал снят с публикации",
        "gone_advice": "Редакция убрала его с сайта.",
        "reason": "Причина",
        "moved": "Материал переехал",
        "moved_advice": "Новый адрес",
        "missing": "Такой страницы нет",
        "missing_advice": "Возможно, адрес набран с ошибкой или страница переехала. Начните с главной.",
        "front": "На главную",
        "latest": "Главные новости",
        "empty": "Здесь пока ничего нет.",
        "older": "Раньше",
        "newer": "Позже",
        "page": "Страница",
        "archive": "Архив",
        "rubric": "Рубрика",
        "tag": "Тема",
        "author": "Автор",
        "rubrics": "Рубрики",
        "tags": "Темы",
        "pages": "Страницы",
        "skip": "К содержанию",
    },
    "en": {
        "photo": "Photo",
        "changed": "updated",
        "correction": "Correction",
        "source": "Source",
        "unpublished": "This story has been taken down",
        "killed": "This story has been withdrawn",
        "gone_advice": "The newsroom has removed it from the site.",
        "reason": "Reason",
        "moved": "This story has moved",
        "moved_advice": "Its new address",
        "missing": "There is no such page",
        "missing_advice": "The address may be mistyped, or the page has moved. Start from the front page.",
        "front": "Front page",
        "latest": "Top stories",
        "empty": "Nothing here yet.",
        "older": "Earlier",
        "newer": "Later",
        "page": "Page",
        "archive": "Archive",
        "rubric": "Section",
        "tag": "Topic",
        "author": "By",
        "rubrics": "Sections",
        "tags": "Topics",
        "pages": "Pages",
        "skip": "Skip to content",
    },
}


def words_for(language: str) -> dict[str, str]:
    """Kazakh, Tatar and other languages of the region fall back to Russian, all else to English."""
    stem = language[:2]
    return WORDS.get(stem) or WORDS["ru" if stem in ("kk", "tt", "ba", "be", "uk", "ky", "uz") else "en"]


def say_when(moment: datetime, zone: ZoneInfo, language: str, *, is_short: bool = False) -> str:
    """«12 ноября 2026, 14:10 (UTC+5)»; in lists «12 ноября, 14:10»."""
    here = moment.astimezone(zone)
    day = f"{here.day} {_months('en' if words_for(language) is WORDS['en'] else 'ru')[here.month]}"
    if is_short:
        return f"{day}, {here:%H:%M}"
    return f"{day} {here.year}, {here:%H:%M} ({_offset(here)})"


@cache
def _months(language: str) -> Mapping[int, str]:
    """As they stand behind a day: «ноября», not «ноябрь»."""
    return get_month_names("wide", "format", language)


def _offset(moment: datetime) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")
