"""The rubrics' model is trained on what the newsroom has published, measured, and put to use."""

from collections.abc import Callable, Iterator

from chassis.database import Database
from chassis.unit_of_work import UnitOfWork
from tagging.domain.propose import Tools, knows_no_rubric, propose
from tagging.domain.texts import text_of
from tagging.domain.training import FiledText, Trained, train_rubrics
from tagging.store.models import Models
from tagging.store.stories import Feedback, Filed

Told = Callable[[int, int], None]


def train_model(tools: Tools, database: Database, limit: int, *, read: Told, learned: Told) -> Trained:
    """Learn from the newest `limit` stories. `read` and `learned` hear (done, total). Raises TooFewStoriesError."""
    with database.connection() as connection:
        filed = Feedback(connection).filed(limit)
    return train_rubrics(list(_texts(filed, tools, read)), learned)


def _texts(filed: list[Filed], tools: Tools, read: Told) -> Iterator[FiledText]:
    by_rules = Tools(tools.gazetteer, tools.find_names, tools.home_country, tools.weights, tools.rules, knows_no_rubric)
    for place, one in enumerate(filed):
        proposals = propose(one.content, by_rules, day=one.reviewed_at.date())
        sure = frozenset(rubric.rubric.label for rubric in proposals.rubrics if rubric.band == "auto")
        yield FiledText(text_of(one.content).whole, frozenset(one.rubrics), sure)
        read(place + 1, len(filed))


def use(trained: Trained, uow: UnitOfWork) -> int:
    """From now on all workers ask this model. Its version."""
    scores = {
        score.name: {"precision": score.precision, "recall": score.recall, "f1": score.f1, "stories": score.gold}
        for score in (*trained.by_rubric, trained.micro, trained.rules_alone, trained.with_rules)
    }
    with uow:
        metrics = {"stories": trained.stories, "measured": trained.measured, "scores": scores}
        return Models(uow.connection).save("rubrics", trained.classifier.to_json(), metrics)
