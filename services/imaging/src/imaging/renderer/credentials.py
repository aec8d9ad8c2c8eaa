"""Content Credentials (C2PA): read from a stranger's photo, and put into the files that we make of it.

The library is loaded with the first photo that needs it. It never asks the network for anything, and holds no key: whoever
started us signs.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from imaging.domain.renditions import CONTENT_TYPES, Format
from imaging.domain.words import NAMESPACES, Words

if TYPE_CHECKING:
    from c2pa import Context, Signer

MANIFEST_STORE: Final = bytes.fromhex("63327061 0011 0010 8000 00aa00389b71")
"""The type of the box that every file with a manifest has. Source: C2PA Technical Specification 2.2, section 11.1.4."""
NOTHING_READABLE: Final = {"validation_state": "Invalid"}

Ask = Callable[[bytes], bytes]
"""Gives the signature of these bytes."""


def read_claims(body: bytes, kind: str, trust_anchors: str) -> dict[str, Any] | None:
    """The manifest store as c2pa's reader tells it; None where there is none. One that is broken is told as invalid."""
    if MANIFEST_STORE not in body:
        return None
    from c2pa import C2paError, Reader  # noqa: PLC0415 - see above

    try:
        with Reader(f"image/{kind}", BytesIO(body), context=_context(trust_anchors)) as reader:
            claims: dict[str, Any] = json.loads(reader.json())
            return claims
    except C2paError.ManifestNotFound:
        return None
    except (C2paError, ValueError):
        return NOTHING_READABLE


@cache
def _context(trust_anchors: str) -> "Context":
    from c2pa import Context, Settings  # noqa: PLC0415

    trust = {"trust": {"trust_anchors": trust_anchors}} if trust_anchors else {}
    verify = {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False}
    return Context(Settings.from_dict({"builder": {"thumbnail": {"enabled": False}}, "verify": verify, **trust}))


class Seal:
    """Signs the renditions of one photo. Safe to share between threads: they take turns."""

    def __init__(self, certificates: str, algorithm: str, ask: Ask, kind: str, words: Words) -> None:
        """`kind` and `words` are the original's."""
        self._certificates, self._algorithm, self._ask = certificates, algorithm, ask
        self._kind, self._words = kind, words
        self._lock = threading.Lock()
        self.problem = ""
        """Why a file went out unsigned."""

    def sign(self, file: bytes, file_format: Format, actions: Sequence[str]) -> bytes:
        """The file with a manifest; as it was where that fails: a photo is not held back for the want of a signature."""
        from c2pa import Builder, C2paError  # noqa: PLC0415

        content_type, signed = CONTENT_TYPES[file_format], BytesIO()
        try:
            claim = _claim(content_type, self._kind, actions, self._words)
            with self._lock, Builder(claim, _context("")) as builder:
                builder.sign(self._signer(), content_type, BytesIO(file), signed)
        except C2paError as error:
            self.problem = str(error)[:200]
            return file
        return signed.getvalue()

    def _signer(self) -> "Signer":
        from c2pa import C2paSigningAlg, Signer  # noqa: PLC0415

        return Signer.from_callback(self._ask, C2paSigningAlg[self._algorithm.upper()], self._certificates)


def _claim(content_type: str, kind: str, actions: Sequence[str], words: Words) -> dict[str, Any]:
    """What we say of a rendition: made from the original by these actions, with these words.

    The original's own manifest stays out of it: it may hold a thumbnail of the whole frame and the place where it was taken.
    """
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["original"]}}
    assertions = [
        {
            "label": "c2pa.actions.v2",
            "data": {"actions": [opened, *({"action": action} for action in (*actions, "c2pa.transcoded"))]},
        }
    ]
    if said := _metadata(words):
        prefixes = {name.partition(":")[0] for name in said}
        context = {name: NAMESPACES[name] for name in sorted(prefixes)}
        assertions.append({"label": "cawg.metadata", "data": {"@context": context, **said}})
    return {
        "claim_generator_info": [{"name": "Depesha", "version": version("imaging")}],
        "format": content_type,
        "ingredients": [
            {"title": "original", "format": f"image/{kind}", "relationship": "parentOf", "label": "original"}
        ],
        "assertions": assertions,
    }


def _metadata(words: Words) -> Mapping[str, str | list[str]]:
    author = words.byline or words.credit
    said = {
        "dc:description": words.caption,
        "dc:creator": [author] if author else "",
        "dc:rights": words.copyright,
        "photoshop:Credit": words.credit,
        "Iptc4xmpExt:DigitalSourceType": words.source_type,
    }
    return {name: text for name, text in said.items() if text}
