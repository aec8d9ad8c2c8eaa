"""Changes of the vocabulary: rename, suppress, merge; and what no vocabulary may hold. Ids never change."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from tagging.domain.vocabulary import Alias, Concept
from tagging.domain.words import folded

LONGEST_NAME = 200
MOST_NAMES = 500


class BadVocabularyError(ValueError):
    """A change that would leave the vocabulary broken; the message names the concept, the field, what it got and what is allowed."""


def renamed(concept: Concept, label: str, language: Literal["ru", "en", "kk"] = "ru") -> Concept:
    """With another label; the old one stays as an alias, so that texts which use it are still understood."""
    old = {"ru": concept.label, "en": concept.label_en, "kk": concept.label_kk}[language]
    aliases = tuple(one for one in concept.aliases if (one.text, one.language) != (label, language))
    if old and old != label:
        aliases = (*aliases, Alias(old, language, needs_context=concept.label_needs_context))
    return replace(
        concept,
        aliases=aliases,
        label=label if language == "ru" else concept.label,
        label_en=label if language == "en" else concept.label_en,
        label_kk=label if language == "kk" else concept.label_kk,
    )


def suppressed(concept: Concept, *, is_suppressed: bool = True) -> Concept:
    """Not proposed any more, or again."""
    if concept.status == "merged":
        raise BadVocabularyError(f"concept {concept.concept_id}: merged into {concept.merged_into}; change that one")
    return replace(concept, status="suppressed" if is_suppressed else "active")


def merged(source: Concept, target: Concept, everything: Mapping[str, Concept]) -> list[Concept]:
    """All that changes when `source` becomes `target`: its names and its narrower concepts go there, its id leads there."""
    if source.concept_id == target.concept_id:
        raise BadVocabularyError(f"concept {source.concept_id}: cannot be merged into itself")
    for one in (source, target):
        if one.status == "merged":
            raise BadVocabularyError(f"concept {one.concept_id}: is already merged into {one.merged_into}")
    if source.kind != target.kind:
        raise BadVocabularyError(
            f"concept {source.concept_id}: a {source.kind} cannot become a {target.kind} ({target.concept_id})"
        )
    known = {(folded(one.text), one.language) for one in target.names()}
    taken = tuple(one for one in source.names() if (folded(one.text), one.language) not in known)
    broader = source.broader if target.broader == source.concept_id else target.broader
    changed = [
        replace(source, status="merged", merged_into=target.concept_id, broader=None),
        replace(target, aliases=(*target.aliases, *dict.fromkeys(taken)), broader=broader),
    ]
    for one in everything.values():
        if one.concept_id in (source.concept_id, target.concept_id):
            continue
        if one.broader == source.concept_id:
            changed.append(replace(one, broader=target.concept_id))
        elif one.merged_into == source.concept_id:
            changed.append(replace(one, merged_into=target.concept_id))
    return changed


def check(changed: Iterable[Concept], everything: Mapping[str, Concept]) -> None:
    """Whether `everything`, in which the changes are made already, holds together. Raises BadVocabularyError."""
    for one in changed:
        where = f"concept {one.concept_id}"
        if one.broader is not None and one.broader not in everything:
            raise BadVocabularyError(f"{where}, broader: {one.broader!r} is no concept's id")
        if one.merged_into is not None and one.merged_into not in everything:
            raise BadVocabularyError(f"{where}, merged_into: {one.merged_into!r} is no concept's id")
        if one.valid_from and one.valid_to and one.valid_from > one.valid_to:
            raise BadVocabularyError(f"{where}, valid_to: {one.valid_to} is before valid_from, {one.valid_from}")
        _check_names(one, where)
        _check_way_up(one, everything, where)


def _check_names(one: Concept, where: str) -> None:
    names = list(one.names())
    if len(names) > MOST_NAMES:
        raise BadVocabularyError(f"{where}: {len(names)} names; {MOST_NAMES} are the most")
    for name in names:
        if not 1 <= len(name.text) <= LONGEST_NAME or not any(sign.isalnum() for sign in name.text):
            raise BadVocabularyError(
                f"{where}, name {name.text[:80]!r}: 1 to {LONGEST_NAME} characters with a letter or a digit are allowed"
            )


def _check_way_up(one: Concept, everything: Mapping[str, Concept], where: str) -> None:
    for field in ("broader", "merged_into"):
        seen, here = {one.concept_id}, getattr(one, field)
        while here is not None:
            if here in seen:
                raise BadVocabularyError(f"{where}, {field}: {getattr(one, field)!r} leads back to the concept itself")
            seen.add(here)
            here = getattr(everything[here], field) if here in everything else None
