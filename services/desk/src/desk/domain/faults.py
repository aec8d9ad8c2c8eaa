"""Why a story did not go out, in sentences that can be told in any language: publication's faults, and what the schedule met."""

from typing import Final

from contracts.content import Fault

SENTENCES: Final = {
    "stays-killed": "The story was killed. Only somebody who may lift a kill can bring it back.",
    "no-site": "None of our sites takes the story's rubrics. Add a rubric, or change what the sites take.",
    "never-out": "The story was never published, so there is nothing to take down.",
    "storage-down": "The storage does not answer; publishing is tried again by itself.",
    "no-headline": "The headline is empty.",
    "photo-unready": "Photo %(place)s (%(photo)s) has no renditions yet: wait for them, or put another one in its place.",
    "photo-unknown": "The text shows the photo %(photo)s, which is not among the story's photos: take it out.",
    "photo-lost": "The files of the photo “%(photo)s” are gone: have it rendered again, or put another one in its place.",
    "preflight-blocked": "The checks stopped it; they stand in the list.",
    "step-refused": "The story was in another state by then.",
    "two-person-rule": "Whoever edited last may not publish: ask a colleague.",
}
"""code -> a sentence with places for the fault's values; its translation stands with those of the pages."""


def sentence_of(fault: Fault) -> str | None:
    """The English sentence with its places; None where there is none for the code, or a value for a place is missing."""
    sentence = SENTENCES.get(fault.code)
    try:
        is_whole = sentence is not None and bool(sentence % fault.values)
    except KeyError:
        return None
    return sentence if is_whole else None
