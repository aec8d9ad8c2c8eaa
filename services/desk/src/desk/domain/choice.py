"""Which tags and rubrics a story wears before an editor has looked, and what the machine should learn afterwards."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from contracts.content import Rubric, RubricProposal, Tag, TagProposal
from desk.domain.draft import Draft, block_text

Label = TypeVar("Label", bound=Tag | Rubric)


@dataclass(frozen=True)
class Review:
    """What became of the tags that were proposed."""

    kept: tuple[Tag, ...]
    removed: tuple[Tag, ...]
    added: tuple[Tag, ...]


def key_of(label: Tag | Rubric) -> str:
    """Two labels with the same key are one thing to a reader."""
    return " ".join(label.label.casefold().replace("ё", "е").split())


def merge(first: Sequence[Label], second: Sequence[Label]) -> tuple[Label, ...]:
    """Both, each thing once, in order; of two with one key the one that says more: in the vocabulary, or of a kind."""
    merged: dict[str, Label] = {}
    for label in (*first, *second):
        known = merged.get(key_of(label))
        if known is None or _says_more(label, known):
            merged[key_of(label)] = label
    return tuple(merged.values())


def _says_more(label: Tag | Rubric, known: Tag | Rubric) -> bool:
    if known.concept_id is None and label.concept_id is not None:
        return True
    return known.concept_id is None and getattr(known, "kind", "") == "other" and getattr(label, "kind", "") != "other"


def choose_tags(filed: Sequence[str], proposals: Sequence[TagProposal]) -> tuple[Tag, ...]:
    """The tags that the source gave and those of which the machine is sure."""
    sure = [proposal.tag for proposal in proposals if proposal.band == "auto"]
    return merge([Tag(label=label) for label in filed], sure)


def choose_rubrics(filed: Sequence[str], proposals: Sequence[RubricProposal]) -> tuple[Rubric, ...]:
    """The rubrics that the source gave and, unless it knows ours, those of which the machine is sure.

    A source knows our rubrics where it names one that is proposed: somebody there has filed the story, and the rest is
    only suggested. An agency's own categories say nothing of ours.
    """
    theirs = [Rubric(label=label) for label in filed]
    known = {key_of(one) for one in theirs}
    ours = [one.rubric for one in proposals if key_of(one.rubric) in known]
    sure = [one.rubric for one in proposals if one.band == "auto"]
    return merge(theirs, ours or sure)


def review_tags(proposals: Sequence[TagProposal], chosen: Sequence[Tag], dismissed: Collection[str] = ()) -> Review:
    """Compare the proposed tags with those that went out. `dismissed`: keys of proposals that an editor threw out.

    Hidden proposals were never seen: none is counted as removed.
    """
    shown = {key_of(one.tag): one.tag for one in proposals if one.band != "hide"}
    sure = {key_of(one.tag) for one in proposals if one.band == "auto"}
    worn = {key_of(tag): tag for tag in chosen}
    return Review(
        kept=tuple(tag for key, tag in shown.items() if key in worn),
        removed=tuple(tag for key, tag in shown.items() if key not in worn and (key in sure or key in dismissed)),
        added=tuple(tag for key, tag in worn.items() if key not in shown),
    )


def mentions_of(proposal: TagProposal, draft: Draft) -> list[str]:
    """The words of the text that speak of the tag, each once, for a reader's eye."""
    found: dict[str, None] = {}
    for span in proposal.evidence:
        text = _field(span.field, draft)[span.start : span.end].strip()
        if text:
            found[text] = None
    return list(found) or [proposal.tag.label]


def _field(name: str, draft: Draft) -> str:
    if name in ("headline", "lede"):
        return str(getattr(draft, name))
    number = name.removeprefix("blocks.")
    is_block = number.isdigit() and int(number) < len(draft.blocks)
    return block_text(draft.blocks[int(number)]) if is_block else ""
