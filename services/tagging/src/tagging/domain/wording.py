"""Reasons in words, in the languages of those who read them."""

from tagging.domain.ranking import Candidate

LANGUAGES = ("ru", "en", "kk")
USUAL = 0.6
"""Acceptance of what editors kept three times and never removed."""


def reasons(one: Candidate) -> dict[str, str]:
    """Language -> «9 упоминаний, в заголовке»."""
    if one.is_implied:
        place = one.implied_by
        return {
            "ru": f"не назван, но назван {place['ru']}",
            "en": f"not named, but {place['en']} is",
            "kk": f"аталмаған, бірақ {place['kk']} аталған",
        }
    count = len(one.spans)
    parts = {
        "ru": [f"{count} {_russian(count)}"],
        "en": [f"{count} mention{'' if count == 1 else 's'}"],
        "kk": [f"{count} рет аталған"],
    }
    for is_there, words in (
        (one.in_headline, ("в заголовке", "in the headline", "тақырыпта")),
        (one.in_lede, ("в лиде", "in the lede", "кіріспеде")),
        (one.in_caption_only, ("только в подписи к фото", "in a caption only", "тек сурет астында")),
        (
            one.acceptance > USUAL,
            ("редакторы обычно оставляют", "editors usually keep it", "редакторлар әдетте қалдырады"),
        ),
        (
            one.acceptance < -USUAL,
            ("редакторы обычно убирают", "editors usually remove it", "редакторлар әдетте алып тастайды"),
        ),
    ):
        for language, word in zip(LANGUAGES, words, strict=True):
            if is_there:
                parts[language].append(word)
    return {language: ", ".join(words) for language, words in parts.items()}


RUBRIC_REASONS = {
    "country": {
        "ru": "заметна другая страна: {label}",
        "en": "another country stands out: {label}",
        "kk": "басқа ел туралы: {label}",
    },
    "region": {"ru": "регион: {label}", "en": "region: {label}", "kk": "өңір: {label}"},
    "office": {"ru": "должность: {label}", "en": "office: {label}", "kk": "лауазым: {label}"},
    "subject": {"ru": "тема: {label}", "en": "subject: {label}", "kk": "тақырып: {label}"},
}
"""Why a shipped rule files a story under a rubric; {label} is what the story names."""
FILED_ALIKE = {
    "ru": "так вы помечали похожие статьи",
    "en": "you filed similar stories so",
    "kk": "ұқсас мақалаларды осылай жіктегенсіз",
}
CHOSEN = {"ru": "выбран редактором", "en": "chosen by an editor", "kk": "редактор таңдаған"}


def _russian(count: int) -> str:
    if count % 10 == 1 and count % 100 != 11:
        return "упоминание"
    return "упоминания" if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else "упоминаний"
