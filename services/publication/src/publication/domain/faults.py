"""Why a release cannot be carried out: a code with values for programs, and words for whoever reads them here."""

from typing import Final

from contracts.content import Fault, ReleasedImage, Snapshot

WORDS: Final = {
    "stays-killed": "Материал отозван (kill). Вернуть его может только редактор с правом снятия запрета.",
    "no-site": "Ни один из наших сайтов не берёт рубрики этого материала. Добавьте рубрику или измените настройки сайтов.",
    "never-out": "Этот материал ещё не публиковался: снимать нечего.",
    "storage-down": "Хранилище не отвечает, публикация будет повторена сама ({reason}).",
    "no-headline": "Заголовок пуст.",
    "photo-unready": "У фото {place} ({photo}) нет готовых размеров: дождитесь обработки или замените его.",
    "photo-unknown": "В тексте стоит фото {photo}, которого нет среди фотографий материала: уберите его.",
    "photo-lost": "Файлов фото «{photo}» нет в хранилище: обработайте его заново или замените.",
}
"""code -> a sentence with places for its values."""


def fault(code: str, **values: object) -> Fault:
    return Fault(code=code, values={name: str(value) for name, value in values.items()})


def in_words(faults: list[Fault]) -> str:
    return " ".join(WORDS[one.code].format(**one.values) for one in faults)


def name_of(image: ReleasedImage) -> str:
    """How an editor knows a photo."""
    return image.caption[:60] or str(image.image_id)


def find_faults(snapshot: Snapshot) -> list[Fault]:
    """What would make a broken page. Nothing found: the snapshot can be released."""
    known = {image.image_id for image in snapshot.images}
    faults = [
        fault("photo-unready", place=place, photo=name_of(image))
        for place, image in enumerate(snapshot.images, start=1)
        if not any(one.content_type == "image/jpeg" for one in image.manifest.renditions)
    ]
    faults += [
        fault("photo-unknown", photo=block.image_id)
        for block in snapshot.blocks
        if block.kind == "image" and block.image_id not in known
    ]
    if not snapshot.headline.strip():
        faults.append(fault("no-headline"))
    return faults
