"""Which stories of the last days tell the same as the one that comes in. Nothing is dropped for it: editors see it."""

from uuid import UUID

import psycopg

from contracts.content import StoryContent
from ingestion.domain.duplicates import likeness, sketch_of, unpack
from ingestion.store.sketches import Sketches


def find_duplicates(
    story_id: UUID, canonical_url: str, content: StoryContent, connection: psycopg.Connection
) -> tuple[UUID, ...]:
    """The others, those with the same words or address first; and remember this one."""
    sketch = sketch_of(content)
    near = Sketches(connection).meet(story_id, sketch.body_hash, canonical_url, sketch.pack(), sketch.sample)
    found: list[tuple[float, UUID]] = []
    for one in near:
        sure = 1.0 if one.is_exact else likeness(sketch.shingles, unpack(one.shingles))
        if sure:
            found.append((sure, one.story_id))
    return tuple(other for _, other in sorted(found, key=lambda pair: -pair[0]))
