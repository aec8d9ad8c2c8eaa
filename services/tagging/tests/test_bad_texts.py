"""Whatever comes in: a result or a clear refusal, within the time, and the same on every worker."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contracts.content import Paragraph, StoryContent
from tagging.domain.texts import fields_of

MOST_CPU_S = 5
GOLD = Path(__file__).parent / "gold" / "test.txt"
HASHES = """
import hashlib, sys
from pathlib import Path
from tagging import ner
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.propose import Tools, propose
from tagging.evaluation import read_gold
from tagging.shipped import shipped

tools = Tools(Gazetteer(shipped()), ner.load())
for story in read_gold(Path(sys.argv[1])):
    print(story.name, hashlib.sha256(repr(propose(story.content, tools)).encode()).hexdigest())
"""


def story(text, headline="Заголовок"):
    paragraphs = tuple(Paragraph(html=text[start : start + 90_000]) for start in range(0, len(text), 90_000))
    return StoryContent(headline=headline, blocks=paragraphs)


@pytest.mark.parametrize(
    "text",
    [
        "Иван Петров и Мария Петрова встретились в Орске. " * 20_000,
        "слово без точки и запятой " * 40_000,
        "ООН НАТО ЕС США МЧС " * 50_000,
        "Петров-Водкин-" * 70_000,
        "Ә" * 1_000_000,
        "«" * 1_000_000,
        "A" * 1_000_000,
        "Anna Bell said. " * 60_000,
        "А. Б. В. Г. " * 80_000,
    ],
    ids=lambda text: text[:20],
)
def test_a_megabyte_is_read_within_seconds(tagged, text):
    began = time.process_time()

    tagged(story(text))

    assert time.process_time() - began < MOST_CPU_S


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("ГУБЕРНАТОР ЕВГЕНИЙ СОЛНЦЕВ ПРИЕХАЛ В ОРСК. ОРСК ЖДАЛ ЕГО.", "Орск"),
        ("Губернатор Ев\u00adгений Солн\u200bцев приехал. Солнцев осмотрел дамбу", "Евгений Солнцев"),
        ("губернатор приехал в Орск 🙂🙂 Орск рад #орск", "Орск"),
        ("<p>В&nbsp;<b>Орске</b> открыли парк</p><script>alert(1)</script> Орск рад", "Орск"),
        ("B Opcке и в Орске oткрыли пapк 1O0%", "Орск"),
        ("В 0рске, Орск-е и Орске — О р с к е!!!???... ,,,", "Орск"),
    ],
    ids=["capitals", "invisible", "emoji", "html", "mixed scripts", "noise"],
)
def test_what_can_be_read_in_a_bad_text_is_read(tagged, text, label):
    proposals = tagged(story(text, headline="О важном"))

    found = {one.tag.label: one for one in proposals.tags}
    assert label in found
    texts = dict(fields_of(story(text, headline="О важном")))
    assert all(0 <= span.start < span.end <= len(texts[span.field]) for span in found[label].evidence)


def test_two_workers_say_the_same_of_every_story():
    said = [
        subprocess.run(
            [sys.executable, "-c", HASHES, GOLD],
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
            check=True,
            capture_output=True,
            timeout=100,
        ).stdout
        for seed in ("1", "2")
    ]

    assert said[0].count(b"\n") == 30
    assert said[0] == said[1]


@pytest.mark.stack
def test_the_api_names_what_is_too_long(api):
    answer = api.post("/suggestions", json={"headline": "x", "body": "я" * 100_001})
    problem = answer.json()
    assert (answer.status_code, problem["errors"][0]["pointer"]) == (422, "/body/body")
    assert "100000" in problem["detail"]

    huge = api.post("/suggestions", content=json.dumps({"headline": "x", "body": "я" * 9_000_000}).encode())
    assert huge.status_code == 413
    empty = api.post("/suggestions", json={"headline": "", "body": ""})
    assert empty.json()["errors"][0]["pointer"] == "/body/headline"
