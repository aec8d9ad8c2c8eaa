"""Whatever an editor pastes, only the marks of `InlineHtml` stay."""

import re
from typing import Final

import nh3

from contracts.content import Block, ListBlock, Paragraph, Quote
from desk.domain.draft import Draft, plain_text

MARKS: Final = {"a", "b", "strong", "i", "em", "u", "s", "code", "sub", "sup", "br"}
SCHEMES: Final = {"http", "https", "mailto", "tel"}


SPACES: Final = re.compile(r"[^\S\xa0]+")
"""All but the space that keeps «в Орске» on one line."""


def clean_html(html: str) -> str:
    """The marks that may stay. A space that does not break stays the sign that it is: saving a text changes none of it."""
    clean = nh3.clean(html, tags=MARKS, attributes={"a": {"href"}}, url_schemes=SCHEMES, link_rel=None)
    return clean.replace("&nbsp;", "\xa0").strip()


def clean_draft(draft: Draft) -> Draft:
    """The draft with clean blocks, empty paragraphs gone, lines without line ends; checked again as a whole.

    Raises:
        pydantic.ValidationError: a field breaks its limits.

    """
    blocks = tuple(clean for block in draft.blocks if (clean := _clean_block(block)) is not None)
    return Draft.model_validate(
        {
            **{name: getattr(draft, name) for name in Draft.model_fields},
            "headline": SPACES.sub(" ", draft.headline).strip(),
            "lede": draft.lede.strip(),
            "blocks": blocks,
        }
    )


def _clean_block(block: Block) -> Block | None:
    if isinstance(block, Paragraph | Quote):
        html = clean_html(block.html)
        return block.model_copy(update={"html": html}) if plain_text(html) else None
    if isinstance(block, ListBlock):
        items = tuple(item for one in block.items if plain_text(item := clean_html(one)))
        return block.model_copy(update={"items": items}) if items else None
    return block
