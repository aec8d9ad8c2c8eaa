"""The tagger against an editor on our own stories, and its names against natasha's, by the newsroom's yardstick on factRuEval-2016.

The latter only where both lie on the machine; else it says so.

DEPESHA_NER_EVAL is the yardstick's ner_eval.py, by default ../shared/tools beside the checkout; DEPESHA_NER_DATA a folder in
factRuEval-2016's format, by default ../shared/data/factrueval-2016/devset. natasha lives in an environment of its own, .depesha/natasha.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tagging import ner
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.propose import Tools, propose
from tagging.evaluation import nominatives_right, read_gold, score
from tagging.shipped import shipped

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
SHARED = REPOSITORY.parent / "shared"
YARDSTICK = Path(os.environ.get("DEPESHA_NER_EVAL", SHARED / "tools" / "ner_eval.py"))
DATA = Path(os.environ.get("DEPESHA_NER_DATA", SHARED / "data" / "factrueval-2016" / "devset"))
NATASHA = REPOSITORY / ".depesha" / "natasha"
PEER_PACKAGES = ("natasha==1.6.0", "slovnet==0.6.0", "navec==0.10.0", "razdel==0.5.0", "setuptools<81")
# natasha 1.6 wants pymorphy2, which asks Python for a function that 3.11 no longer has.
SHIM = """import inspect, warnings
warnings.simplefilter("ignore")
if not hasattr(inspect, "getargspec"):
    inspect.getargspec = lambda function: inspect.getfullargspec(function)[:4]
"""


def run(rounds: int) -> list[dict[str, Any]]:
    rows = _our_stories()
    if not YARDSTICK.is_file() or not DATA.is_dir():
        print(
            f"tagging: names are not measured, {YARDSTICK} or {DATA} is not here (DEPESHA_NER_EVAL, DEPESHA_NER_DATA)",
            file=sys.stderr,
        )
        return rows
    peer = _natasha()
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for _ in range(rounds):  # in turn, so that a busy machine slows both
        theirs.append(_measure(peer, "natasha"))
        ours.append(_measure(Path(sys.executable), "tagging.evaluation:factory"))
    return [*_quality(ours[0]["result"], theirs[0]["result"]), *_cost(ours, theirs), *rows]


def _quality(our: dict[str, Any], their: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        _against("entity F1", our["entity"]["micro"]["f1"], their["entity"]["micro"]["f1"], 1.06),
        _against("entity F1, persons", our["entity"]["PER"]["f1"], their["entity"]["PER"]["f1"], 1.15),
        _against("strict span F1", our["strict"]["micro"]["f1"], their["strict"]["micro"]["f1"], 1.0),
        *(
            [
                _row(
                    "right nominative",
                    our["norm_acc"]["micro"],
                    "of 1",
                    ">= 0.95",
                    met=our["norm_acc"]["micro"] >= 0.95,
                )
            ]
            if "norm_acc" in our
            else []
        ),
    ]


def _cost(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def speed(reports: list[dict[str, Any]], name: str) -> float:
        return median(report["result"]["speed"][name] for report in reports)

    slowest, memory, start = (
        speed(ours, "p95_ms"),
        max(one["peak_rss_mb"] for one in ours),
        median(one["load_s"] for one in ours),
    )
    return [
        _against("characters per CPU second", speed(ours, "chars_per_cpu_s"), speed(theirs, "chars_per_cpu_s"), 3.0),
        _row("one text, p95", slowest, "ms", "< 30", met=slowest < 30),
        _row("names alone, peak memory", memory, "MB", "< 220", met=memory < 220),
        _row("names alone, warm start", start, "s", "< 2", met=start < 2),
    ]


def _our_stories() -> list[dict[str, Any]]:
    """An editor's tags on our own stories; what a worker costs."""
    gold = REPOSITORY / "services" / "tagging" / "tests" / "gold"
    rows = [row for half in ("tune", "tune-wide", "test") for row in _as_an_editor(gold / f"{half}.txt", half)]
    right, names, _ = nominatives_right(gold / "names.txt")
    rows.append(_row("nominative, 60 lone names", right / names, "of 1", ">= 0.95", met=right / names >= 0.95))
    script = gold.parent / "cost.py"
    answer = subprocess.run([sys.executable, script, gold], check=True, capture_output=True, timeout=300)
    cost = json.loads(answer.stdout)
    for name, key, unit, most in (
        ("a story's tags and rubrics, p95 of CPU", "p95_ms", "ms", 30),
        ("the worst megabyte, CPU", "worst_s", "s", 5),
        ("worker, peak memory", "resident_mb", "MB", 220),
        ("worker, start", "start_s", "s", 2),
        ("20 000 concepts, built in CPU", "build_20000_s", "s", 10),
    ):
        rows.append(_row(name, cost[key], unit, f"< {most}", met=cost[key] < most))
    return rows


def _as_an_editor(path: Path, half: str) -> list[dict[str, Any]]:
    stories = read_gold(path)
    tools = Tools(Gazetteer(shipped()), ner.load())
    scores = score(stories, lambda content: propose(content, tools), shipped())
    named = f"{half} half, {scores.stories} stories"
    return [
        _row(
            f"four right tags in five, {named}", scores.four_in_five, "of 1", ">= 0.8", met=scores.four_in_five >= 0.8
        ),
        _row(f"auto precision, {named}", scores.auto_precision, "of 1", ">= 0.95", met=scores.auto_precision >= 0.95),
        _fact(f"auto recall, {named}", scores.auto_recall),
        _fact(f"Brier score of the confidence, {named}", scores.brier),
        _fact(f"rubrics, precision, {named}", scores.rubric_precision),
        _fact(f"rubrics, recall, {named}", scores.rubric_recall),
    ]


def _fact(name: str, value: float) -> dict[str, Any]:
    return {"section": "tagging", "name": name, "value": value, "unit": "of 1"}


def _against(name: str, ours: float, theirs: float, least: float) -> dict[str, Any]:
    ratio = ours / theirs
    return _row(
        name,
        ours,
        "",
        f">= {least}x",
        met=ratio >= least,
        versus=f"natasha {theirs:,.4g}".replace(",", " "),
        ratio=ratio,
    )


def _row(name: str, value: float, unit: str, goal: str, *, met: bool, **more: Any) -> dict[str, Any]:
    return {"section": "tagging", "name": name, "value": value, "unit": unit, "goal": goal, "met": met, **more}


def _measure(python: Path, system: str) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        subprocess.run(
            [python, YARDSTICK, "--system", system, "--data", DATA, "--json", file.name],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=300,
        )
        return dict(json.loads(Path(file.name).read_text(encoding="utf-8")))


def _natasha() -> Path:
    """natasha's own environment, made when first asked for."""
    python = NATASHA / "bin" / "python"
    ready = NATASHA / "ready"
    if not ready.exists():
        uv = REPOSITORY / ".venv" / "bin" / "uv"
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, NATASHA], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *PEER_PACKAGES], check=True)
        site = subprocess.run(
            [python, "-c", "import site; print(site.getsitepackages()[0])"], check=True, capture_output=True, text=True
        )
        (Path(site.stdout.strip()) / "sitecustomize.py").write_text(SHIM, encoding="utf-8")
        ready.touch()
    return python
