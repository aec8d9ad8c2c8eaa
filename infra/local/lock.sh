#!/bin/sh
# Writes every requirements.lock: hashes, no URLs. `lock.sh --check` writes nothing and fails if one is not current.
set -eu
cd "$(dirname "$0")/../.."
uv=.venv/bin/uv
[ -x "$uv" ] || uv=uv
root=requirements.lock
out=.
if [ "${1:-}" = --check ]; then
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi

compile() { # compile LOCK ARG...: the pins already in LOCK are kept
    lock=$1
    shift
    mkdir -p "$out/$(dirname "$lock")"
    [ "$out" = . ] || [ ! -f "$lock" ] || cp "$lock" "$out/$lock"
    "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-package contracts --no-emit-package chassis \
        "$@" -o "$out/$lock" >/dev/null
    [ "$out" = . ] || cmp -s "$lock" "$out/$lock" || { echo "$lock is not current: run make lock" >&2; exit 1; }
}

compile $root shared/*/pyproject.toml services/*/pyproject.toml infra/local/pyproject.toml --group pyproject.toml:dev
for member in shared/chassis services/*; do
    compile "$member/requirements.lock" "$member/pyproject.toml" --constraint "$root"
done

for tools in infra/supply tests/fuzz; do
    compile $tools/requirements.lock $tools/requirements.in
done

# uv alone, which pip installs before everything else
mkdir -p "$out/infra/local"
awk '/^[^ ]/ { wanted = /^uv==/ } wanted' $root >"$out/infra/local/bootstrap.lock"
[ "$out" = . ] || cmp -s infra/local/bootstrap.lock "$out/infra/local/bootstrap.lock" || { echo "bootstrap.lock is not current: run make lock" >&2; exit 1; }
