"""What the desk knows of a photo beside its words."""

from dataclasses import dataclass
from uuid import UUID

from contracts.content import Manifest


@dataclass(frozen=True)
class ImageFact:
    """What imaging said: a manifest, or why the photo was refused; neither while it is being rendered."""

    image_id: UUID
    manifest: Manifest | None
    rejected: str = ""
    detail: str = ""
    focus_revision: int = 0


def rendition_url(manifest: Manifest | None, name: str) -> str:
    """The address of a rendition's JPEG; empty where there is none."""
    if manifest is None:
        return ""
    found = (one.url for one in manifest.renditions if one.name == name and one.content_type == "image/jpeg")
    return next(found, "")
