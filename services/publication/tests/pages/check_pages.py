"""`make check-pages`: our pages before judges that we did not write. Ends with 1 if one of them complains.

Nu Html Checker, axe-core and Lighthouse in Chromium, schema.org's types and the TypeScript compiler, extruct and trafilatura.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen

from house import Pages, open_house
from lxml import html

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
READER = HERE / ".venv" / "bin" / "python"
GOALS = {"accessibility": 100, "seo": 100, "best-practices": 100, "performance": 95}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots", default="", help="a folder for screenshots")
    parser.add_argument("judges", nargs="*", default=["html", "types", "reading", "browser"])
    asked = parser.parse_args()
    complaints: list[str] = []
    with open_house() as site, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        judges = {
            "html": lambda: check_html(site, folder),
            "types": lambda: check_types(site, folder),
            "reading": lambda: check_reading(site, folder),
            "browser": lambda: check_browser(site, folder, asked.shots),
        }
        for judge in asked.judges:
            found = judges[judge]()
            say("".join(f"  ✗ {one}\n" for one in found).rstrip("\n"))
            complaints += found
    raise SystemExit(1 if complaints else 0)


def say(line: str) -> None:
    if line:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def fetch(url: str) -> str:
    with urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def check_html(site: Pages, folder: Path) -> list[str]:
    """Nu Html Checker: no errors."""
    for name, url in site.pages.items():
        (folder / f"{name}.html").write_text(fetch(url), encoding="utf-8")
    jar = MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"
    files = sorted(str(one) for one in folder.glob("*.html"))
    done = subprocess.run(
        ["java", "-Xss1m", "-jar", str(jar), "--format", "json", *files], capture_output=True, check=False
    )
    messages = [one for one in json.loads(done.stderr)["messages"] if one["type"] == "error"]
    say(f"Nu Html Checker: {len(files)} pages, {len(messages)} errors")
    return [f"html {Path(one['url']).stem}: {one['message']} … {one.get('extract', '')[:120]!r}" for one in messages]


def check_types(site: Pages, folder: Path) -> list[str]:
    """schema-dts: the JSON-LD is a NewsArticle to the TypeScript compiler."""
    lines = ['import type { NewsArticle, WithContext } from "schema-dts";']
    for name, one in site.articles.items():
        text = html.fromstring(fetch(one["url"])).xpath("//script[@type='application/ld+json']")[0].text
        lines.append(f"export const {name}: WithContext<NewsArticle> = {text};")
    (folder / "articles.ts").write_text("\n".join(lines), encoding="utf-8")
    (folder / "node_modules").symlink_to(MODULES)
    done = subprocess.run(
        [
            str(MODULES / ".bin" / "tsc"),
            "--noEmit",
            "--strict",
            "--skipLibCheck",
            "--module",
            "nodenext",
            "articles.ts",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    say(f"schema-dts and tsc: {len(site.articles)} articles, {'accepted' if done.returncode == 0 else 'refused'}")
    return [f"types: {line[:400]}" for line in done.stdout.splitlines()] if done.returncode else []


def check_reading(site: Pages, folder: Path) -> list[str]:
    """Extruct and trafilatura read back headline, date, author and the full text."""
    given = folder / "articles.json"
    given.write_text(json.dumps(site.articles), encoding="utf-8")
    done = subprocess.run(
        [str(READER), str(HERE / "readback.py"), str(given)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return [f"reading back: {done.stderr[-600:]}"]
    complaints = []
    for name, read in json.loads(done.stdout).items():
        wanted, got, seen = site.articles[name], read["trafilatura"], read["json_ld"]
        pairs = {
            "extruct headline": (seen["headline"], wanted["headline"]),
            "extruct author": (seen["author"][0]["name"], wanted["author"]),
            "extruct date": (seen["datePublished"][:10], wanted["date"]),
            "extruct text": (seen["articleBody"], wanted["text"]),
            "og:title": (read["opengraph"]["og:title"], wanted["headline"]),
            "trafilatura title": (got["title"], wanted["headline"]),
            "trafilatura author": (got["author"], wanted["author"]),
            "trafilatura date": (got["date"], wanted["date"]),
        }
        complaints += [
            f"{name}, {what}: {was!r} instead of {should!r}" for what, (was, should) in pairs.items() if was != should
        ]
        body = " ".join((got["text"] or "").replace("*", "").split())  # the stars of footnotes
        lost = [
            part
            for part in wanted["text"].replace("\n", "\n\n").split("\n\n")
            if part and " ".join(part.split()) not in body
        ]
        complaints += [f"{name}, trafilatura lost: {part[:90]!r}" for part in lost]
    say(f"extruct and trafilatura: {len(site.articles)} articles, {len(complaints)} differences")
    return complaints


def check_browser(site: Pages, folder: Path, shots: str) -> list[str]:
    """axe-core on every page type, Lighthouse on the article."""
    given = folder / "pages.json"
    given.write_text(
        json.dumps(
            {"pages": site.pages, "lighthouse": {"article": site.pages["article-ru"], "front": site.pages["front"]}}
        )
    )
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
    done = subprocess.run(
        ["node", "browse.mjs", str(given), browser, shots], cwd=HERE, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return [f"browser: {done.stderr[-800:]}"]
    result = json.loads(done.stdout.splitlines()[-1])
    complaints = [f"axe {name}: {what}" for name, found in result["axe"].items() for what in found]
    say(f"axe-core: {len(result['axe'])} page types at 360 and 1280 px, light and dark, {len(complaints)} violations")
    for name, judged in result["lighthouse"].items():
        say(f"Lighthouse {name}: {judged['scores']}; not full: {', '.join(judged['weak']) or 'nothing'}")
    scores = result["lighthouse"]["article"]["scores"]
    return complaints + [
        f"Lighthouse {name}: {scores[name]}, goal {goal}" for name, goal in GOALS.items() if scores[name] < goal
    ]


if __name__ == "__main__":
    main()
