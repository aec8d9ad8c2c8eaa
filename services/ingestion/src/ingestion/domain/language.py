"""Which language a story is in: Kazakh by its own letters, then by script."""

import re

KAZAKH = re.compile(r"[әғқңөұүһі]+")
CYRILLIC = re.compile(r"[а-яё]+")
LATIN = re.compile(r"[a-z]+")
LOOKED_AT = 400


def guess_language(text: str) -> str:
    """ru, kk or en, by the beginning of the text."""
    text = text[:LOOKED_AT].lower()
    cyrillic, latin, kazakh = (sum(map(len, pattern.findall(text))) for pattern in (CYRILLIC, LATIN, KAZAKH))
    if kazakh * 50 > cyrillic + kazakh and kazakh > 2:
        return "kk"
    return "ru" if cyrillic >= latin else "en"
