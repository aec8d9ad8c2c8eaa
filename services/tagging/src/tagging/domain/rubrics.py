"""Which sections of the site a story belongs to: rules that an editor can read and change, then what a trained model adds."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from contracts.content import Rubric, RubricProposal, Tag
from tagging.domain.ranking import Candidate
from tagging.domain.vocabulary import Vocabulary
from tagging.domain.wording import FILED_ALIKE, RUBRIC_REASONS

AUTO_FROM, SUGGEST_FROM = 0.55, 0.3
MOST_RUBRICS = 5
Classify: TypeAlias = Callable[[str], dict[str, float]]
"""A text -> how likely each rubric is, by its label."""


class Rule(BaseModel):
    """A candidate that fits gives the rubric: `concepts` by id, or `kind`; `boost` is added to how salient it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rubric: str = Field(
        min_length=1, max_length=200, description="the rubric's label; {region} is the label of the candidate's region"
    )
    when: Literal["concept", "other_country", "home_region"]
    concepts: tuple[str, ...] = Field(default=(), max_length=500)
    boost: float = Field(default=0.0, ge=-1, le=1)
    reason: str = Field(min_length=1, max_length=200, description="in words; {label} is the candidate's label")
    reasons: dict[Literal["en", "kk"], Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=dict,
        description="the same in other languages; one that is missing is told in the words of `reason`",
    )


def _because(why: str) -> dict[str, Any]:
    """The words of a shipped rule."""
    return {"reason": RUBRIC_REASONS[why]["ru"], "reasons": {key: RUBRIC_REASONS[why][key] for key in ("en", "kk")}}


def _subjects(rubric: str, *names: str) -> Rule:
    concepts = tuple(f"subject-{name}" for name in names)
    return Rule(rubric=rubric, when="concept", concepts=concepts, boost=0.1, **_because("subject"))


POLITICAL_OFFICES = tuple(
    f"office-{name}"
    for name in [
        "governor",
        "vice-governor",
        "head-republic",
        "president",
        "vice-president",
        "prime-minister",
        "vice-premier",
        "minister",
        "deputy-minister",
        "foreign-minister",
        "defence-minister",
        "mayor",
        "vice-mayor",
        "akim",
        "deputy-akim",
        "deputy",
        "senator",
        "speaker",
        "ambassador",
        "consul",
        "plenipotentiary",
        "chancellor",
        "secretary-general",
        "candidate",
        "party-leader",
        "finance-minister",
        "head-district",
        "king",
        *["construction-minister", "transport-minister", "ecology-minister", "labour-minister", "industry-minister"],
        *["economy-minister", "justice-minister", "interior-minister", "energy-minister", "trade-minister"],
        *["health-minister", "education-minister", "culture-minister", "agriculture-minister", "science-minister"],
        *["emergency-minister", "information-minister", "property-minister", "mep"],
    ]
)
SHIPPED_RULES: tuple[Rule, ...] = (
    Rule(rubric="За рубежом", when="other_country", boost=0.05, **_because("country")),
    Rule(rubric="{region}", when="home_region", **_because("region")),
    Rule(rubric="Политика", when="concept", concepts=POLITICAL_OFFICES, boost=0.2, **_because("office")),
    _subjects("Политика", "elections", "parliament", "diplomacy", "protest", "sanctions", "war"),
    _subjects(
        "Спорт",
        *["sport", "hockey", "football", "basketball", "chess", "skiing", "boxing", "swimming", "volleyball"],
    ),
    _subjects("Культура", "culture", "film", "books"),
    _subjects(
        "Экономика",
        "economy",
        "trade",
        "agriculture",
        "industry",
        "energy",
        "construction",
        "budget",
        "bank",
        "labour",
        *["prices", "gas", "radiation"],
    ),
    _subjects("Сельское хозяйство", "agriculture"),
    _subjects(
        "Происшествия",
        "flood",
        "fire",
        "accident",
        "crime",
        "corruption",
        "court",
        "police",
        "rescue",
        "drones",
        *["emergency", "disaster", "earthquake", "missing"],
    ),
    _subjects(
        "Общество",
        *["education", "health", "disease", "housing", "transport", "roads", "pension", "city", "animals", "history"],
        *["volunteers", "youth", "demography", "religion", "awards", "tourism", "migration"],
        *["families", "water", "gas", "prices", "medicine-shortage"],
    ),
    _subjects("Образование", "education"),
    _subjects("Здоровье", "health", "disease"),
    _subjects("Погода", "weather"),
    _subjects("Наука и технологии", "science", "digital", "space"),
    _subjects("Экология", "ecology"),
    _subjects("Армия и безопасность", "army", "security", "drones"),
)


def choose_rubrics(
    weighed: Sequence[tuple[float, Candidate]],
    vocabulary: Vocabulary,
    rules: Sequence[Rule],
    home_country: str,
    learned: dict[str, float],
) -> tuple[RubricProposal, ...]:
    """By rules, then by the model; the more certain of the two speaks."""
    reasons: dict[str, list[tuple[float, dict[str, str]]]] = defaultdict(list)
    for confidence, one in weighed:
        for rule in rules:
            for label, named in _fits(rule, one, vocabulary, home_country):
                reasons[label].append((max(0.0, min(0.99, confidence + rule.boost)), _words(rule, named, vocabulary)))
    for label, sure in learned.items():
        reasons[label].append((round(sure, 3), FILED_ALIKE))
    found = {label: max(told, key=lambda one: (one[0], one[1]["ru"])) for label, told in reasons.items()}
    ordered = sorted(found.items(), key=lambda pair: (-pair[1][0], pair[0]))
    ids = {concept.label: concept.concept_id for concept in vocabulary.by_id.values() if concept.kind == "rubric"}
    return tuple(
        RubricProposal(
            rubric=Rubric(label=label, concept_id=ids.get(label)),
            confidence=round(sure, 3),
            band="auto" if sure >= AUTO_FROM else "suggest",
            reason=words["ru"],
            reasons=words,
        )
        for label, (sure, words) in ordered[:MOST_RUBRICS]
        if sure >= SUGGEST_FROM
    )


def _words(rule: Rule, named: Tag, vocabulary: Vocabulary) -> dict[str, str]:
    """Language -> the rule's reason, with the name as that language has it."""
    concept = vocabulary.by_id.get(named.concept_id or "")
    names = concept.labels() if concept else {}
    told: dict[str, str] = {"ru": rule.reason}
    told.update(rule.reasons.items())
    return {language: words.replace("{label}", names.get(language, named.label)) for language, words in told.items()}


def _fits(rule: Rule, one: Candidate, vocabulary: Vocabulary, home_country: str) -> list[tuple[str, Tag]]:
    """(rubric, what the reason names) that a rule gives for a candidate."""
    concept_id = one.tag.concept_id or ""
    if rule.when == "concept":
        return [(rule.rubric, one.tag)] if concept_id in rule.concepts else []
    if one.tag.kind != "place":
        return []
    country = vocabulary.country_of(concept_id)
    if rule.when == "other_country":
        if not country or country == home_country:
            return []
        return [(rule.rubric, Tag(label=vocabulary.by_id[country].label, kind="place", concept_id=country))]
    regions = [above for above in vocabulary.way_up(concept_id) if above.startswith(f"{home_country.lower()}-")]
    return [(rule.rubric.replace("{region}", vocabulary.by_id[region].label), one.tag) for region in regions]
