"""Changes of the vocabulary: seeded from what is shipped, imported, edited; each is one transaction, checked as a whole."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from chassis.errors import Conflict, NotFound, Refusal
from chassis.unit_of_work import UnitOfWork
from tagging.domain.editing import BadVocabularyError, check, merged
from tagging.domain.tables import row_of
from tagging.domain.vocabulary import Concept
from tagging.store.vocabulary import Concepts

Change: TypeAlias = Callable[[Concept], Concept]


class BadVocabulary(Refusal):
    """The change would leave the vocabulary broken; nothing was changed."""

    title = "The vocabulary cannot be changed so"
    slug = "bad-vocabulary"


class Imported(NamedTuple):
    added: int
    changed: int
    unchanged: int


def seed(shipped: Sequence[Concept], version: str, uow: UnitOfWork) -> bool:
    """Take over what is shipped, where it is newer than last time. What the newsroom changed stays as it is. False: nothing to do."""
    with uow:
        concepts = Concepts(uow.connection)
        concepts.lock()
        if concepts.shipped_version() == version:
            return False
        known, own = concepts.all(), concepts.changed_here()
        new = [one for one in shipped if one.concept_id not in own and known.get(one.concept_id) != one]
        concepts.save(new, is_shipped=True)
        concepts.note_shipped(version)
        return True


def import_concepts(concepts: Sequence[Concept], by: str, uow: UnitOfWork, *, dry_run: bool = False) -> Imported:
    """Add and replace by id; what the file does not name stays. Raises BadVocabulary, and then nothing is changed."""
    with uow:
        store = Concepts(uow.connection)
        store.lock()
        known = store.all()
        changed = [one for one in concepts if known.get(one.concept_id) != one]
        added = sum(one.concept_id not in known for one in changed)
        _check(changed, known)
        if changed and not dry_run:
            _write("import", changed, known, by, store)
        return Imported(added, len(changed) - added, len(concepts) - len(changed))


def create(concept: Concept, by: str, uow: UnitOfWork) -> Concept:
    with uow:
        store = Concepts(uow.connection)
        store.lock()
        known = store.all()
        if concept.concept_id in known:
            raise Conflict(f"concept {concept.concept_id}: exists already; PUT replaces it")
        _save("create", [concept], known, by, store)
        return concept


def edit(concept_id: str, change: Change, action: str, by: str, uow: UnitOfWork) -> Concept:
    """Change one concept. Raises NotFound, BadVocabulary."""
    with uow:
        store = Concepts(uow.connection)
        store.lock()
        known = store.all()
        concept = _change(change, _of(concept_id, known))
        if concept != known[concept_id]:
            _save(action, [concept], known, by, store)
        return concept


def merge(source_id: str, target_id: str, by: str, uow: UnitOfWork) -> Concept:
    """Make one concept part of another. The old id goes on leading there. Raises NotFound, BadVocabulary."""
    with uow:
        store = Concepts(uow.connection)
        store.lock()
        known = store.all()
        try:
            changed = merged(_of(source_id, known), _of(target_id, known), known)
        except BadVocabularyError as error:
            raise BadVocabulary(str(error)) from None
        _save("merge", changed, known, by, store)
        return changed[1]


def _change(change: Change, concept: Concept) -> Concept:
    try:
        return change(concept)
    except BadVocabularyError as error:
        raise BadVocabulary(str(error)) from None


def _of(concept_id: str, known: Mapping[str, Concept]) -> Concept:
    if concept_id not in known:
        raise NotFound(f"concept {concept_id}: there is no such concept")
    return known[concept_id]


def _save(action: str, changed: Sequence[Concept], known: Mapping[str, Concept], by: str, store: Concepts) -> None:
    _check(changed, known)
    _write(action, changed, known, by, store)


def _write(action: str, changed: Sequence[Concept], known: Mapping[str, Concept], by: str, store: Concepts) -> None:
    store.save(changed)
    store.write_audit(by, action, [(one.concept_id, _difference(known.get(one.concept_id), one)) for one in changed])


def _check(changed: Sequence[Concept], known: Mapping[str, Concept]) -> None:
    try:
        check(changed, {**known, **{one.concept_id: one for one in changed}})
    except BadVocabularyError as error:
        raise BadVocabulary(str(error)) from None


def _difference(old: Concept | None, new: Concept) -> dict[str, list[str]]:
    """Column -> [before, after]."""
    before = row_of(old) if old else {}
    return {name: [before.get(name, ""), value] for name, value in row_of(new).items() if before.get(name, "") != value}
