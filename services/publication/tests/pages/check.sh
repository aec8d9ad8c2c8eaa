#!/bin/sh
# Installs the judges beside this file (git-ignored) and lets them judge. Needs java, node and Chromium. Argument: a folder for screenshots.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../../.."
bin=$PWD/.venv/bin
[ -d "$here/node_modules/vnu-jar" ] || (cd "$here" && npm ci --no-audit --no-fund --ignore-scripts --loglevel error)
[ -x "$here/.venv/bin/python" ] || { "$bin/python" -m venv "$here/.venv" && "$bin/uv" pip install -q --python "$here/.venv/bin/python" --require-hashes -r "$here/requirements.lock"; }
exec "$bin/python" -u "$here/check_pages.py" "$@"
