"""A small newsroom for the checks: real engines, the demo's photos rendered to all sizes, and a site with every type of page."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pyvips

from chassis.bucket import Bucket, content_hash
from chassis.ids import new_id
from contracts.content import Manifest, Point, ReleasedImage, Rendition, Rubric, Snapshot, Source, Tag
from contracts.events import ReleaseOrdered
from publication import bootstrap
from publication.handlers.lists import ListWriter
from publication.handlers.releases import carry_out
from publication.settings import Settings
from stack.demo.photos import make_photo
from stack.demo.stories import STORIES
from stack.engines import start_engines

WIDTHS = (320, 480, 640, 960, 1280, 1600, 1920)
CROPS = {"16x9": (1280, 720), "4x3": (1280, 960), "1x1": (1280, 1280), "card": (1200, 630)}
TAGS = {
    "ru": (
        ("Евгений Солнцев", "person"),
        ("Оренбургская область", "place"),
        ("Казахстан", "place"),
        ("автобусы", "other"),
    ),
    "en": (("Przewalski’s horse", "other"), ("Orenburg Region", "place")),
}


@dataclass(frozen=True)
class Pages:
    """Addresses by what they are."""

    pages: dict[str, str]
    articles: dict[str, dict[str, str]]
    """name -> url, headline, author, date, text"""


@contextmanager
def open_house(theme: str = "default") -> Iterator[Pages]:
    with tempfile.TemporaryDirectory(prefix="depesha-pages-") as folder:
        engines = start_engines(Path(folder))
        try:
            engines.migrate()
            yield _fill(Settings(**{**engines.settings("publication"), "sites": (_site(theme),)}), Path(folder))
        finally:
            engines.stop()


def _site(theme: str) -> dict[str, object]:
    return {
        "key": "main",
        "name": "Степной вестник",
        "description": "Новости Оренбуржья: политика, общество, природа.",
        "prefix": "news",
        "theme": theme,
        "license_url": "https://vestnik.example/license",
        "footnotes": [{"words": "«?Сагарчин»?", "note": "Пункт пропуска на границе России и Казахстана."}],
    }


def _fill(settings: Settings, folder: Path) -> Pages:
    database, press = bootstrap.database(settings), bootstrap.press(settings)
    # trafilatura takes no date after its own today, and in Orenburg it is tomorrow from 19:00 UTC on
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12)
    orders = []
    for place, demo in enumerate(STORIES):
        images = tuple(
            _image(
                make_photo(folder / f"{photo.name}.jpg", photo.scene, photo.seed, photo.line, "Фото"),
                photo,
                press.bucket,
            )
            for photo in demo.photos
        )
        orders.append(_order(_snapshot(demo.form, images), now - timedelta(minutes=10 * place)))
    filler = [
        _order(_plain(number, orders[number % 3].snapshot), now - timedelta(hours=3, minutes=25 * number))
        for number in range(62)
    ]
    gone, killed, moved = filler[0], filler[1], filler[2]
    for one in [*reversed(filler), *reversed(orders)]:
        carry_out(one, database.unit_of_work(), press)
    writer = ListWriter(database, press)
    writer.run()
    correction = orders[0].model_copy(
        update={
            "release_id": new_id(),
            "version": 2,
            "action": "correct",
            "ordered_at": now,
            "snapshot": orders[0].snapshot.model_copy(
                update={"correction_note": "В первой версии было названо другое число рейсов."}
            ),
        }
    )
    follow = [
        correction,
        gone.model_copy(
            update={"release_id": new_id(), "version": 2, "action": "unpublish", "reason": "Уточняем сведения."}
        ),
        killed.model_copy(
            update={"release_id": new_id(), "version": 2, "action": "kill", "reason": "Сведения не подтвердились."}
        ),
        moved.model_copy(
            update={
                "release_id": new_id(),
                "version": 2,
                "action": "correct",
                "snapshot": moved.snapshot.model_copy(update={"slug": "novyy-adres"}),
            }
        ),
    ]
    for one in follow:
        carry_out(one, database.unit_of_work(), press)
    writer.run()
    pages, articles = _addresses(orders, {"gone": gone, "killed": killed, "moved": moved, "plain": filler[5]}, settings)
    database.close()
    return Pages(pages, articles)


def _addresses(
    orders: list[ReleaseOrdered], others: dict[str, ReleaseOrdered], settings: Settings
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    press, database = bootstrap.press(settings), bootstrap.database(settings)
    from publication.domain.markup import body_text  # noqa: PLC0415 - only here
    from publication.store.stories import Stories  # noqa: PLC0415

    site = press.editions[0].site
    with database.connection() as connection:
        found = {
            one.story_id: one
            for one in Stories(connection).many([order.story_id for order in (*orders, *others.values())])
        }
    database.close()
    pages = {
        "front": site.address("index.html"),
        "rubric": site.address("rubric/politika.html"),
        "tag": site.address("tag/kazakhstan.html"),
        "author": site.address("author/vera-lugova.html"),
        "archive": site.address("archive/1.html"),
        "missing": site.address("404.html"),
        **{
            name: site.address(f"{(found[one.story_id].old_paths or (found[one.story_id].path,))[0]}.html")
            for name, one in others.items()
        },
    }
    articles = {}
    for name, one in zip(("ru", "ru2", "en"), orders, strict=False):
        story = found[one.story_id]
        pages[f"article-{name}"] = site.address(f"{story.path}.html")
        articles[name] = {
            "url": pages[f"article-{name}"],
            "headline": story.snapshot.headline,
            "author": story.snapshot.authors[0],
            "date": story.first_published_at.astimezone(site.zone).date().isoformat(),
            "text": body_text(story.snapshot.blocks),
        }
    return pages, articles


def _order(snapshot: Snapshot, at: datetime) -> ReleaseOrdered:
    return ReleaseOrdered(
        release_id=new_id(), story_id=new_id(), version=1, action="publish", snapshot=snapshot, ordered_at=at
    )


def _snapshot(form: dict, images: tuple[ReleasedImage, ...]) -> Snapshot:
    language = form.get("language", "ru")
    blocks = [
        {"kind": "image", "image_id": images[one["image"]].image_id} if one["kind"] == "image" else one
        for one in form["body"]
    ]
    return Snapshot(
        headline=form["headline"],
        lede=form["lede"],
        blocks=blocks,
        images=images,
        language=language,
        authors=("Вера Лугова",) if language == "ru" else ("Vera Lugova",),
        source=Source(**form["source"]),
        rubrics=tuple(Rubric(label=one) for one in form["rubrics"]),
        tags=tuple(Tag(label=label, kind=kind) for label, kind in TAGS[language]),  # type: ignore[arg-type]
        age_mark="6+",
    )


def _plain(number: int, like: Snapshot) -> Snapshot:
    places = ("Орск", "Бузулук", "Новотроицк", "Бугуруслан", "Гай", "Соль-Илецк", "Сорочинск")
    works = (
        "чинит мост через Урал",
        "открывает школу на 800 мест",
        "сажает тысячу тополей",
        "встречает ярмарку",
        "запускает новый автобус",
    )
    headline = f"{places[number % 7]} {works[number % 5]}"
    return like.model_copy(
        update={
            "headline": headline,
            "lede": f"Работы обещают закончить к {number % 27 + 1} декабря, за сроками следит областной минстрой.",
            "images": like.images[:1] if number % 3 else (),
            "blocks": like.blocks[:1],
            "lead_image_id": None,
            "language": "ru",
        }
    )


def _image(path: Path, photo: object, bucket: Bucket) -> ReleasedImage:
    upright = pyvips.Image.new_from_file(str(path)).autorot()
    renditions = [
        _rendition(upright.thumbnail_image(width), f"w{width}", kind, bucket)
        for width in WIDTHS
        for kind in ("avif", "jpeg")
    ]
    renditions += [
        _rendition(upright.thumbnail_image(width, height=height, crop="centre"), name, "jpeg", bucket)
        for name, (width, height) in CROPS.items()
    ]
    caption, _, credit = photo.line.partition(" | ")  # type: ignore[attr-defined]
    credit, _, link = credit.removeprefix("Фото: ").removeprefix("Photo: ").partition(" / ")
    manifest = Manifest(
        version=1,
        width=upright.width,
        height=upright.height,
        renditions=tuple(renditions),
        focal_point=Point(x=0.5, y=0.5),
        thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI",
        dominant_color="#a59a86",
    )
    return ReleasedImage(
        image_id=UUID(int=new_id().int),
        caption=caption,
        credit=credit,
        credit_url=f"https://{link}" if link else "",
        alt_text=photo.alt,  # type: ignore[attr-defined]
        manifest=manifest,
    )


def _rendition(image: pyvips.Image, name: str, kind: str, bucket: Bucket) -> Rendition:
    body = (
        image.heifsave_buffer(Q=50, effort=0, compression="av1", keep="none")
        if kind == "avif"
        else image.jpegsave_buffer(Q=80, keep="none", interlace=True)
    )
    digest = content_hash(body)
    key = f"media/{digest[:2]}/{digest}/{name}.{'avif' if kind == 'avif' else 'jpg'}"
    bucket.put(key, body, content_type=f"image/{kind}")
    return Rendition(
        name=name,
        url=bucket.url(key),
        content_type=f"image/{kind}",
        width=image.width,
        height=image.height,
        size_bytes=len(body),
    )  # type: ignore[arg-type]
