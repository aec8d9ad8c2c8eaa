"""A folder of texts and photos, as a photographer brings it back from an event: which files make which story.

Each text is a story. Photos go with the text of their folder; where it has several, with the one whose name theirs begins with, else
with the first. A folder of photos alone is a story named like the folder. A photo's caption stands in a text of its name
(`мост.jpg` and `мост.jpg.txt` or `мост.txt`), or in `captions.txt` / `подписи.txt`: one line a photo, name and caption.
"""

import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ingestion.domain.charsets import to_text
from ingestion.domain.documents import Document, is_document, read_document
from ingestion.domain.items import File, Item, Part, Trouble, attempt
from ingestion.domain.story_form import MAX_IMAGES, StoryForm
from ingestion.domain.zips import Member, read_zip

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic", ".tif", ".tiff", ".gif")
CAPTION_LISTS = ("captions.txt", "подписи.txt", "captions.csv", "подписи.csv")
CAPTION_LINE = re.compile(
    r"^\s*[\"']?(?P<name>[^\t;|\"']+?\.(?:jpe?g|png|webp|avif|heic|tiff?|gif))[\"']?\s*(?:[\t;:|—–]|-\s)\s*(?P<caption>.+?)\s*$",
    re.IGNORECASE,
)
LONGEST_CAPTION_FILE = 10_000


@dataclass
class _Folder:
    texts: list[Member] = field(default_factory=list)
    photos: list[Member] = field(default_factory=list)
    captions: dict[str, str] = field(default_factory=dict)


def parse_zip(body: bytes, name: str, credit: str) -> Iterator[Part]:
    """`name`: of the upload; with a text's place in it this is what the story is known by. `credit`: of photos that name none."""
    try:
        members = list(read_zip(body))
    except ValueError as error:
        yield Trouble(name, str(error))
        return
    folders: dict[str, _Folder] = {}
    for member in members:
        if member.problem:
            yield Trouble(member.name, member.problem)
        elif not _sort(member, folders.setdefault(str(PurePosixPath(member.name).parent), _Folder())):
            yield Trouble(member.name, f"is neither a photo ({', '.join(PHOTO_SUFFIXES)}) nor a text")
    for path, folder in folders.items():
        _take_captions(folder)
        for text, photos in _stories(folder):
            place = text.name if text else path
            yield attempt(place, lambda t=text, p=photos, f=folder, at=place: _item(t, p, f, f"{name}/{at}", credit))  # type: ignore[misc]


def _sort(member: Member, folder: _Folder) -> bool:
    if PurePosixPath(member.name.lower()).suffix in PHOTO_SUFFIXES:
        folder.photos.append(member)
    elif is_document(member.name) or _base(member).lower() in CAPTION_LISTS:
        folder.texts.append(member)
    else:
        return False
    return True


def _base(member: Member) -> str:
    return PurePosixPath(member.name).name


def _take_captions(folder: _Folder) -> None:
    """Texts that are captions are no stories."""
    photos = {_base(photo).lower() for photo in folder.photos}
    stems = {PurePosixPath(photo).stem: photo for photo in photos}
    stories = []
    for text in folder.texts:
        base = _base(text).lower()
        owner = (
            base.removesuffix(".txt") if base.removesuffix(".txt") in photos else stems.get(base.removesuffix(".txt"))
        )
        if base in CAPTION_LISTS:
            found = (CAPTION_LINE.match(line) for line in to_text(text.body).splitlines())
            folder.captions |= {one["name"].lower(): one["caption"] for one in found if one}
        elif base.endswith(".txt") and owner and len(text.body) <= LONGEST_CAPTION_FILE:
            folder.captions[owner] = " ".join(to_text(text.body).split())
        else:
            stories.append(text)
    folder.texts = stories


def _stories(folder: _Folder) -> Iterator[tuple[Member | None, list[Member]]]:
    if not folder.texts:
        if folder.photos:
            yield None, folder.photos
        return
    owned: dict[str, list[Member]] = {text.name: [] for text in folder.texts}
    for photo in folder.photos:
        stem = _base(photo).lower()
        owner = next(
            (text for text in folder.texts if stem.startswith(PurePosixPath(_base(text).lower()).stem)), folder.texts[0]
        )
        owned[owner.name].append(photo)
    for text in folder.texts:
        yield text, owned[text.name]


def _item(text: Member | None, photos: Sequence[Member], folder: _Folder, external_id: str, credit: str) -> Item:
    document = read_document(text.name, text.body) if text else Document("")
    name = PurePosixPath(external_id).stem if text else PurePosixPath(external_id).name
    files: dict[str, File] = dict(document.files)
    images: list[dict[str, Any]] = list(document.images)
    for photo in photos[: MAX_IMAGES - len(images)]:
        base = _base(photo)
        files[base] = File(photo.body, mimetypes.guess_type(base)[0] or "application/octet-stream")
        caption = folder.captions.get(base.lower(), "")
        images.append({"file": base, "caption": caption[:4_000], **_credit(caption, document.credit or credit)})
    placed = {block["image"] for block in document.body if isinstance(block, dict) and block.get("kind") == "image"}
    rest = [{"kind": "image", "image": place} for place in range(1, len(images)) if place not in placed]
    form = StoryForm.model_validate(
        {
            "external_id": external_id[-500:],
            "headline": document.headline or name or "Без заголовка",
            "lede": document.lede,
            "body": [*map(_plain, document.body), *rest],
            "images": images,
            "tags": list(document.tags)[:50],
        }
    )
    return Item(form, files)


def _credit(caption: str, credit: str) -> Mapping[str, str]:
    return {} if "фото:" in caption.lower() or not credit else {"credit": credit[:2_000]}


def _plain(block: Any) -> Any:  # noqa: ANN401 - a form or its JSON
    return block if isinstance(block, dict) else block.model_dump()
