#!/bin/sh
# What we stand on. `check.sh licences`: all on the list below. `check.sh audit`: known weaknesses; asks the package index's
# advisory database. `check.sh`: docs/licences.md and a CycloneDX bill of materials an image, in dist/sbom.
# The tools have an environment of their own beside this file (git-ignored).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
bin=$here/.venv/bin

# Permissive, or weak copyleft that a library used as it is may have; OFL is for fonts. A package under several licences may be used under any one of them.
allowed="MIT;MIT-0;BSD;0BSD;Apache;ISC;PSF;Python Software Foundation;CNRI-Python;Mozilla Public License;MPL-2.0;MPL-1.1;LGPL;Lesser General Public;Artistic;Zlib;CC0;OFL"

[ -x "$bin/pip-licenses" ] && [ "$bin/pip-licenses" -nt "$here/requirements.lock" ] || {
    .venv/bin/python -m venv "$here/.venv"
    .venv/bin/uv pip install -q --python "$bin/python" --require-hashes -r "$here/requirements.lock"
    touch "$bin/pip-licenses"
}

if [ "${1:-}" = audit ]; then
    exec "$bin/pip-audit" --strict --require-hashes --disable-pip -r requirements.lock --progress-spinner off
fi

ours="contracts chassis ingestion imaging tagging desk publication delivery stack"
"$bin/pip-licenses" --python .venv/bin/python --from=mixed --partial-match --allow-only "$allowed" --ignore-packages $ours >/dev/null
echo "licences: $("$bin/pip-licenses" --python .venv/bin/python --ignore-packages $ours --format=csv | tail -n +2 | wc -l) packages, all on the list"
[ "${1:-}" != licences ] || exit 0

mkdir -p dist/sbom
"$bin/pip-licenses" --python .venv/bin/python --from=mixed --ignore-packages $ours --no-version --format=markdown >docs/licences.md
for service in services/*; do
    name=$(basename "$service")
    "$bin/cyclonedx-py" requirements "$service/requirements.lock" --pyproject "$service/pyproject.toml" --mc-type application --output-reproducible --of JSON -o "dist/sbom/$name.json"
    echo "dist/sbom/$name.json: $(grep -c '"purl"' "dist/sbom/$name.json") components"
done
