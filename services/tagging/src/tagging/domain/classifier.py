"""Rubrics from words: TF-IDF and one logistic regression a rubric, trained on what the newsroom itself has published.

Words count by their first letters: «прокурор», «прокурора» and «прокуратура» say the same of a story's rubric, and no dictionary is asked.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
TERM = re.compile(r"[^\W\d_]{3,}")
STEM = 6
LEAST_STORIES_OF_TERM = 2
MOST_TERMS = 12_000
PULL = 1e-4
"""L2 regularisation, a story."""
ROUNDS = 150
RATE = 0.3


@dataclass(frozen=True)
class Classifier:
    """`weights` [terms, labels], `bias` [labels]; `terms` names the rows, `idf` [terms] weighs them."""

    labels: tuple[str, ...]
    terms: Mapping[str, int]
    idf: Floats
    weights: Floats
    bias: Floats

    def classify(self, text: str) -> dict[str, float]:
        """How likely each rubric is, 0 to 1; a text without a known word tells nothing."""
        columns, values = _vector(terms_of(text), self.terms, self.idf)
        if not len(columns):
            return {}
        scores = values @ self.weights[columns] + self.bias
        sure = 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
        return dict(zip(self.labels, (round(float(one), 4) for one in sure), strict=True))

    def to_json(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "terms": list(self.terms),
            "idf": np.round(self.idf, 3).tolist(),
            "weights": np.round(self.weights, 3).tolist(),
            "bias": np.round(self.bias, 3).tolist(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Classifier":
        return cls(
            tuple(body["labels"]),
            {term: place for place, term in enumerate(body["terms"])},
            np.array(body["idf"]),
            np.array(body["weights"]).reshape(len(body["terms"]), len(body["labels"])),
            np.array(body["bias"]),
        )


def terms_of(text: str) -> Counter[str]:
    return Counter(word[:STEM] for word in TERM.findall(text.lower().replace("ё", "е")))


def train(
    texts: Sequence[str], rubrics: Sequence[Sequence[str]], told: Callable[[int, int], None] = lambda _done, _of: None
) -> Classifier:
    """A classifier for all rubrics that at least one text has. `told(done, of)` hears of the progress.

    Gradient descent with momentum on the mean logistic loss; the same input gives the same weights.
    """
    counts = [terms_of(text) for text in texts]
    terms, idf = _lexicon(counts)
    vectors = [_vector(count, terms, idf) for count in counts]
    rows = np.repeat(np.arange(len(vectors)), [len(columns) for columns, _ in vectors])
    columns = np.concatenate([one for one, _ in vectors]) if vectors else np.zeros(0, int)
    values = np.concatenate([one for _, one in vectors]) if vectors else np.zeros(0)
    labels = tuple(sorted({label for one in rubrics for label in one}))
    weights, bias = np.zeros((len(terms), len(labels))), np.zeros(len(labels))
    for place, label in enumerate(labels):
        is_so = np.array([label in one for one in rubrics], dtype=float)
        weights[:, place], bias[place] = _fit(rows, columns, values, is_so, len(terms))
        told(place + 1, len(labels))
    return Classifier(labels, terms, idf, weights, bias)


def _lexicon(counts: Sequence[Counter[str]]) -> tuple[dict[str, int], Floats]:
    """The terms that stand in most stories, without those of a single one, and their idf."""
    stories = Counter(term for count in counts for term in count)
    known = sorted(
        (term for term, one in stories.items() if one >= LEAST_STORIES_OF_TERM), key=lambda t: (-stories[t], t)
    )
    terms = {term: place for place, term in enumerate(sorted(known[:MOST_TERMS]))}
    return terms, np.array([np.log((1 + len(counts)) / (1 + stories[term])) + 1 for term in terms])


def _vector(count: Counter[str], terms: Mapping[str, int], idf: Floats) -> tuple[NDArray[np.int64], Floats]:
    """(columns, values) of unit length; words count with the logarithm of how often they stand."""
    known = sorted((terms[term], often) for term, often in count.items() if term in terms)
    columns = np.array([column for column, _ in known], dtype=np.int64)
    values = np.array([1 + np.log(often) for _, often in known]) * idf[columns] if known else np.zeros(0)
    length = float(np.sqrt((values**2).sum()))
    return columns, values / length if length else values


def _fit(
    rows: NDArray[np.int64], columns: NDArray[np.int64], values: Floats, is_so: Floats, width: int
) -> tuple[Floats, float]:
    count = len(is_so)
    share = min(max(float(is_so.mean()), 1 / (count + 1)), count / (count + 1))
    weights, bias, speed = np.zeros(width), float(np.log(share / (1 - share))), np.zeros(width)
    step = RATE * count / max(float(is_so.sum()), 1.0)  # a rare rubric's slope is small
    for _ in range(ROUNDS):
        scores = np.bincount(rows, values * weights[columns], count) + bias
        miss = (1 / (1 + np.exp(-np.clip(scores, -30, 30))) - is_so) / count
        slope = np.bincount(columns, values * miss[rows], width) + PULL * weights
        speed = 0.9 * speed - step * slope
        weights = weights + speed
        bias -= step * float(miss.sum())
    return weights, bias
