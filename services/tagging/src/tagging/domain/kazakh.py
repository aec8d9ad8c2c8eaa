"""Kazakh: how it is recognised, and a word without its case and number endings (it glues them on, in this order)."""

import re
from collections.abc import Container, Iterator

LETTERS = re.compile(r"[әғқңөұүһіӘҒҚҢӨҰҮҺІ]")
ENDINGS = re.compile(
    r"(?:лар|лер|дар|дер|тар|тер)?(?:ым|ім|ың|ің|сы|сі|ы|і)?"
    r"(?:ның|нің|дың|дің|тың|тің|ға|ге|қа|ке|на|не|ны|ні|ды|ді|ты|ті|да|де|та|те|нда|нде|дан|ден|тан|тен|нан|нен|мен|бен|пен)?"
    r"(?:ғы|гі|дағы|дегі|тағы|тегі)?(?:лық|лік|дық|дік|тық|тік)?$"
)
LEAST_SHARE = 0.008
"""Of Kazakh letters among all: Russian has none of them."""


def is_kazakh(text: str) -> bool:
    letters = sum(sign.isalpha() for sign in text)
    return letters > 0 and len(LETTERS.findall(text)) >= max(2, LEAST_SHARE * letters)


def stems(word: str, known: Container[str]) -> Iterator[str]:
    """The word, and what is left of it without endings where that is known."""
    yield word
    for size in range(len(word) - 1, 2, -1):
        if word[:size] in known and ENDINGS.fullmatch(word[size:]):
            yield word[:size]
