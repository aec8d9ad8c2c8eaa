#!/bin/sh
# Coverage-guided fuzzing of what reads a photo's kind and words, for SECONDS (default 120). atheris has an environment of its own
# beside this file (git-ignored), which sees ours.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
bin=$here/.venv/bin
[ -x "$bin/python" ] && [ "$bin/python" -nt "$here/requirements.lock" ] || {
    .venv/bin/python -m venv "$here/.venv"
    .venv/bin/uv pip install -q --python "$bin/python" --require-hashes -r "$here/requirements.lock"
    touch -h "$bin/python"
}
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
PYTHONPATH="services/imaging/src:shared/contracts/src:shared/chassis/src:$site" "$bin/python" "$here/metadata.py" -max_total_time="${1:-120}" -timeout=5 -max_len=4096 "$corpus"
