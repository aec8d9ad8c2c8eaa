"""Remarks that some names must carry on a page, by the house's own rules."""

import re
from collections.abc import Sequence

from markupsafe import Markup

from contracts.content import Snapshot
from publication.domain.markup import body_text
from publication.domain.site import FootnoteRule

TEXT = re.compile(r"(<[^>]*>)")


def find_notes(snapshot: Snapshot, rules: Sequence[FootnoteRule]) -> list[FootnoteRule]:
    """The rules that speak of this story, in the order of the rules."""
    if not rules:
        return []
    captions = "\n".join(f"{image.caption} {image.credit}" for image in snapshot.images)
    everything = "\n".join((snapshot.headline, snapshot.lede, body_text(snapshot.blocks), captions))
    return [rule for rule in rules if rule.pattern.search(everything)]


def mark(text: Markup, notes: Sequence[FootnoteRule]) -> Markup:
    """Set a star behind each word that has a remark; one star for the first rule, two for the second. Tags stay untouched."""
    for number, rule in enumerate(notes, start=1):
        stars = f'<a class="note" href="#note-{number}">{"*" * number}</a>'
        parts = TEXT.split(str(text))
        inside_link = False
        for place, part in enumerate(parts):
            if part.startswith("<"):
                inside_link = (inside_link or part.startswith("<a")) and not part.startswith("</a")
            elif not inside_link:
                parts[place] = rule.pattern.sub(lambda found, stars=stars: found[0] + stars, part)
        text = Markup("".join(parts))  # noqa: S704 - pieces of what was markup before, and our own link
    return text
