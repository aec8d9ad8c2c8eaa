"""Builders of valid things; a test says only what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts.content import (
    Embed,
    Heading,
    ImageBlock,
    ListBlock,
    Manifest,
    Paragraph,
    Point,
    Quote,
    ReleasedImage,
    Rendition,
    Rubric,
    Snapshot,
    Source,
    Tag,
)
from contracts.events import ReleaseOrdered
from publication.domain.site import Site
from publication.domain.story import Story

NOON = datetime(2026, 11, 12, 9, 10, tzinfo=UTC)
SITE = Site(
    "Степной вестник", "https://vestnik.example/news", "ru", ZoneInfo("Asia/Yekaterinburg"), description="Новости"
)
HEADLINE = "Делегация Оренбуржья вернулась из Актобе"


def number(value: int, kind: int = 1) -> UUID:
    return UUID(f"0193a5c0-7e1a-7c4e-{kind:04x}-{value:012x}")


def photo(value: int = 1, root: str = "https://media.example/m", version: int = 1, **words) -> ReleasedImage:
    shapes = [
        ("w320", 320, 240),
        ("w960", 960, 720),
        ("w1600", 1600, 1200),
        ("16x9", 1280, 720),
        ("4x3", 1280, 960),
        ("1x1", 1280, 1280),
        ("card", 1200, 630),
    ]
    renditions = tuple(
        Rendition(
            name=name,
            url=f"{root}/{value:04d}v{version}/{name}.{ending}",
            content_type=f"image/{kind}",
            width=width,
            height=height,
            size_bytes=width * 10,
        )
        for name, width, height in shapes
        for kind, ending in (("avif", "avif"), ("jpeg", "jpg"))
        if not (name == "card" and kind == "avif")
    )
    manifest = Manifest(
        version=version,
        width=4000,
        height=3000,
        renditions=renditions,
        focal_point=Point(x=0.5, y=0.4),
        thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI",
        dominant_color="#8a7f6b",
    )
    given = {
        "caption": "Подписание соглашения в Актобе",
        "credit": "telegram-канал Евгения Солнцева",
        "credit_url": "https://t.me/solntsev_official/1204",
        "alt_text": "Двое мужчин жмут руки за столом с флагами",
        **words,
    }
    return ReleasedImage(image_id=number(value, 2), manifest=manifest, **given)


def snapshot(**changes) -> Snapshot:
    given = {
        "headline": HEADLINE,
        "lede": "Губернатор рассказал, какие маршруты откроются весной.",
        "blocks": (
            Paragraph(html='О поездке он написал в <a href="https://t.me/solntsev_official">канале</a>.'),
            Quote(html="Нас связывают не только дороги.", attribution="Евгений Солнцев, губернатор"),
            ImageBlock(image_id=number(2, 2)),
            Heading(text="Что дальше"),
            ListBlock(items=("рейс Оренбург — Актобе", "общая ярмарка")),
            Embed(url="https://t.me/solntsev_official/1204", title="Пост губернатора"),
        ),
        "images": (photo(1), photo(2, caption="Степь", credit="Вера Лугова", credit_url="", alt_text="Дорога")),
        "authors": ("Вера Лугова",),
        "source": Source(
            source_id="telegram:solntsev",
            name="Канал Евгения Солнцева",
            kind="telegram",
            url="https://t.me/solntsev_official",
        ),
        "rubrics": (Rubric(label="Политика"), Rubric(label="За рубежом")),
        "tags": (
            Tag(label="Евгений Солнцев", kind="person"),
            Tag(label="Казахстан", kind="place"),
            Tag(label="автобусы"),
        ),
        "age_mark": "6+",
    }
    return Snapshot(**(given | changes))


def order(
    value: int = 1, version: int = 1, action: str = "publish", minute: int | None = None, **changes
) -> ReleaseOrdered:
    at = NOON + timedelta(minutes=value if minute is None else minute, seconds=version)
    own = {name: changes.pop(name) for name in ("reason", "revives_killed", "ordered_by") if name in changes}
    return ReleaseOrdered(
        release_id=number(value * 1000 + version, 3),
        story_id=number(value),
        version=version,
        action=action,
        snapshot=changes.pop("snapshot", None) or snapshot(**changes),
        ordered_at=at,
        **own,
    )


def story(value: int = 1, **changes) -> Story:
    given = {
        name: changes.pop(name)
        for name in ("version", "state", "path", "reason", "first_path", "old_paths", "changed_at")
        if name in changes
    }
    base = Story(
        story_id=number(value),
        version=1,
        state="live",
        path=f"2026/11/12/delegatsiya-{value:08d}",
        snapshot=snapshot(**changes),
        first_published_at=NOON,
        changed_at=NOON,
        sites=("main",),
    )
    return replace(base, **given)
