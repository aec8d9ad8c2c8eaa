"""A site of ours: where it lies, how it looks, which stories it takes, and which remarks it owes its readers."""

import re
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from contracts.content import Snapshot


@dataclass(frozen=True)
class FootnoteRule:
    """A remark that the law or the house asks for wherever one of these words stands. `words`: a regular expression."""

    words: str
    note: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(rf"(?<!\w)(?:{self.words})(?!\w)", re.IGNORECASE)


@dataclass(frozen=True)
class Site:
    """`url` has no slash at the end; `prefix` is where the site lies in the public bucket. No rubrics: all of them."""

    name: str
    url: str
    language: str
    zone: ZoneInfo
    key: str = "main"
    prefix: str = "news"
    description: str = ""
    theme: str = "default"
    rubrics: tuple[str, ...] = ()
    license_url: str = ""
    footnotes: tuple[FootnoteRule, ...] = ()

    def takes(self, snapshot: Snapshot) -> bool:
        return not self.rubrics or any(rubric.label in self.rubrics for rubric in snapshot.rubrics)

    def address(self, path: str) -> str:
        return f"{self.url}/{path}"

    def object_key(self, path: str) -> str:
        return f"{self.prefix}/{path}"
