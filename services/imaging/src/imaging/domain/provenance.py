"""Where a photo comes from: what its Content Credentials (C2PA) claim, and whether it says that a machine made it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from contracts.content import Provenance
from imaging.domain.rights import end_of
from imaging.domain.words import Words

MADE_BY_AI: Final = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia")
"""Source: IPTC NewsCodes, Digital Source Type."""
STATES: Final = {"Trusted": "valid", "Valid": "untrusted"}
"""The validator's word -> ours: signed by somebody we trust, or by a hand that we do not know."""
MOST_ACTIONS: Final = 50
LINE: Final = 200


def provenance_in(words: Words, claims: Mapping[str, Any] | None = None) -> Provenance | None:
    """What the file says of its making; None where it says nothing. `claims` is a manifest store as c2pa's reader tells it."""
    if claims is None:
        return Provenance(made_by_ai=is_by_machine(words.source_type)) if words.source_type else None
    active = claims.get("manifests", {}).get(claims.get("active_manifest"), {})
    signature = active.get("signature_info") or {}
    return Provenance(
        claim_generator=_generator(active)[:LINE],
        signed_by=str(signature.get("issuer") or signature.get("common_name") or "")[:LINE],
        signed_at=end_of(str(signature.get("time") or "")),
        state=STATES.get(claims.get("validation_state", ""), "invalid"),
        made_by_ai=is_by_machine(words.source_type) or is_by_machine(source_type_in(claims)),
        actions=tuple(dict.fromkeys(str(one.get("action", ""))[:LINE] for one in _actions(active)))[:MOST_ACTIONS],
    )


def is_by_machine(source_type: str) -> bool:
    return source_type.rpartition("/")[2] in MADE_BY_AI


def source_type_in(claims: Mapping[str, Any]) -> str:
    """The IPTC digital source type that the photo, or a picture it was made from, was created with; a machine's before others'."""
    told = [
        str(action["digitalSourceType"])
        for manifest in claims.get("manifests", {}).values()
        for action in _actions(manifest)
        if action.get("digitalSourceType")
    ]
    return next(filter(is_by_machine, told), told[0] if told else "")


def _generator(manifest: Mapping[str, Any]) -> str:
    for one in manifest.get("claim_generator_info") or ():
        return f"{one.get('name', '')} {one.get('version') or ''}".strip()
    return str(manifest.get("claim_generator") or "")


def _actions(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for assertion in manifest.get("assertions") or ():
        data = assertion.get("data")
        if str(assertion.get("label", "")).startswith("c2pa.actions") and isinstance(data, dict):
            yield from (action for action in data.get("actions") or () if isinstance(action, dict))
