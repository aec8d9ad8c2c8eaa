"""What the pages tell people to type and to open is there."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_command

from chassis.commands import app
from stack.engines import SERVICES

ROOT = Path(__file__).parents[2]
PAGES = sorted([
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("services/*/README.md"),
    *ROOT.glob("infra/*/README.md"),
])  # fmt: skip
CODE = re.compile(r"```.*?\n(?P<block>.*?)```|`(?P<span>[^`\n]+)`", re.DOTALL)


@cache
def files():
    folders = ("docs", "infra", "services", "shared", "tests")
    left_out = {"node_modules", ".venv", "__pycache__"}
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if not left_out & {*path.parts}]
    return [f"/{path.relative_to(ROOT)}" for path in [*ROOT.iterdir(), *found]]


def lines_to_type(page):
    for found in CODE.finditer(page.read_text(encoding="utf-8")):
        yield from (found["block"] or found["span"]).splitlines()


def unknown_in(words):
    """Of a command line, the words that no command of ours knows."""
    command = get_command(app)
    if words[0] in SERVICES:
        command, words = get_command(import_module(f"{words[0]}.commands").app), words[1:]
    while words and hasattr(command, "commands"):
        known = [command.commands[name] for name in words[0].split("|") if name in command.commands]
        if len(known) < len(words[0].split("|")):
            return words[:1]
        command, words = known[0], words[1:]
    options = {option for given in command.params for option in (*given.opts, *given.secondary_opts)}
    return [word for word in words if word.startswith("--") and word not in options]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_target_file_and_link_that_a_page_names_is_there(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    lines = [*lines_to_type(page)]
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    typed = [found[1].split() for line in lines if (found := re.match(r"depesha ([a-z][^#;&]*)", line))]
    made = [found[1] for line in lines if (found := re.match(r"make ([a-z-]+)", line))]
    named = [line for line in lines if re.fullmatch(r"[\w./-]+\.(?:py|md|sh|html|csv|css|po|mjs)", line)]

    assert {" ".join(words): wrong for words in typed if (wrong := unknown_in(words))} == {}
    assert [one for one in made if one not in targets] == []
    assert [one for one in named if not any(file.endswith(f"/{one}") for file in files())] == []
    assert [one for one in links if not (page.parent / one).exists()] == []
