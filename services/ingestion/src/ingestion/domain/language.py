"""Which language a story is in: Kazakh by its own letters, then by script."""

import re

KAZAKH = re.compile(r"[әғқңөұүһі]", re.IGNORECASE)
CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
LATIN = re.compile(r"[a-z]", re.IGNORECASE)


def guess_language(text: str) -> str:
    """ru, kk or en."""
    cyrillic, latin, kazakh = (len(pattern.findall(text)) for pattern in (CYRILLIC, LATIN, KAZAKH))
    if kazakh * 50 > cyrillic + kazakh and kazakh > 2:
        return "kk"
    return "ru" if cyrillic >= latin else "en"
