"""What third parties rely on: names, versions, examples and documents."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from contracts.__main__ import pages
from contracts.catalogue import catalogue, example
from contracts.event import TYPE_PATTERN, Envelope, Event, UnknownEventError

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = sorted(
    (entry for folder in (files("contracts") / "examples").iterdir() for entry in folder.iterdir()),
    key=str,
)


@pytest.mark.parametrize("entry", EXAMPLES, ids=lambda entry: f"{entry.parent.name}/{entry.name}")
def test_every_example_ever_written_still_parses(entry):
    message = json.loads(entry.read_text(encoding="utf-8"))

    event = Envelope.model_validate(message).open()

    assert event.event_type == entry.parent.name == message["type"]
    assert event.model_dump(mode="json", exclude_unset=True) == message["data"]


def test_every_event_has_an_example_and_a_docstring_of_its_own():
    for event in catalogue():
        assert example(event)["type"] == event.event_type
        assert event.__doc__
        assert event.__doc__ != Event.__doc__


def test_the_documents_are_what_the_classes_say():
    assert {name: (DOCS / name).read_text(encoding="utf-8") for name in pages()} == pages()


def test_the_catalogue_is_the_road_of_a_story():
    assert [event.event_type for event in catalogue()] == [
        "story.received.v1",
        "story.withdrawn_at_source.v1",
        "image.attached.v1",
        "image.focal_point_moved.v1",
        "image.processed.v1",
        "image.rejected.v1",
        "story.tagged.v1",
        "story.revised.v1",
        "story.tags_reviewed.v1",
        "archive.retag_ordered.v1",
        "release.ordered.v1",
        "story.published.v1",
        "story.corrected.v1",
        "story.unpublished.v1",
        "story.killed.v1",
        "release.failed.v1",
        "channel.changed.v1",
        "delivery.changed.v1",
    ]


def test_an_event_of_an_unknown_type_or_version_says_what_is_known():
    envelope = Envelope.model_validate({**example(catalogue()[0]), "type": "story.received.v9"})

    with pytest.raises(
        UnknownEventError, match=re.escape("'story.received.v9' is unknown (known here: story.received.v1)")
    ):
        envelope.open()


def test_fields_that_a_newer_producer_added_are_no_obstacle():
    message = example(catalogue()[0])
    message["data"]["mood"] = "new"
    message["data"]["content"]["mood"] = "new"

    assert Envelope.model_validate(message).open() == Envelope.model_validate(example(catalogue()[0])).open()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"type": "StoryReceived", "producer": "desk", "consumers": ("desk",)}, "is not of the form noun.verb.v1"),
        ({"type": "story.received.v1", "producer": "desk", "consumers": ("desk",)}, "is already StoryReceived"),
        ({"type": "story.forgotten.v1", "producer": "desk", "consumers": ()}, "nobody hears"),
    ],
)
def test_a_class_line_that_cannot_be_true_is_refused(line, complaint):
    known = dict(Event.registry)

    with pytest.raises(ValueError, match=complaint):
        type(Event)("Wrong", (Event,), {"__module__": __name__}, **line)

    assert Event.registry == known


def test_types_carry_their_version():
    assert all(TYPE_PATTERN.match(event.event_type) for event in catalogue())
