"""Routing rules: what is done with a story as it comes in, by its source and its words. The first rule that fits decides."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["stay", "ready", "publish", "spike"]


class Rule(BaseModel):
    """Where all conditions hold, all effects apply. An empty condition holds always, an empty effect changes nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    rule_id: UUID
    name: str = Field(min_length=1, max_length=200)
    is_on: bool = True
    source_id: str = Field(default="", max_length=200, description="the source's id, or its beginning followed by *")
    words: tuple[str, ...] = Field(default=(), description="any of them stands in headline, lede or text")
    urgency_at_most: int | None = Field(default=None, ge=1, le=9)
    rubric: str = Field(default="", max_length=200)
    urgency: int | None = Field(default=None, ge=1, le=9)
    assignee_id: UUID | None = None
    outcome: Outcome = "stay"


class Incoming(BaseModel):
    """What the rules look at."""

    model_config = ConfigDict(frozen=True)

    source_id: str
    text: str
    urgency: int


def fits(rule: Rule, story: Incoming) -> bool:
    if not rule.is_on:
        return False
    if rule.source_id.endswith("*"):
        if not story.source_id.startswith(rule.source_id[:-1]):
            return False
    elif rule.source_id and rule.source_id != story.source_id:
        return False
    if rule.urgency_at_most is not None and story.urgency > rule.urgency_at_most:
        return False
    text = story.text.casefold()
    return not rule.words or any(word.casefold() in text for word in rule.words)


def first_fitting(rules: Sequence[Rule], story: Incoming) -> Rule | None:
    return next((rule for rule in rules if fits(rule, story)), None)
