"""Names of persons by slovnet's small neural net; its weights ride in the natasha wheel, which itself is not imported."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from tagging.domain.names import Span
from tagging.domain.words import words

EMBEDDING = "emb/navec_news_v1_1B_250K_300d_100q.tar"
MODEL = "model/slovnet_ner_news_v1.tar"
MODEL_VERSION = "slovnet_ner_news_v1"


def load() -> Callable[[str], Sequence[Span]]:
    """A function: text -> spans of person names. Loading takes about a second."""
    from navec import Navec  # noqa: PLC0415 - both pull in numpy; the API may never need them
    from slovnet import NER  # noqa: PLC0415

    spec = importlib.util.find_spec("natasha")
    if spec is None or spec.origin is None:
        raise RuntimeError("the models' package is not installed: run make setup")
    data = Path(spec.origin).parent / "data"
    ner = NER.load(data / MODEL)
    ner.navec(Navec.load(data / EMBEDDING))

    def find_names(text: str) -> list[Span]:
        if not words(text):
            return []
        return [Span(span.start, span.stop) for span in ner(text).spans if span.type == "PER"]

    return find_names
