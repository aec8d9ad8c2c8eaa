"""A process that has what a tagging worker has; prints what it costs as JSON: {start_s, resident_mb, p95_ms, build_20000_s, worst_s}."""

import json
import random
import resource
import sys
import time
from pathlib import Path

from contracts.content import Paragraph, StoryContent
from tagging import ner, worker
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.propose import Tools, propose
from tagging.domain.vocabulary import Alias, Concept
from tagging.evaluation import read_gold
from tagging.shipped import shipped, shipped_concepts, vocabulary_of

SYLLABLES = [
    "ба",
    "ве",
    "го",
    "ди",
    "жу",
    "зо",
    "ки",
    "ла",
    "ме",
    "но",
    "пу",
    "ра",
    "си",
    "то",
    "фе",
    "ха",
    "це",
    "ши",
    "ю",
]


def invented(count):
    """Places, people and companies with names that no dictionary knows."""
    dice = random.Random(6)
    for number in range(count):
        word = "".join(dice.choice(SYLLABLES) for _ in range(3)).title()
        if number % 3 == 0:
            yield Concept(f"person-{number}", "person", f"Алексей {word}нов", aliases=(Alias(f"{word}нов"),))
        elif number % 3 == 1:
            yield Concept(f"org-{number}", "organisation", f"{word}ский завод «{word}»")
        else:
            yield Concept(f"place-{number}", "place", f"{word}во", aliases=(Alias(f"{word.lower()}вский"),))


def main(gold: Path) -> None:
    assert worker.create_worker  # all that a worker imports
    began = time.perf_counter()
    tools = Tools(Gazetteer(shipped()), ner.load())
    start_s = time.perf_counter() - began
    times = []
    stories = [story.content for half in ("tune", "test") for story in read_gold(gold / f"{half}.txt")]
    for content in stories * 3:
        began = time.process_time()
        propose(content, tools)
        times.append(time.process_time() - began)
    resident_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    worst = 0.0
    for text in (
        "Иван Петров и Мария Петрова встретились в Орске. ",
        "слово без точки ",
        "ООН НАТО ЕС ",
        "ӘҒҚҢ ",
        "Anna Bell said. ",
    ):
        began = time.process_time()
        paragraphs = tuple(Paragraph(html=text * (100_000 // len(text))) for _ in range(10))
        propose(StoryContent(headline="Мегабайт", blocks=paragraphs), tools)
        worst = max(worst, time.process_time() - began)
    concepts = shipped_concepts()
    vocabulary = vocabulary_of([*concepts, *invented(20_000 - len(concepts))])
    began = time.process_time()
    Gazetteer(vocabulary)
    build_s = time.process_time() - began
    figures = {
        "start_s": start_s,
        "resident_mb": resident_mb,
        "p95_ms": 1000 * sorted(times)[int(len(times) * 0.95)],
        "worst_s": worst,
        "build_20000_s": build_s,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
