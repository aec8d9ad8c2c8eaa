"""What other services refuse, in sentences that can be told in any language: by the refusal's slug and the field's fault."""

import re
from typing import Final

SENTENCES: Final = {
    "invalid-request": "Something in the form is not right.",
    "wrong-source-settings": "The settings do not fit this kind of source.",
    "source-taken": "There is a source of this short name already.",
    "source-missing": "There is no such thing any more.",
    "not-found": "There is no such thing any more.",
    "conflict": "That is not possible in this state.",
    "source-not-visited": "This source hands its stories in by itself; there is nothing to visit.",
    "source-not-subscribed": "The messenger cannot tell us: the source has no door of its own, or our address outside is not set.",
    "telegram-refuses": "Telegram refuses.",
    "max-refuses": "MAX refuses.",
    "fetch-failed": "The site does not answer, or not in time.",
    "fetch-refused": "This place is not read: its address is not public, or it does not let us in.",
    "not-a-feed": "There is no feed at this address.",
    "not-an-article": "There is no article on this page.",
    "url-refused": "This address is not taken.",
    "bad-vocabulary": "The vocabulary was not taken: something in it is not right.",
    "too-large": "This is too large.",
    "forbidden": "The desk's token does not allow this.",
    "unavailable": "The house does not answer; try again.",
    "too-many-requests": "Too many attempts. Wait a little.",
}
"""slug -> a sentence; its translation stands with those of the pages."""

ANY: Final = "That was refused."

REASONS: Final = (
    (re.compile(r"Field required"), "is missing"),
    (re.compile(r"String should match pattern"), "is not written as it should be"),
    (re.compile(r"at least (?P<number>\d+) (character|item)"), "is too short: at least %(number)s"),
    (re.compile(r"at most (?P<number>\d+) (character|item)"), "is too long: at most %(number)s"),
    (re.compile(r"greater than or equal to (?P<number>[\d.]+)"), "is too small: at least %(number)s"),
    (re.compile(r"less than or equal to (?P<number>[\d.]+)"), "is too large: at most %(number)s"),
    (re.compile(r"valid (integer|number)"), "is not a number"),
    (re.compile(r"Input should be (?P<values>'.*')"), "may be %(values)s"),
    (re.compile(r"must be (?P<schemes>https?( or http)?)://"), "begins with https:// and holds no user name"),
    (re.compile(r"must be 16 to 256 of"), "is 16 to 256 of A-Z a-z 0-9 _ -"),
)
"""A field's fault in a service's words -> a sentence with places for what the words name."""


def reason_of(words: str) -> tuple[str, dict[str, str]] | None:
    """The sentence and the values for its places; None where the words are unknown here."""
    for pattern, sentence in REASONS:
        if found := pattern.search(words):
            return sentence, found.groupdict()
    return None
