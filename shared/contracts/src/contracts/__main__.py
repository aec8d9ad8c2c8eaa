"""`python -m contracts` writes docs/events.md and docs/asyncapi.json; `--check` only says whether they are current."""

import json
import sys
from pathlib import Path

from contracts.catalogue import asyncapi, events_page


def pages() -> dict[str, str]:
    return {"events.md": events_page(), "asyncapi.json": json.dumps(asyncapi(), ensure_ascii=False, indent=1) + "\n"}


def main() -> None:
    docs = Path("docs")
    stale = [
        name
        for name, text in pages().items()
        if not (docs / name).exists() or (docs / name).read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv:
        if stale:
            raise SystemExit(
                f"{', '.join(f'docs/{name}' for name in stale)} are not what the event classes say: run make docs"
            )
        return
    docs.mkdir(exist_ok=True)
    for name in stale:
        (docs / name).write_text(pages()[name], encoding="utf-8")


if __name__ == "__main__":
    main()
