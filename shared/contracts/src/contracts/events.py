"""The catalogue of events: who says what, and who hears it. Read from top to bottom it is the road of a story."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.content import (
    Box,
    Content,
    Fault,
    Image,
    Language,
    Manifest,
    Point,
    Rubric,
    RubricProposal,
    Snapshot,
    Source,
    StoryContent,
    Tag,
    TagProposal,
)
from contracts.event import Event

Revision = Field(ge=1, description="grows with each change of the text; an older one that comes late changes nothing")
Version = Field(ge=1, description="grows with each release of the story")


class StoryReceived(Event, type="story.received.v1", producer="ingestion", consumers=("desk", "imaging", "tagging")):
    """A story came in from a source, or came again with changes (a higher revision)."""

    story_id: UUID
    revision: int = Revision
    source: Source
    external_id: str = Field(max_length=500, description="the source's own id for it")
    content: StoryContent
    canonical_url: str = ""
    raw_key: str = Field(default="", description="the untouched original, in the private bucket")
    urgency: int = Field(default=5, ge=1, le=9)
    duplicate_of: tuple[UUID, ...] = Field(default=(), description="stories that tell the same")
    published_at_source: AwareDatetime | None = None
    received_at: AwareDatetime


class StoryWithdrawnAtSource(Event, type="story.withdrawn_at_source.v1", producer="ingestion", consumers=("desk",)):
    """The source took the story back. What is published stays until an editor decides."""

    story_id: UUID
    revision: int = Revision
    reason: str = ""
    noticed_at: AwareDatetime


class ImageAttached(Event, type="image.attached.v1", producer="desk", consumers=("imaging",)):
    """An editor added a photo to a story, or put another file in a photo's place."""

    story_id: UUID
    image: Image
    attached_at: AwareDatetime


class FocalPointMoved(Event, type="image.focal_point_moved.v1", producer="desk", consumers=("imaging",)):
    """An editor showed what matters in a photo, or drew a crop by hand."""

    story_id: UUID
    image_id: UUID
    revision: int = Revision
    focal_point: Point | None = None
    crops: dict[str, Box | None] = Field(
        default_factory=dict,
        description="rendition name -> what the editor wants to see of the photo; null: it follows the focus again",
    )
    caption: str | None = Field(default=None, description="new words to write into the files; None: as they were")
    credit: str | None = None


class ImageProcessed(Event, type="image.processed.v1", producer="imaging", consumers=("desk", "publication")):
    """A photo's renditions are ready: all of them answer at their URLs."""

    story_id: UUID
    image_id: UUID
    manifest: Manifest


class ImageRejected(Event, type="image.rejected.v1", producer="imaging", consumers=("desk",)):
    """A photo cannot be used. The story goes on without it."""

    story_id: UUID
    image_id: UUID
    reason: str = Field(description="a short word for programs: too_large, not_an_image, damaged, missing, …")
    detail: str = Field(
        description="in English, with the number and the limit; the desk says it to the editor by the reason"
    )


class StoryTagged(Event, type="story.tagged.v1", producer="tagging", consumers=("desk",)):
    """Tags and rubrics were proposed for one revision of a story."""

    story_id: UUID
    revision: int = Revision
    language: Language
    tags: tuple[TagProposal, ...] = ()
    rubrics: tuple[RubricProposal, ...] = ()
    model_version: str = ""
    vocabulary_version: str = ""


class StoryRevised(Event, type="story.revised.v1", producer="desk", consumers=("imaging", "tagging")):
    """An editor changed a story's text."""

    story_id: UUID
    revision: int = Revision
    content: StoryContent
    revised_at: AwareDatetime


class TagsReviewed(Event, type="story.tags_reviewed.v1", producer="desk", consumers=("tagging",)):
    """An editor kept, removed or added tags: the machine learns from it."""

    story_id: UUID
    revision: int = Revision
    kept: tuple[Tag, ...] = ()
    removed: tuple[Tag, ...] = ()
    added: tuple[Tag, ...] = ()
    rubrics: tuple[Rubric, ...] = ()
    reviewed_at: AwareDatetime


class RetagOrdered(Event, type="archive.retag_ordered.v1", producer="tagging", consumers=("tagging",)):
    """Somebody ordered that an archive be tagged again: the next few stories of one lane come now, with low priority."""

    retag_id: UUID
    lane: int = Field(ge=0, description="the archive is parted into lanes; each is a chain of such events")
    after: UUID | None = Field(default=None, description="the lane's last story that is done; None: it begins")


class ReleaseOrdered(Event, type="release.ordered.v1", producer="desk", consumers=("publication",)):
    """An editor pressed the button. The snapshot is whole; `version` decides between two orders for one story."""

    release_id: UUID
    story_id: UUID
    version: int = Version
    action: Literal["publish", "correct", "unpublish", "kill"]
    snapshot: Snapshot
    reason: str = Field(default="", max_length=2_000, description="why it is unpublished or killed; shown to partners")
    ordered_by: str = ""
    ordered_at: AwareDatetime
    revives_killed: bool = Field(default=False, description="an editor with the right lifts an earlier kill")


class Release(Content):
    """What the four facts of publication have in common."""

    release_id: UUID
    story_id: UUID
    version: int = Version
    url: str = Field(description="the page's address")
    data_url: str = Field(default="", description="the ninjs item's address")
    item: dict[str, Any] = Field(
        description="the story as a valid IPTC ninjs 3.1 item; downstream sites get exactly this"
    )
    rubrics: tuple[Rubric, ...] = ()
    tags: tuple[Tag, ...] = ()
    language: Language = "ru"
    urgency: int = Field(default=5, ge=1, le=9)
    ordered_at: AwareDatetime
    released_at: AwareDatetime


class StoryPublished(Release, Event, type="story.published.v1", producer="publication", consumers=("desk", "delivery")):
    """The story's page answers 200, and lists and feeds name it."""


class StoryCorrected(Release, Event, type="story.corrected.v1", producer="publication", consumers=("desk", "delivery")):
    """A newer version stands at the story's address."""


class StoryUnpublished(
    Release, Event, type="story.unpublished.v1", producer="publication", consumers=("desk", "delivery")
):
    """The page is gone for now; partners should hide theirs. `item` has pubstatus withheld and no text."""

    reason: str = ""


class StoryKilled(
    Release, Event, type="story.killed.v1", producer="publication", consumers=("desk", "delivery", "imaging")
):
    """The story must vanish everywhere and not come back. `item` has pubstatus canceled and no text."""

    reason: str = ""


class ReleaseFailed(Event, type="release.failed.v1", producer="publication", consumers=("desk",)):
    """An order could not be carried out; the editor is told what to do."""

    release_id: UUID
    story_id: UUID
    version: int = Version
    reason: str = Field(description="in words")
    faults: tuple[Fault, ...] = Field(default=(), description="the same by code")
    will_retry: bool
    failed_at: AwareDatetime


class ChannelChanged(Event, type="channel.changed.v1", producer="publication", consumers=("desk",)):
    """What became of a story on a channel (a Telegram channel, VK, IndexNow …)."""

    story_id: UUID
    version: int = Version
    channel: str
    state: Literal["waiting", "posted", "edited", "deleted", "failed"]
    url: str = ""
    detail: str = ""
    changed_at: AwareDatetime


class DeliveryChanged(Event, type="delivery.changed.v1", producer="delivery", consumers=("desk",)):
    """How far a release has got: what one downstream site did with it, and how many of all have it."""

    story_id: UUID
    version: int = Version
    endpoint_id: UUID
    endpoint_name: str
    state: Literal["pending", "delivered", "failing", "failed", "superseded", "held"]
    attempts: int = Field(ge=0)
    status_code: int | None = None
    detail: str = ""
    next_attempt_at: AwareDatetime | None = None
    delivered: int = Field(ge=0, description="sites that have this version")
    total: int = Field(ge=0, description="sites that should")
    sequence: int = Field(ge=1, description="grows with each change of this story's deliveries; lower ones come late")
    changed_at: AwareDatetime
