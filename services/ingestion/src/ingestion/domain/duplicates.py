"""Whether two stories tell the same: by their words' shingles, whole or one inside the other.

Source: Broder, On the resemblance and containment of documents (1997): shingles of three words, and as a sketch those
whose hash is divisible by a fixed number. Unlike MinHash, that sketch also answers for containment, which is what an
outlet does that prints half of a press release. Why no library: docs/decisions/0008.
"""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from contracts.content import Heading, ListBlock, Paragraph, Quote, StoryContent
from ingestion.domain.markup import plain

WORD = re.compile(r"\w+")
WIDTH = 3
SAMPLED = 4
"""One shingle in so many is looked up in the database."""
MOST_SHINGLES = 4_000
FEWEST_SHARED = 8
RESEMBLANCE, CONTAINMENT = 0.4, 0.6
"""From here on two stories are the same one: shared of all, and shared of the shorter one's."""


@dataclass(frozen=True)
class Sketch:
    """`body_hash` is the same for the same words; `shingles` are 64-bit hashes, signed, as PostgreSQL's bigint."""

    body_hash: bytes
    shingles: frozenset[int]

    @property
    def sample(self) -> list[int]:
        return [shingle for shingle in self.shingles if shingle % SAMPLED == 0]

    def pack(self) -> bytes:
        return array("q", sorted(self.shingles)).tobytes()


def sketch_of(content: StoryContent) -> Sketch:
    words = WORD.findall(" ".join(_texts(content)).casefold().replace("ё", "е"))
    shingles = (" ".join(words[start : start + WIDTH]) for start in range(min(len(words) - WIDTH + 1, MOST_SHINGLES)))
    return Sketch(_digest(" ".join(words)), frozenset(int.from_bytes(_digest(one), signed=True) for one in shingles))


def unpack(packed: bytes) -> frozenset[int]:
    return frozenset(array("q", packed))


def likeness(one: frozenset[int], other: frozenset[int]) -> float:
    """How sure it is that two sets of shingles tell the same, 0 to 1; 0 below the thresholds."""
    shared = len(one & other)
    if shared < FEWEST_SHARED:
        return 0.0
    resemblance, containment = shared / len(one | other), shared / min(len(one), len(other))
    return containment if resemblance >= RESEMBLANCE or containment >= CONTAINMENT else 0.0


def _texts(content: StoryContent) -> Iterator[str]:
    yield from (content.headline, content.lede)
    for block in content.blocks:
        match block:
            case Paragraph() | Quote():
                yield plain(block.html)
            case Heading():
                yield block.text
            case ListBlock():
                yield from map(plain, block.items)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()
