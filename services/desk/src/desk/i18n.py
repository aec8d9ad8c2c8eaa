"""Words in the reader's language. English stands in the code; `locale/<language>.po` holds the others, read at the start."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from contracts.content import Fault
from desk.domain.faults import sentence_of
from desk.domain.refusals import ANY, SENTENCES, reason_of

LANGUAGES: Final = {"ru": "Русский", "en": "English"}
FOLDER: Final = Path(__file__).parent / "locale"


class Words:
    """Translations into one language, and its way to write times."""

    def __init__(self, language: str, catalog: Catalog | None) -> None:
        self.language = language
        self._catalog = catalog
        self._index: Callable[[int], int] = _plural_index(language)

    def gettext(self, text: str) -> str:
        message = self._catalog.get(text) if self._catalog else None
        return str(message.string) if message and message.string else text

    def ngettext(self, one: str, many: str, number: int) -> str:
        message = self._catalog.get(one) if self._catalog else None
        forms = message.string if message and isinstance(message.string, tuple | list) else ()
        index = self._index(number)
        if index < len(forms) and forms[index]:
            return str(forms[index])
        return one if number == 1 else many

    def tell(self, faults: Sequence[Mapping[str, Any]], words: str) -> str:
        """Faults by their codes; the words that came with them where a code is unknown here, or there are none."""
        known = [Fault.model_validate(one) for one in faults]
        sentences = [(sentence_of(one), one.values) for one in known]
        if not known or any(sentence is None for sentence, _ in sentences):
            return words
        return " ".join(self.gettext(str(sentence)) % values for sentence, values in sentences)

    def refused(self, slug: str) -> str:
        """What another service refused."""
        return self.gettext(SENTENCES.get(slug, ANY))

    def reason(self, words: str) -> str:
        """What is wrong with a field; the words that came where they are unknown here."""
        found = reason_of(words)
        return self.gettext(found[0]) % found[1] if found else words

    def clock(self, moment: datetime | None, zone: ZoneInfo) -> str:
        """Like 12:04:10."""
        return f"{moment.astimezone(zone):%H:%M:%S}" if moment else ""

    def moment(self, moment: datetime | None, zone: ZoneInfo) -> str:
        """Today: 12:04. Else the day too: 24 нояб., 12:04. In another year: 24 нояб. 2027."""
        if moment is None:
            return ""
        local, today = moment.astimezone(zone), datetime.now(zone).date()
        if local.date() == today:
            return f"{local:%H:%M}"
        if local.year != today.year:
            return format_date(local, "d MMM y", locale=self.language)
        return f"{format_date(local, 'd MMM', locale=self.language)}, {local:%H:%M}"

    def full(self, moment: datetime | None, zone: ZoneInfo) -> str:
        return format_datetime(moment.astimezone(zone), "d MMMM y, HH:mm:ss", locale=self.language) if moment else ""

    def ago(self, moment: datetime | None) -> str:
        """Like «3 мин»."""
        if moment is None:
            return ""
        passed = max(datetime.now(UTC) - moment, timedelta(seconds=1))
        return format_timedelta(passed, format="short", threshold=1.2, locale=self.language).replace(".", "")

    def until(self, moment: datetime) -> str:
        """Like «3 ч 12 мин»."""
        minutes = max(0, round((moment - datetime.now(UTC)).total_seconds() / 60))
        hours, rest = divmod(minutes, 60)
        parts = [self._count(hours, "hour")] * bool(hours) + [self._count(rest, "minute")] * bool(rest or not hours)
        return " ".join(parts)

    def _count(self, number: int, unit: Literal["hour", "minute"]) -> str:
        passed = timedelta(**{f"{unit}s": number})
        text = format_timedelta(passed, granularity=unit, threshold=1e9, format="short", locale=self.language)
        return text.replace(".", "")


def _plural_index(language: str) -> Callable[[int], int]:
    """Source: the plural rules of GNU gettext's manual, "Plural forms"."""
    if language != "ru":
        return lambda n: int(n != 1)

    def russian(n: int) -> int:
        if n % 10 == 1 and n % 100 != 11:
            return 0
        return 1 if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else 2

    return russian


@cache
def words_in(language: str) -> Words:
    """The words of a language; English where there is no such file."""
    path = FOLDER / f"{language}.po"
    if not path.exists():
        return Words("en", None)
    with path.open("rb") as file:
        return Words(language, read_po(file, locale=language))


def choose_language(accepted: str) -> str:
    """The first of a browser's languages (Accept-Language) that we have; Russian where it names none of them."""
    for part in accepted.split(","):
        language = part.partition(";")[0].strip().partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return "ru"
