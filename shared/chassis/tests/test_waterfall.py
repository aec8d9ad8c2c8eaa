"""A story's bars: each in its place, a night's rest between two chapters, what is not done lasts until now."""

import io
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rich.console import Console

from chassis.ledger.inspect import Step
from chassis.waterfall import chapters, draw

START = datetime(2026, 11, 12, 9, 30, tzinfo=UTC)
NOW = START + timedelta(hours=9)


def step(
    at_s, consumer, took_ms=None, handled_s=None, *, state="handled", event="story.received.v1", attempts=0, reason=None
):
    handled = START + timedelta(seconds=handled_s) if handled_s is not None else None
    recorded = START + timedelta(seconds=at_s)
    return Step(UUID(int=1), event, recorded, consumer, state, recorded, handled, took_ms, 1, attempts, "w", reason)


def test_a_bar_waits_and_then_works():
    [chapter] = chapters([step(0, "imaging", 800, 2.0), step(2.0, "desk", 10, 2.5, event="image.processed.v1")], NOW)

    first, second = chapter.bars
    assert (first.starts_s, first.waited_s, first.took_s) == (0, 1.2, 0.8)
    assert (second.starts_s, second.waited_s, second.took_s, second.ends_s) == (2.0, 0.49, 0.01, 2.5)
    assert chapter.span_s == 2.5


def test_a_nights_rest_ends_a_chapter():
    found = chapters([step(0, "desk", 5, 1), step(28_801, "publication", 5, 28_802, event="release.ordered.v1")], NOW)

    assert [(chapter.at, chapter.rest_s, chapter.span_s) for chapter in found] == [
        (START, 0, 1),
        (START + timedelta(seconds=28_801), 28_800, 1),
    ]


def test_work_under_way_is_no_rest_and_lasts_until_now():
    [chapter] = chapters(
        [step(0, "imaging", state="waiting"), step(600, "desk", 5, 601)], START + timedelta(seconds=700)
    )

    assert chapter.bars[0].ends_s == 700


def test_the_dead_do_not_last():
    [chapter] = chapters([step(0, "imaging", state="dead", attempts=15, reason="ValueError: no")], NOW)

    assert (chapter.bars[0].ends_s, chapter.span_s) == (0, 0.001)


def test_the_terminal_shows_who_waited_and_why_it_failed():
    steps = [step(0, "imaging", 500, 1.0), step(0, "tagging", state="dead", attempts=15, reason="ValueError: no")]
    console = Console(width=120, record=True, file=io.StringIO())

    console.print(draw(chapters(steps, NOW), 120))

    lines = console.export_text().splitlines()
    assert "story.received → imaging" in lines[2]
    assert "─────" in lines[2]
    assert "500 ms  500 ms" in lines[2]
    assert "dead failed 15x ValueError: no" in lines[3]
