"""What an editor decided about a story's tags, and how that binds what is proposed for it afterwards."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from contracts.content import Tag, TagProposal
from tagging.domain.wording import CHOSEN

Key: TypeAlias = tuple[str, str]


class Verdict(NamedTuple):
    """What an editor threw out of a story, and what is to stay."""

    removed: tuple[Tag, ...]
    pinned: tuple[Tag, ...]


def key_of(tag: Tag) -> Key:
    """Two tags with the same key are one: the concept, else the kind and the folded label."""
    return (tag.kind, tag.concept_id or label_key(tag))


def wears(chosen: Sequence[Tag], tag: Tag) -> bool:
    """Whether a tag is among those that an editor chose, perhaps typed as a free word."""
    return any(key_of(one) == key_of(tag) or label_key(one) == label_key(tag) for one in chosen)


def respect(proposals: Sequence[TagProposal], verdict: Verdict | None) -> tuple[TagProposal, ...]:
    """What an editor removed never comes back on that story; what one kept or added stays; the rest may only be suggested."""
    if verdict is None:
        return tuple(proposals)
    gone, kept = set(map(label_key, verdict.removed)), {label_key(tag): tag for tag in verdict.pinned}
    shown = [_bound(one, is_kept=label_key(one.tag) in kept) for one in proposals if label_key(one.tag) not in gone]
    known = set(map(label_key, (one.tag for one in shown)))
    chosen = partial(TagProposal, confidence=1.0, band="auto", reason=CHOSEN["ru"], reasons=CHOSEN)
    return (*(chosen(tag=tag) for key, tag in kept.items() if key not in known), *shown)


def _bound(one: TagProposal, *, is_kept: bool) -> TagProposal:
    if is_kept:
        return one.model_copy(update={"band": "auto"})
    return one.model_copy(update={"band": "suggest"}) if one.band == "auto" else one


def label_key(tag: Tag) -> str:
    """Two tags with the same label are one to an editor, whatever their kind."""
    return tag.label.casefold().replace("ё", "е")
