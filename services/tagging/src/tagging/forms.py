"""What callers send and get: concepts, texts, rules, orders; checked field by field."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from contracts.content import RubricProposal, TagProposal
from tagging.domain.vocabulary import Alias, Concept, Kind

Language = Literal["ru", "en", "kk"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
ConceptId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,199}$", description="letters, digits and : . _ -")
]


def _no_number(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and value.replace(".", "").strip("+-").isdigit()):
        raise ValueError("is a number; a day is written 2026-11-12")
    return value


Day = Annotated[date, BeforeValidator(_no_number)]
"""A day as others write it; pydantic alone also takes a number, for seconds or milliseconds since 1970."""


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Text(Form):
    headline: str = Field(min_length=1, max_length=500)
    lede: str = Field(default="", max_length=4_000)
    body: str = Field(default="", max_length=100_000, description="plain text; blank lines part paragraphs")


class Suggested(BaseModel):
    tags: tuple[TagProposal, ...]
    rubrics: tuple[RubricProposal, ...]
    language: str
    model_version: str
    vocabulary_version: str


class AliasForm(Form):
    text: Name
    language: Language = "ru"
    is_exact: bool = Field(default=False, description="in these capitals only: «США»")
    needs_context: bool = Field(
        default=False, description="counts where something of the same region or country is named too"
    )


class ConceptForm(Form):
    kind: Kind
    label: Name
    label_en: str = Field(default="", max_length=200)
    label_kk: str = Field(default="", max_length=200)
    aliases: tuple[AliasForm, ...] = Field(default=(), max_length=500)
    broader: str | None = Field(default=None, description="id of what it is part of")
    wikidata: str = Field(default="", pattern=r"^(Q[1-9]\d*)?$")
    iptc: str = Field(default="", pattern=r"^(medtop:\d{8})?$")
    valid_from: Day | None = None
    valid_to: Day | None = None
    label_needs_context: bool = False

    def concept(self, concept_id: str, old: Concept | None = None) -> Concept:
        """With the status of the one in whose place it comes."""
        values = self.model_dump(exclude={"aliases", "concept_id"})
        return Concept(
            concept_id=concept_id,
            aliases=tuple(Alias(**one.model_dump()) for one in self.aliases),
            status=old.status if old else "active",
            merged_into=old.merged_into if old else None,
            **values,
        )


class NewConcept(ConceptForm):
    concept_id: ConceptId | None = Field(default=None, description="none: one is made; it never changes")


class ConceptAnswer(ConceptForm):
    model_config = ConfigDict(extra="ignore")

    concept_id: str
    status: Literal["active", "suppressed", "merged"]
    merged_into: str | None

    @classmethod
    def of(cls, one: Concept) -> "ConceptAnswer":
        return cls.model_validate({**vars(one), "aliases": [_alias(alias) for alias in one.aliases]})


class NewLabel(Form):
    label: Name
    language: Language = "ru"


class MergeOrder(Form):
    into: str = Field(min_length=1, max_length=200, description="id of the concept that stays")


class Completion(BaseModel):
    concept_id: str | None = Field(description="None: a word that editors used before")
    kind: str
    label: str
    matched: str = Field(description="the name that begins as was asked")
    broader: str = Field(description="label of what it is part of")
    used: int = Field(description="stories that an editor let wear it")


class AuditAnswer(BaseModel):
    at: datetime
    by: str
    action: str
    detail: dict[str, tuple[str, str]] = Field(description="column -> before, after")


class ImportAnswer(BaseModel):
    added: int
    changed: int
    unchanged: int
    is_dry_run: bool


class RetagOrder(Form):
    since: Day | None = Field(default=None, description="first day of the stories; none: from the beginning")
    until: Day | None = Field(default=None, description="last day")


class RetagAnswer(BaseModel):
    retag_id: UUID
    state: Literal["running", "stopped", "finished"]
    since: date
    until: date
    total: int
    done: int
    changed: int = Field(description="stories whose proposals are others now; only of these the desk hears")
    ordered_by: str
    ordered_at: datetime
    finished_at: datetime | None


class ModelAnswer(BaseModel):
    model_version: str
    vocabulary_version: str
    concepts: int
    weights: dict[str, float]
    learned_from: dict[str, object] = Field(description="how many reviewed stories, and when the last was")
    rubrics: dict[str, object] = Field(description="what the rubrics' model measured when it was trained; empty: none")


def _alias(alias: Alias) -> dict[str, object]:
    return {name: getattr(alias, name) for name in AliasForm.model_fields}


def answers(concepts: Iterable[Concept]) -> list[ConceptAnswer]:
    return [ConceptAnswer.of(one) for one in concepts]
