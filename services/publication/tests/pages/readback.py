"""Runs in an environment of its own: extruct and trafilatura read an article back. Takes a JSON file, prints one JSON object."""

import json
import sys
from urllib.request import urlopen

import extruct
import trafilatura


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - one line in a script
        articles = json.load(file)
    print(json.dumps({name: read(one["url"]) for name, one in articles.items()}, ensure_ascii=False))


def read(url: str) -> dict:
    with urlopen(url, timeout=20) as answer:
        page = answer.read().decode()
    data = extruct.extract(page, base_url=url, syntaxes=["json-ld", "opengraph"])
    text = trafilatura.bare_extraction(page, url=url, with_metadata=True, favor_recall=True)
    found = text if isinstance(text, dict) else text.as_dict()
    return {
        "json_ld": data["json-ld"][0],
        "opengraph": dict(data["opengraph"][0]["properties"]),
        "trafilatura": {name: found.get(name) for name in ("title", "author", "date", "text")},
    }


if __name__ == "__main__":
    main()
